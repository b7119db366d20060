package bpf

import (
	"bytes"
	"math"
	"syscall"

	"github.com/purebpf/bpf/internal/privilege"
	"github.com/purebpf/bpf/sys"
)

// Sizes of log buffers. libbpf starts with 16 MiB - 1 and doubles while the size fits 32 bits.
const (
	firstLogSize = math.MaxUint32 >> 8
	lastLogSize  = math.MaxUint32 >> 2
)

// scratch is memory that one load uses again and again.
type scratch struct {
	log   []byte
	insns []insn
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

// grownLog returns the size of the next log buffer after one of that size was too small, 0 if there
// is none. need is the size that the kernel reports for the log, 0 from kernels before 6.4.
func grownLog(size, need uint32) uint32 {
	switch {
	case need > size && need < math.MaxUint32-4096:
		return need + 4096 // a second verification may write a few more digits
	case size > lastLogSize:
		return 0
	}
	return size * 2
}

// smallestLog is the smallest buffer that every kernel accepts.
const smallestLog = 128

// firstLog returns the size of the first log buffer.
func (l *loader) firstLog() uint32 {
	if n := l.opts.LogSize; n > 0 {
		return max(n, smallestLog)
	}
	return firstLogSize
}

// nextLog returns the size of the log buffer after one was too small, 0 if there is none: see
// grownLog.
func (l *loader) nextLog(size, need uint32) uint32 {
	if l.opts.LogSize > 0 {
		return 0
	}
	return grownLog(size, need)
}

// logBuffer returns scratch memory, no longer than the limit of the options.
func (l *loader) logBuffer(size uint32) []byte {
	buf := l.scratch.logBuffer(size)
	if l.opts.LogSize > 0 {
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

// uploadBTF loads the object's type information into the kernel. Without it maps and programs have
// no types; only struct_ops needs it (libbpf bpf_object__sanitize_and_load_btf).
func (l *loader) uploadBTF() error {
	if len(l.plan.BTF) == 0 {
		return nil
	}
	token, flag := l.tokenFD()
	attr := sys.BTFLoadAttr{BTF: sys.Slice(l.plan.BTF), Size: uint32(len(l.plan.BTF)),
		TokenFD: token, Flags: flag}
	fd, err := sys.BTFLoad(&attr)
	refusal := err
	if err == nil {
		l.keepBTF(fd)
		return nil
	}
	l.ev.Info("the kernel did not take the object's BTF, asking once more with a log",
		"object", l.obj.name, "err", err)
	var buf []byte
	truncated := false
	for size := l.firstLog(); size != 0; {
		buf = l.logBuffer(size)
		attr.LogBuf, attr.LogSize, attr.LogLevel, attr.LogTrueSize = sys.Slice(buf),
			uint32(len(buf)), 1, 0
		if fd, err = sys.BTFLoad(&attr); err == nil {
			l.keepBTF(fd)
			return nil
		}
		if truncated = err == syscall.ENOSPC; !truncated {
			break
		}
		if size = l.nextLog(attr.LogSize, attr.LogTrueSize); size != 0 {
			l.ev.Info("the log did not fit, asking once more with a larger buffer",
				"object", l.obj.name, "bytes", attr.LogSize, "next", size)
		}
	}
	if truncated {
		err = refusal // ENOSPC is about the log
	}
	failure := l.fail("load BTF", "", err)
	if text := logText(buf); len(text) > 0 {
		e := newVerifierError(nil, nil, l.scratch.keepLog(text), truncated, err)
		e.Object, e.Hint, e.LogSize = l.obj.name, privilege.Hint(err), attr.LogTrueSize
		failure = e
	}
	if l.plan.BTFNeeded {
		return failure
	}
	l.ev.Warn("the kernel refused the object's BTF; maps and programs go without types",
		"object", l.obj.name, "err", failure)
	return nil
}

func (l *loader) keepBTF(fd *sys.FD) {
	l.btf, l.obj.btfFD = fd, fd
	l.ev.Debug("uploaded BTF", "object", l.obj.name, "bytes", len(l.plan.BTF))
}
