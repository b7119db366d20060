package userfile

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/usdt"
)

// USDT finds a USDT probe; its offsets are those in the file. The error wraps fs.ErrNotExist and
// names near probes if there is none of that name, ESRCH if the probe is in no segment of the file,
// and EINVAL if the file is for another processor or malformed.
func (f *File) USDT(provider, name string) (*usdt.Probe, error) {
	if err := usdt.CheckNative(f.elf.File); err != nil {
		return nil, fmt.Errorf("%w: %w", err, syscall.EINVAL)
	}
	p, err := usdt.Find(f.elf.File, provider, name)
	if errors.Is(err, usdt.ErrNoSegment) {
		return nil, fmt.Errorf("%w: %w", err, syscall.ESRCH)
	}
	if err != nil {
		return nil, invalidFormat(err)
	}
	p.Move(f.base)
	return p, nil
}

// Locate changes the addresses of sites to those in the memory of process pid. Only kernels without
// cookies need them.
func (f *File) Locate(sites []usdt.Site, pid int) error {
	if f.elf.Type == elf64.TypeExec {
		return nil // it is mapped where it is linked to be
	}
	if pid == 0 {
		return fmt.Errorf("this kernel has no cookies (5.15), and the file may be anywhere in "+
			"memory: give a process: %w", errors.ErrUnsupported)
	}
	mappings, err := Mappings(pid)
	if err != nil {
		return err
	}
	for i := range sites {
		s := &sites[i]
		found := false
		for _, m := range mappings {
			if s.Offset >= m.Offset && s.Offset-m.Offset < m.End-m.Start && m.mapsTo(f) {
				s.Address, found = m.Start+s.Offset-m.Offset, true
				break
			}
		}
		if !found {
			return fmt.Errorf("process %d has not mapped %s to run it: %w",
				pid, f.path, fs.ErrNotExist)
		}
	}
	return nil
}
