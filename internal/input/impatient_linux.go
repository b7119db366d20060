package input

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// errWaits is the error for a file whose next bytes are not available yet.
var errWaits = errors.New("reading would wait, perhaps forever: give a regular file")

// impatient reads a file without waiting. Some files of /proc and tracefs claim to be regular but
// deliver events as they occur.
type impatient struct{ raw syscall.RawConn }

// ready returns a reader of f, which was opened with O_NONBLOCK, that does not wait.
func ready(f *os.File) (content, error) {
	if f.SetReadDeadline(time.Time{}) != nil {
		return f, nil // nothing can wait for it
	}
	raw, err := f.SyscallConn()
	return impatient{raw}, err
}

func (r impatient) Read(b []byte) (int, error) {
	return r.read(b, func(fd int) (int, error) { return syscall.Read(fd, b) })
}

// ReadAt reads until b is full, as os.File does.
func (r impatient) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) && err == nil {
		rest, at := b[n:], off+int64(n)
		var m int
		m, err = r.read(rest, func(fd int) (int, error) { return syscall.Pread(fd, rest, at) })
		n += m
	}
	return n, err
}

func (r impatient) read(b []byte, call func(fd int) (int, error)) (n int, err error) {
	failed := r.raw.Control(func(fd uintptr) {
		for {
			if n, err = call(int(fd)); err != syscall.EINTR {
				return
			}
		}
	})
	switch {
	case failed != nil:
		return 0, failed
	case err == syscall.EAGAIN:
		return 0, errWaits
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	return n, nil
}
