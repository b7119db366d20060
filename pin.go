package bpf

import (
	"fmt"
	"slices"

	"github.com/purebpf/bpf/internal/bpffs"
	"github.com/purebpf/bpf/internal/explain"
)

// pin pins a kernel object at path, which must be on a BPF file system.
func pin(fd int, path string) error {
	place, err := bpffs.At(path)
	if err != nil {
		return err
	}
	defer place.Close()
	return place.Pin(fd)
}

// pinning are the pins that a call has made so far. end removes or keeps them.
type pinning []*bpffs.Place

func (p *pinning) pin(fd int, path string) error {
	place, err := bpffs.At(path)
	if err != nil {
		return err
	}
	if err := place.Pin(fd); err != nil {
		place.Close()
		return err
	}
	*p = append(*p, place)
	return nil
}

// end removes the pins if the call failed.
func (p *pinning) end(failed bool) {
	for _, place := range slices.Backward(*p) {
		if failed {
			place.Unpin()
		}
		place.Close()
	}
	*p = nil
}

// pinRefused explains why the kernel refused to pin at path.
func pinRefused(path string, err error) error {
	return fmt.Errorf("at %s: %w", path, (&explain.Attempt{Op: explain.Pin}).Of(err))
}
