package userfile

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/purebpf/bpf/internal/exe"
	"github.com/purebpf/bpf/internal/glob"
	"github.com/purebpf/bpf/internal/nearest"
)

// At returns the offset in the file of a place: offset bytes into a function or, if symbol is "",
// into the program or library. The error wraps fs.ErrNotExist and names near functions if there is
// none of that name, and EINVAL if several have it or if the place is certainly inside an
// instruction.
func (f *File) At(symbol string, offset uint64) (uint64, error) {
	place := offset
	if symbol != "" {
		start, err := f.elf.Function(symbol)
		if err != nil {
			return 0, f.invalidSymbol(err)
		}
		place += start
	}
	if offset != 0 {
		if err := f.checkOffsets(place); err != nil {
			return 0, err
		}
	}
	return f.base + place, nil
}

// Offsets returns the offsets in the file of offsets in the program or library. The error wraps
// EINVAL if one is certainly inside an instruction.
func (f *File) Offsets(offsets []uint64) ([]uint64, error) {
	if err := f.checkOffsets(offsets...); err != nil {
		return nil, err
	}
	return f.moved(append([]uint64(nil), offsets...)), nil
}

// Functions returns the offsets in the file of functions. Errors are those of At.
func (f *File) Functions(symbols []string) ([]uint64, error) {
	offsets, err := f.elf.Functions(symbols)
	if err != nil {
		return nil, f.invalidSymbol(err)
	}
	return f.moved(offsets), nil
}

// Match returns the offsets in the file of the functions that match a pattern (package glob). The
// error wraps fs.ErrNotExist if none does.
func (f *File) Match(pattern string) ([]uint64, error) {
	if !glob.HasWildcard(pattern) {
		offsets, err := f.elf.Named(pattern)
		if err != nil {
			return nil, f.invalidSymbol(err)
		}
		return f.moved(offsets), nil
	}
	offsets, err := f.elf.Match(func(name []byte) bool { return glob.Match(pattern, name) })
	if err != nil {
		return nil, invalidFormat(err)
	}
	if len(offsets) == 0 {
		return nil, fmt.Errorf("no function matches: %w", fs.ErrNotExist)
	}
	return f.moved(offsets), nil
}

// moved changes offsets in the program or library to offsets in the file.
func (f *File) moved(offsets []uint64) []uint64 {
	for i := range offsets {
		offsets[i] += f.base
	}
	return offsets
}

// checkOffsets returns an error if one of the offsets in the program or library is certainly inside
// an instruction. A file that cannot be read is left to the kernel.
func (f *File) checkOffsets(offsets ...uint64) error {
	elf := f.elf
	if elf == nil {
		size, err := f.Size()
		if err != nil {
			return nil
		}
		if elf, err = exe.Read(f, int64(size)); err != nil {
			return nil
		}
	}
	if err := elf.CheckOffsets(offsets...); err != nil {
		return fmt.Errorf("%w: %w", err, syscall.EINVAL)
	}
	return nil
}

// invalidSymbol adds EINVAL to an error about a name of several functions, and near names to one
// about a name of none.
func (f *File) invalidSymbol(err error) error {
	var ambiguous *exe.AmbiguousError
	var missing *exe.MissingError
	switch {
	case errors.As(err, &ambiguous):
		return fmt.Errorf("%w: %w", err, syscall.EINVAL)
	case errors.As(err, &missing) && !missing.Known:
		return f.withNear(err, missing.Name)
	}
	return invalidFormat(err)
}

// withNear adds the names of near functions to an error about a missing one.
func (f *File) withNear(err error, symbol string) error {
	near := nearest.To(symbol)
	if eachErr := f.elf.EachFunction(near.Offer); eachErr != nil {
		return err
	}
	return near.AddTo(err)
}
