package sys

import (
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/purebpf/bpf/internal/denied"
)

// File is a file for reading, without the runtime's poller. os.Open asks the poller whether it can
// watch the file: eight system calls that a short-lived process would notice. File implements
// io.ReaderAt.
type File struct {
	fd   *FD
	path string
	size int64
	mode uint32
}

// OpenFile opens a file or directory for reading; it doesn't block on a FIFO. The caller closes it.
// Errors are *os.PathError.
func OpenFile(path string) (*File, error) {
	f := &File{path: path}
	var raw int
	err := syscall.EINTR
	for err == syscall.EINTR {
		var e error
		raw, e = syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
		err, _ = e.(syscall.Errno)
	}
	if err != 0 {
		return nil, &os.PathError{Op: "open", Path: path,
			Err: denied.Explain(path, denied.Read, err)}
	}
	var e error
	if f.fd, e = NewFD(raw); e != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: e}
	}
	var st syscall.Stat_t
	if e := syscall.Fstat(f.fd.Int(), &st); e != nil {
		f.Close()
		return nil, &os.PathError{Op: "stat", Path: path, Err: e}
	}
	f.size, f.mode = st.Size, st.Mode
	return f, nil
}

// Int returns the descriptor, which the File owns.
func (f *File) Int() int { return f.fd.Int() }

// Size returns the size when the file was opened.
func (f *File) Size() int64 { return f.size }

// Type returns the type bits of its mode, 0 for a regular file.
func (f *File) Type() fs.FileMode {
	switch f.mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		return 0
	case syscall.S_IFDIR:
		return fs.ModeDir
	case syscall.S_IFIFO:
		return fs.ModeNamedPipe
	case syscall.S_IFSOCK:
		return fs.ModeSocket
	case syscall.S_IFBLK:
		return fs.ModeDevice
	case syscall.S_IFCHR:
		return fs.ModeDevice | fs.ModeCharDevice
	}
	return fs.ModeIrregular
}

// ReadAt reads len(b) bytes from an offset, or fewer at the end of the file with io.EOF.
func (f *File) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		m, err := syscall.Pread(f.fd.Int(), b[n:], off+int64(n))
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return n, &os.PathError{Op: "read", Path: f.path, Err: err}
		}
		if m == 0 {
			return n, io.EOF
		}
		n += m
	}
	return n, nil
}

// Close closes the file.
func (f *File) Close() error { return f.fd.Close() }
