// Package replace writes files atomically: a reader finds the old file or the whole new one. Of
// several files, either all are replaced or none is.
package replace

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// File is a file to write.
type File struct {
	Path string
	Data []byte
}

// Files writes files and makes their folders. New files get mode 0644, others keep theirs; a
// symbolic link or a FIFO is replaced by a file. If one can't be written, all stay as they were,
// except for folders that were made. A file that has its data already isn't touched. Errors name
// the path.
func Files(files ...File) (err error) {
	var done []staged
	defer func() {
		for i := len(done) - 1; i >= 0; i-- {
			if err != nil {
				err = errors.Join(err, done[i].undo())
			}
			done[i].discard()
		}
	}()
	for _, f := range files {
		if same(f) {
			continue
		}
		s, err := stage(f)
		if err != nil {
			return about(f.Path, err)
		}
		done = append(done, s)
	}
	for i := range done {
		if err := done[i].commit(); err != nil {
			return about(done[i].path, err)
		}
	}
	return nil
}

// about names the path that the caller knows instead of that of a temporary file.
func about(path string, err error) error {
	var inner *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &inner):
		err = inner.Err
	case errors.As(err, &link):
		err = link.Err
	}
	return fmt.Errorf("write %s: %w", path, err)
}

func same(f File) bool {
	info, err := os.Lstat(f.Path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != int64(len(f.Data)) {
		return false
	}
	data, err := os.ReadFile(f.Path)
	return err == nil && bytes.Equal(data, f.Data)
}

// staged is a file whose new content is written beside it.
type staged struct {
	path string
	next string // the new file, "" once it is in place
	last string // the old file, if there was one and the new one is in place
	new  bool   // the new file is in place
}

func stage(f File) (staged, error) {
	path, mode := f.Path, fs.FileMode(0o644)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return staged{}, err
	}
	switch info, err := os.Lstat(path); {
	case err == nil && info.IsDir():
		return staged{}, errors.New("a directory is there")
	case err == nil && info.Mode().IsRegular():
		mode = info.Mode().Perm()
	}
	t, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return staged{}, err
	}
	_, err = t.Write(f.Data)
	if e := t.Chmod(mode); err == nil {
		err = e
	}
	if e := t.Close(); err == nil {
		err = e
	}
	if err != nil {
		os.Remove(t.Name())
		return staged{}, err
	}
	return staged{path: path, next: t.Name()}, nil
}

// commit puts the new file in place. The old one stays under another name until discard.
func (s *staged) commit() error {
	if err := keep(s.path, s.next+"~"); err == nil {
		s.last = s.next + "~"
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(s.next, s.path); err != nil {
		return err
	}
	s.next, s.new = "", true
	return nil
}

// keep gives a file a second name, or copies it where the file system has no links.
func keep(path, last string) error {
	err := os.Link(path, last)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(last, data, info.Mode().Perm()); err != nil {
		os.Remove(last)
		return err
	}
	return nil
}

// undo puts the old file back after commit.
func (s *staged) undo() error {
	switch {
	case !s.new:
		return nil
	case s.last == "":
		return os.Remove(s.path)
	}
	err := os.Rename(s.last, s.path)
	if err != nil {
		err = fmt.Errorf("the old %s is kept as %s: %w", s.path, s.last, err)
	}
	s.last = ""
	return err
}

func (s *staged) discard() {
	for _, path := range []string{s.next, s.last} {
		if path != "" {
			os.Remove(path)
		}
	}
}
