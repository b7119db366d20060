package bpf

import (
	"fmt"

	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/procfile"
)

// locate finds out at which addresses the places are in memory, for kernels that can't tell them apart otherwise.
func (a *usdtAttachment) locate(typ elf64.Type) error {
	if typ == elf64.TypeExec {
		return nil // where it is linked
	}
	if a.opts.PID == 0 {
		return fmt.Errorf("this kernel has no cookies (5.15), and the file may be anywhere in memory: give a process: %w", ErrNotSupported)
	}
	mappings, err := procfile.Mappings(a.opts.PID)
	if err != nil {
		return err
	}
	for i := range a.probe.Sites {
		s := &a.probe.Sites[i]
		found := false
		for _, m := range mappings {
			if s.Offset >= m.Offset && s.Offset-m.Offset < m.End-m.Start && m.MapsTo(a.file.file) {
				s.Address, found = m.Start+s.Offset-m.Offset, true
				break
			}
		}
		if !found {
			return fmt.Errorf("process %d has not mapped %s to run it: %w", a.opts.PID, a.file.file.Path, ErrNotExist)
		}
	}
	return nil
}
