//go:build !linux

package procfile

import (
	"errors"
	"os"
)

// Open opens the file at path.
func Open(name string, read bool) (*File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return &File{File: f, Path: name}, nil
}

// Mappings returns no mappings.
func Mappings(pid int) ([]Mapping, error) { return nil, noProcess(pid, errors.ErrUnsupported) }

// MapsTo returns false.
func (m *Mapping) MapsTo(*File) bool { return false }

// Lookup finds nothing.
func Lookup(int, string, []string, func(*File) string) (*File, error) {
	return nil, errors.ErrUnsupported
}

// CheckProcess returns nil.
func (f *File) CheckProcess(int) error { return nil }

func device(major, minor uint64) uint64 { return major<<32 | minor }
