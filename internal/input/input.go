// Package input reads files that users name. A name may be wrong, or of something that has no end
// or never answers: so only regular files and pipes from another command are read, up to a limit.
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

	"github.com/purebpf/bpf/internal/magic"
)

// Limits on files, far above what real ones have.
const (
	MaxObject   = 256 << 20
	MaxBTF      = 256 << 20
	MaxKallsyms = 256 << 20
	MaxKconfig  = 16 << 20
	MaxVersion  = 4 << 10
)

// Open opens a file for reading. A FIFO, device, socket or directory is refused, without waiting
// for anybody; what another command's pipe has is read, up to limit bytes, and os.DevNull is an
// empty file. The caller closes the File. Errors name the path.
func Open(path string, limit int64) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENXIO) {
		return nil, fmt.Errorf(
			"%s: a socket, or a device that is not there: give a regular file: %w", path, err)
	} else if err != nil {
		return nil, err
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

// File is a file that can be read from its start and at any place.
type File struct {
	content
	size int64
	file *os.File // nil if the content is in memory
}

type content interface {
	io.Reader
	io.ReaderAt
}

// Size returns how many bytes it has. The files of /proc say 0.
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

// UnpackedHead is Head of what gzip packed in the file, if it did.
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
		err = nil // a reader of the whole file reports whether it is cut off
	}
	return head[:n], err
}

// Read reads the whole file at path, which has limit bytes at most, as Open opens it.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path, limit)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(f, f.size, path, limit)
}

// ReadUnpacked is Read, and unpacks what gzip packed, up to the same limit.
func ReadUnpacked(path string, limit int64) ([]byte, error) {
	data, err := Read(path, limit)
	if err != nil || !magic.IsGzip(data) {
		return data, err
	}
	return Unpack(data, path, limit)
}

// Unpack unpacks what gzip packed. path is for errors.
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
	return fmt.Errorf("%s: %s more than the %d MiB that are read of such a file: %w",
		path, has, max(limit>>20, 1), syscall.EFBIG)
}

// Kind names what is no regular file.
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
