// Package input reads files that users name. A name may be wrong: the file may have no end, or a
// read may block forever. So only regular files and pipes from other commands are read, up to a
// limit.
package input

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"syscall"

	"github.com/purebpf/bpf/internal/denied"
	"github.com/purebpf/bpf/internal/magic"
)

// Limits on files, far above the size of real ones.
const (
	MaxObject   = 256 << 20
	MaxBTF      = 256 << 20
	MaxKallsyms = 256 << 20
	MaxKconfig  = 16 << 20
	MaxVersion  = 4 << 10
)

// Open opens a file for reading. It refuses a FIFO, device, socket or directory without waiting; it
// reads the pipe of another command up to limit bytes; os.DevNull is an empty file. The caller
// closes the File. Errors name the path.
func Open(path string, limit int64) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, denied.Explain(path, denied.Read, Explain(err))
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if info.Mode().IsRegular() {
		c, err := ready(f)
		if err != nil {
			f.Close()
			return nil, err
		}
		return &File{content: c, size: info.Size(), file: f}, nil
	}
	defer f.Close()
	if null, err := os.Stat(os.DevNull); err == nil && os.SameFile(info, null) {
		return &File{content: bytes.NewReader(nil)}, nil
	}
	if info.Mode()&fs.ModeNamedPipe == 0 || !isPipe(f) {
		return nil, fmt.Errorf("%s: %s: give a regular file: %w", path, Kind(info.Mode()),
			syscall.EINVAL)
	}
	data, err := ReadAll(f, 0, path, limit)
	if err != nil {
		return nil, err
	}
	return &File{content: bytes.NewReader(data), size: int64(len(data))}, nil
}

// OpenStored is Open for files with stored content. It also refuses, without reading them, files
// that the kernel generates when they are read, as in /proc.
func OpenStored(path string, limit int64) (*File, error) {
	f, err := Open(path, limit)
	if err != nil || f.size > 0 || f.file == nil {
		return f, err
	}
	raw, err := f.file.SyscallConn() // Fd would make it block
	if err != nil {
		f.Close()
		return nil, err
	}
	what := ""
	raw.Control(func(fd uintptr) { what = Made(int(fd)) })
	if what != "" {
		f.Close()
		return nil, fmt.Errorf("%s: %s: give a regular file: %w", path, what, syscall.EINVAL)
	}
	return f, nil
}

// Explain adds the meaning of ENXIO when opening a file.
func Explain(err error) error {
	if !errors.Is(err, syscall.ENXIO) {
		return err
	}
	return fmt.Errorf("%w: a socket or a missing device: give a regular file", err)
}

// File is a file that can be read from its start and at any offset.
type File struct {
	content
	size int64
	file *os.File // nil if the content is in memory
}

type content interface {
	io.Reader
	io.ReaderAt
}

// Size returns the size in bytes. It is 0 for files of /proc.
func (f *File) Size() int64 { return f.size }

// Close closes the file.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// Head returns the file's first bytes, for package magic.
func (f *File) Head() ([]byte, error) {
	head := make([]byte, magic.HeadSize)
	n, err := f.ReadAt(head, 0)
	if err == io.EOF {
		err = nil
	}
	return head[:n], err
}

// UnpackedHead is Head of the uncompressed content if the file is compressed with gzip.
func (f *File) UnpackedHead() ([]byte, error) {
	head, err := f.Head()
	if err != nil || !magic.IsGzip(head) {
		return head, err
	}
	z, err := gzip.NewReader(io.NewSectionReader(f, 0, math.MaxInt64))
	if err != nil {
		return nil, err
	}
	head = make([]byte, magic.HeadSize)
	n, err := io.ReadFull(z, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil // a reader of the whole file reports whether it is truncated
	}
	return head[:n], err
}

// Read opens path as Open does and reads the whole file, of at most limit bytes.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path, limit)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(f, f.size, path, limit)
}

// ReadStored is Read with OpenStored instead of Open.
func ReadStored(path string, limit int64) ([]byte, error) {
	f, err := OpenStored(path, limit)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(f, f.size, path, limit)
}

// ReadUnpacked is Read, and decompresses gzip, up to the same limit.
func ReadUnpacked(path string, limit int64) ([]byte, error) {
	data, err := Read(path, limit)
	if err != nil || !magic.IsGzip(data) {
		return data, err
	}
	return Unpack(data, path, limit)
}

// Unpack decompresses gzip data. path is for errors.
func Unpack(data []byte, path string, limit int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ReadAll(z, 0, path+", unpacked", limit)
}

// ReadAll reads r to its end, about size bytes; more than limit are an error. path is for errors.
func ReadAll(r io.Reader, size int64, path string, limit int64) ([]byte, error) {
	if size > limit {
		return nil, tooBig(path, size, limit)
	}
	b := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err := b.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if int64(b.Len()) > limit {
		return nil, tooBig(path, 0, limit)
	}
	return b.Bytes(), nil
}

func tooBig(path string, size, limit int64) error {
	has := "it has"
	if size > 0 {
		has = fmt.Sprintf("it has %d bytes,", size)
	}
	return fmt.Errorf("%s: %s more than the limit of %d MiB for such a file: %w",
		path, has, max(limit>>20, 1), syscall.EFBIG)
}

// Kind returns the name of a kind of file other than a regular one.
func Kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "not a regular file"
}
