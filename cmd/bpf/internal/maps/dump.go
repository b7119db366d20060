package maps

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/uapi"
)

func dump(r *tool.Run) error {
	h, err := r.Map()
	if err != nil {
		return err
	}
	if err := r.End(); err != nil {
		return err
	}
	n, list, err := h.Maps(uapi.FOpenRdonly)
	if err != nil {
		return err
	}
	if human(r) {
		for m, err := range list {
			if err == nil {
				err = dumpHuman(r, m)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return tool.List(r, list, n == 1, func(r *tool.Run, m *bpf.Map) error {
		return dumpMap(r, m, n > 1)
	})
}

// dumpMap prints all elements of a map, named if it is one of several.
func dumpMap(r *tool.Run, m *bpf.Map, named bool) error {
	t, err := describe(r, m)
	if err != nil {
		return err
	}
	if err := t.dumpable(); err != nil {
		return err
	}
	p := newPrinter(r, t)
	j := r.JSON
	if j == nil {
		j = p.typed
	}
	switch {
	case r.JSON != nil && named:
		j.Object()
		headerKeys(r, t.info)
		j.Key("elements")
	case named:
		header(r, t.info)
		r.Printf("\n")
	}
	if j != nil {
		j.Array()
	}
	found, err := p.elements()
	if j == nil {
		end := "s"
		if found == 1 {
			end = ""
		}
		r.Printf("Found %d element%s\n", found, end)
		return err
	}
	if err != nil && p.typed != nil {
		return errors.Join(err, p.typed.Close())
	}
	if err != nil {
		return err
	}
	j.EndArray()
	if r.JSON != nil && named {
		j.EndObject()
	}
	if p.typed != nil {
		return p.typed.Close()
	}
	return nil
}

// dumpable returns why a map can't be dumped, nil if it can.
func (t *target) dumpable() error {
	do := ""
	switch t.Type() {
	case uapi.MapQueue, uapi.MapStack:
		do = "bpf map peek prints its next value"
	case uapi.MapRingBuf, uapi.MapUserRingBuf:
		do = "its records are read once, by the process that has it"
	case uapi.MapBloomFilter:
		do = "it only tells whether it has a value"
	case uapi.MapArena:
		do = "programs decide what is in its memory"
	case uapi.MapSKStorage, uapi.MapTaskStorage, uapi.MapInodeStorage, uapi.MapCgrpStorage:
		do = "bpf map lookup reads the value of a descriptor"
	default:
		return nil
	}
	return fmt.Errorf("map %s (%v) has no keys that can be listed: %s: %w", t.Name(), t.Type(), do,
		errors.ErrUnsupported)
}

// elements prints all elements and returns their number.
func (p *printer) elements() (found int, err error) {
	if !oneByOne(p.Type()) {
		it := p.Iterate()
		for key, val := range it.All() {
			if err := p.element(key, val); err != nil {
				return found, err
			}
			found++
		}
		return found, it.Err()
	}
	key, next := []byte(nil), make([]byte, p.KeySize())
	val := make([]byte, p.ValueLen())
	for {
		err := p.NextKey(key, next)
		if errors.Is(err, syscall.ENOENT) {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		switch err := p.Lookup(next, val); {
		case err == nil:
			if err := p.element(next, val); err != nil {
				return found, err
			}
			found++
		case holes(p.Type()) && errors.Is(err, syscall.ENOENT):
		case p.typed != nil:
		default:
			p.unreadable(next, err)
		}
		if key == nil {
			key = make([]byte, p.KeySize())
		}
		copy(key, next)
	}
}

// oneByOne reports whether a key may be listed whose value can't be read.
func oneByOne(typ uapi.MapType) bool {
	switch typ {
	case uapi.MapHash, uapi.MapArray, uapi.MapPerCPUHash, uapi.MapPerCPUArray, uapi.MapLRUHash,
		uapi.MapLRUPerCPUHash, uapi.MapLPMTrie, uapi.MapRHash:
		return false
	}
	return true
}
