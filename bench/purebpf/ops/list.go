package main

import (
	"fmt"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/arena"
)

// node is struct node of the object.
type node struct {
	Next  arena.Ptr[node]
	Value uint64
}

// list walks a list in an arena that a program has built.
func list(path string, rounds int) error {
	const n, step = 1_000_000, 10_000
	o, err := bpf.Open(path, nil)
	if err != nil {
		return err
	}
	m, err := o.FindMap("arena")
	if err != nil {
		return err
	}
	m.MaxEntries = 8192
	obj, err := bpf.Load(o, nil)
	if err != nil {
		return err
	}
	for range n / step {
		request := [2]uint64{step}
		raw := unsafe.Slice((*byte)(unsafe.Pointer(&request)), unsafe.Sizeof(request))
		result, err := obj.Program("push").Run(&bpf.RunOptions{Context: raw})
		if err != nil || result.Return != 0 {
			return fmt.Errorf("push returns %d: %w", result.Return, err)
		}
	}
	first, err := arena.Root[node](obj.Variable("first"))
	if err != nil {
		return err
	}
	next := func(n *node) arena.Ptr[node] { return n.Next.Load() }
	add := func() error {
		return arena.Walk(obj.Map("arena"), func(w *arena.Walker) error {
			total := uint64(0)
			for n, err := range arena.List(w, first.Load(), next) {
				if err != nil {
					return err
				}
				total += n.Value
			}
			if total != n/2*(n+1) {
				return fmt.Errorf("the sum is %d", total)
			}
			return nil
		})
	}
	if err := add(); err != nil { // touches the pages
		return err
	}
	return measure(rounds, n, nothing, add)
}
