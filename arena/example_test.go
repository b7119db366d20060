package arena_test

import (
	"fmt"
	"log"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/arena"
)

// Process is struct process of the programs.
type Process struct {
	Next arena.Ptr[Process]
	Pid  int32
	Comm [16]byte
}

// Walk a list that programs built.
func ExampleWalk() {
	var obj *bpf.Object // loaded
	first, err := arena.Root[Process](obj.Variable("first"))
	if err != nil {
		log.Fatal(err)
	}
	next := func(p *Process) arena.Ptr[Process] { return p.Next }
	err = arena.Walk(obj.Map("arena"), func(w *arena.Walker) error {
		for p, err := range arena.List(w, first.Load(), next) {
			if err != nil {
				return err
			}
			fmt.Printf("%d %s\n", p.Pid, p.Comm[:])
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
}

// Put a node before a list that programs walk.
func ExampleNew() {
	var obj *bpf.Object // loaded
	first, err := arena.Root[Process](obj.Variable("first"))
	if err != nil {
		log.Fatal(err)
	}
	heap, err := arena.NewHeap(obj.Map("arena"))
	if err != nil {
		log.Fatal(err)
	}
	defer heap.Close()
	p, err := arena.New[Process](heap)
	if err != nil {
		log.Fatal(err)
	}
	err = arena.Walk(obj.Map("arena"), func(w *arena.Walker) error {
		process, err := p.In(w)
		if err != nil {
			return err
		}
		process.Pid = 1
		process.Next = first.Load()
		first.Store(p) // now programs see it
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
}
