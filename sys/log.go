package sys

import (
	"bytes"
	"math"
	"strings"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/uapi"
)

// LogOptions says what log the kernel writes about a program or BTF, and how often to try. nil
// means the zero value.
type LogOptions struct {
	Level uapi.LogLevel // 0: a log only after a refusal, at level 1
	// Size is the size of the log buffer in bytes, at least 128. 0: it grows from 16 MiB to 4 GiB
	// while the kernel answers ENOSPC, as in libbpf.
	Size     uint32
	Attempts int // while the kernel answers EAGAIN (libbpf attempts); 0: ProgLoadAttempts
}

// LogError is the kernel's refusal of a program or BTF, with its log.
type LogError struct {
	Errno     syscall.Errno
	Log       string
	Truncated bool   // the log didn't fit: kernels from 6.4 on keep its end, older ones its beginning
	Size      uint32 // of the complete log with a NUL; 0 from kernels before 6.4
}

// Error returns the errno's text and the last line of the log that says something.
func (e *LogError) Error() string {
	text := ErrnoText(e.Errno)
	lines := strings.Split(strings.TrimSpace(e.Log), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if line := strings.TrimSpace(lines[i]); line != "" && !strings.HasPrefix(line, "processed ") {
			return text + ": " + line
		}
	}
	return text
}

// Unwrap returns the errno.
func (e *LogError) Unwrap() error { return e.Errno }

// Sizes of log buffers. libbpf starts with 16 MiB - 1 and doubles while the size fits 32 bits.
const (
	FirstLogSize = math.MaxUint32 >> 8
	lastLogSize  = math.MaxUint32 >> 2
	smallestLog  = 128 // that every kernel accepts
)

// GrownLog returns the size of the next log buffer after one of that size was too small, 0 if there
// is none. need is the size that the kernel reports for the log, 0 from kernels before 6.4.
func GrownLog(size, need uint32) uint32 {
	switch {
	case need > size && need < math.MaxUint32-4096:
		return need + 4096 // a second verification may write a few more digits
	case size > lastLogSize:
		return 0
	}
	return size * 2
}

// ProgLoadLog loads a program with libbpf's log protocol (libbpf bpf_prog_load, and the retries of
// bpf_object__load): at level 0 it asks for a log after a refusal; a log that doesn't fit is asked
// for again with a larger buffer; if the kernel's records of function or line info are shorter, the
// bytes that it doesn't know are zeroed in copies. It sets the log fields of a, and returns the log
// of a successful load at level 1 or above. A refusal with a log is a *LogError. The caller closes
// the FD.
func ProgLoadLog(a *ProgLoadAttr, opts *LogOptions) (*FD, string, error) {
	if opts == nil {
		opts = &LogOptions{}
	}
	return logged(opts, func(level uapi.LogLevel, buf []byte) (*FD, uint32, error) {
		a.LogLevel, a.LogSize, a.LogBuf, a.LogTrueSize = level, uint32(len(buf)), Slice(buf), 0
		funcs, lines := a.FuncInfoRecSize, a.LineInfoRecSize
		fd, _, err := progLoad(a, opts.Attempts)
		for range 2 { // functions, lines
			if err != syscall.E2BIG || a.FitRecords(funcs, lines) == "" {
				break
			}
			fd, _, err = progLoad(a, opts.Attempts)
		}
		return fd, a.LogTrueSize, err
	})
}

// BTFLoadLog loads type information with the same protocol (libbpf bpf_btf_load and
// btf__load_into_kernel).
func BTFLoadLog(a *BTFLoadAttr, opts *LogOptions) (*FD, string, error) {
	if opts == nil {
		opts = &LogOptions{}
	}
	return logged(opts, func(level uapi.LogLevel, buf []byte) (*FD, uint32, error) {
		a.LogLevel, a.LogSize, a.LogBuf, a.LogTrueSize = level, uint32(len(buf)), Slice(buf), 0
		fd, err := BTFLoad(a)
		return fd, a.LogTrueSize, err
	})
}

// logged makes a request with the log protocol. load makes one attempt and returns the size that
// the kernel reports for the log.
func logged(opts *LogOptions, load func(uapi.LogLevel, []byte) (*FD, uint32, error)) (*FD, string,
	error) {
	level := opts.Level
	var refusal error
	if level == 0 {
		fd, _, err := load(0, nil)
		if err == nil {
			return fd, "", nil
		}
		level, refusal = 1, err
	}
	size := uint32(FirstLogSize)
	if opts.Size > 0 {
		size = max(opts.Size, smallestLog)
	}
	for {
		buf := make([]byte, min(size, math.MaxInt32)) // as much as 32-bit machines can
		fd, need, err := load(level, buf)
		text := buf
		if i := bytes.IndexByte(buf, 0); i >= 0 {
			text = buf[:i]
		}
		if err == nil {
			return fd, string(text), nil
		}
		truncated := err == syscall.ENOSPC
		if truncated && opts.Size == 0 {
			if size = GrownLog(size, need); size != 0 {
				continue
			}
		}
		if truncated && refusal != nil {
			err = refusal // ENOSPC is about the log
		}
		errno, ok := err.(syscall.Errno)
		if !ok || len(text) == 0 {
			return nil, "", err
		}
		return nil, "", &LogError{
			Errno: errno, Log: string(text), Truncated: truncated, Size: need,
		}
	}
}

// FitRecords prepares for one more attempt after the kernel refused a with E2BIG because its
// records of function or line info are shorter: the kernel then has put the length of its records
// in place of the length in a, which was funcs or lines. FitRecords restores the length and zeroes,
// in a copy, the bytes that the kernel doesn't know. It returns what it changed, "function" or
// "line", or "" if E2BIG had another reason.
func (a *ProgLoadAttr) FitRecords(funcs, lines uint32) string {
	switch {
	case a.FuncInfoRecSize < funcs && a.FuncInfoCnt > 0:
		a.FuncInfo = zeroTails(a.FuncInfo, a.FuncInfoCnt, funcs, a.FuncInfoRecSize)
		a.FuncInfoRecSize = funcs
		return "function"
	case a.LineInfoRecSize < lines && a.LineInfoCnt > 0:
		a.LineInfo = zeroTails(a.LineInfo, a.LineInfoCnt, lines, a.LineInfoRecSize)
		a.LineInfoRecSize = lines
		return "line"
	}
	return ""
}

// zeroTails copies n records of size bytes and clears what lies beyond the first known bytes of
// each.
func zeroTails(raw Pointer, n, size, known uint32) Pointer {
	out := bytes.Clone(unsafe.Slice((*byte)(raw.Unsafe()), int(n)*int(size)))
	for i := range int(n) {
		record := out[i*int(size):][:size]
		clear(record[known:])
	}
	return Slice(out)
}
