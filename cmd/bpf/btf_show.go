package main

import (
	"fmt"
	"iter"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
)

// btfUsers are the programs and maps that were created with a BTF object, by its id.
type btfUsers struct{ programs, maps map[uint32][]uint32 }

func showBTF(r *tool.Run) error {
	only, single := uint32(0), false
	if r.More() {
		if !r.Take("id") {
			return r.Unexpected()
		}
		var err error
		if only, err = r.Number("id of a BTF object"); err != nil {
			return err
		}
		single = true
	}
	if err := r.End(); err != nil {
		return err
	}
	users, err := readBTFUsers()
	if err != nil {
		return err
	}
	show := users.text
	if r.JSON != nil {
		show = users.json
	}
	found := false
	list := func(yield func(*inspect.BTFObject, error) bool) {
		for b, err := range inspect.BTFObjects() {
			if err == nil && single && b.ID != only {
				continue
			}
			found = found || err == nil
			if !yield(b, err) {
				return
			}
		}
	}
	if err := tool.List(r, iter.Seq2[*inspect.BTFObject, error](list), single, show); err != nil {
		return err
	}
	if single && !found {
		return fmt.Errorf("the kernel has no BTF object %d: %w", only, bpf.ErrNotExist)
	}
	return nil
}

func readBTFUsers() (*btfUsers, error) {
	u := &btfUsers{programs: map[uint32][]uint32{}, maps: map[uint32][]uint32{}}
	for p, err := range inspect.Programs() {
		if err != nil {
			return nil, err
		}
		if info, err := p.Info(); err == nil && info.BTFID != 0 {
			u.programs[info.BTFID] = append(u.programs[info.BTFID], info.ID)
		}
	}
	for m, err := range inspect.Maps() {
		if err != nil {
			return nil, err
		}
		if info, err := m.Info(); err == nil && info.BTFID != 0 {
			u.maps[info.BTFID] = append(u.maps[info.BTFID], info.ID)
		}
	}
	return u, nil
}

func (u *btfUsers) text(r *tool.Run, b *inspect.BTFObject) error {
	r.Printf("%d: ", b.ID)
	switch {
	case b.Kernel:
		r.Printf("name [%s]  ", b.Name)
	case b.Name != "":
		r.Printf("name %s  ", b.Name)
	default:
		r.Printf("name <anon>  ")
	}
	r.Printf("size %dB", b.Size)
	printIDs(r, "prog_ids", u.programs[b.ID])
	printIDs(r, "map_ids", u.maps[b.ID])
	r.ShowOwners(inspect.KindBTF, b.ID)
	r.Printf("\n")
	return nil
}

// printIDs prints ids, separated by commas, if there are any.
func printIDs(r *tool.Run, what string, ids []uint32) {
	if len(ids) > 0 {
		r.Printf("  %s %s", what, strings.ReplaceAll(strings.Trim(fmt.Sprint(ids), "[]"), " ", ","))
	}
}

func (u *btfUsers) json(r *tool.Run, b *inspect.BTFObject) error {
	j := r.JSON
	j.Object()
	j.UintKey("id", uint64(b.ID))
	j.UintKey("size", uint64(b.Size))
	for _, users := range []struct {
		key string
		ids []uint32
	}{{"prog_ids", u.programs[b.ID]}, {"map_ids", u.maps[b.ID]}} {
		j.Key(users.key)
		j.Array()
		for _, id := range users.ids {
			j.Uint(uint64(id))
		}
		j.EndArray()
	}
	j.BoolKey("kernel", b.Kernel)
	if b.Name != "" {
		j.StringKey("name", b.Name)
	}
	r.ShowOwners(inspect.KindBTF, b.ID)
	j.EndObject()
	return nil
}
