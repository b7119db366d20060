//go:build !linux

package userfile

import (
	"errors"
	"os"
)

func openPath(name string, read bool) (*File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return &File{file: f, path: name}, nil
}

// Mappings returns no mappings.
func Mappings(pid int) ([]Mapping, error) { return nil, noProcess(pid, errors.ErrUnsupported) }

func (m *Mapping) mapsTo(*File) bool { return false }

// Symbols needs Linux.
func Symbols(pid int, _ []uint64) ([]string, error) {
	return nil, noProcess(pid, errors.ErrUnsupported)
}

func lookup(int, string, []string) (*File, error) { return nil, errors.ErrUnsupported }

func (f *File) checkProcess(int) error { return nil }

func device(major, minor uint64) uint64 { return major<<32 | minor }
