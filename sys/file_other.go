//go:build !linux

package sys

import "os"

// File is a file for reading. It implements io.ReaderAt.
type File struct {
	*os.File
	size int64
	mode os.FileMode
}

// OpenFile opens a file or directory for reading. The caller closes it. Errors are *os.PathError.
func OpenFile(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &File{f, st.Size(), st.Mode()}, nil
}

// Int returns the descriptor, which the File owns.
func (f *File) Int() int { return int(f.Fd()) }

// Size returns the size when the file was opened.
func (f *File) Size() int64 { return f.size }

// Type returns the type bits of its mode, 0 for a regular file.
func (f *File) Type() os.FileMode { return f.mode.Type() }
