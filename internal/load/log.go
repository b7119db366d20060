package load

import (
	"bytes"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/sys"
)

// scratch is memory that one load uses again and again.
type scratch struct {
	log   []byte
	insns []asm.Instruction
}

// logBuffer returns a buffer of at least size bytes for the kernel to write a log into.
func (s *scratch) logBuffer(size uint32) []byte {
	if uint32(len(s.log)) < size {
		s.log = make([]byte, size)
	}
	return s.log
}

// keepLog returns the text in the log buffer for good: a copy, or the buffer itself if it is mostly
// full.
func (s *scratch) keepLog(text []byte) []byte {
	if len(text) < len(s.log)/2 {
		return bytes.Clone(text)
	}
	s.log = nil
	return text
}

// smallestLog is the smallest buffer that every kernel accepts.
const smallestLog = 128

// firstLog returns the size of the first log buffer.
func (x *execution) firstLog() uint32 {
	if n := x.opts.LogSize; n > 0 {
		return max(n, smallestLog)
	}
	return sys.FirstLogSize
}

// nextLog returns the size of the log buffer after one was too small, 0 if there is none: see
// sys.GrownLog.
func (x *execution) nextLog(size, need uint32) uint32 {
	if x.opts.LogSize > 0 {
		return 0
	}
	return sys.GrownLog(size, need)
}

// logBuffer returns scratch memory, no longer than the limit of the options.
func (x *execution) logBuffer(size uint32) []byte {
	buf := x.scratch.logBuffer(size)
	if x.opts.LogSize > 0 {
		buf = buf[:size]
	}
	return buf
}

// logText returns the kernel's text in a log buffer.
func logText(buf []byte) []byte {
	for i, c := range buf {
		if c == 0 {
			return buf[:i]
		}
	}
	return buf
}
