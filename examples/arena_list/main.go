// Arena_list lists the processes: a program makes a linked list of them in memory that it shares
// with this one, which walks it without a system call.
package main

import (
	"fmt"
	"io"
	"log"

	"github.com/purebpf/bpf/arena"
)

//go:generate go run ../../cmd/bpf gen arena_list.bpf.c

func main() {
	a, err := LoadArenaList(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	if err := collect(a); err != nil {
		log.Fatal(err)
	}

	fmt.Println("    PID    PPID COMMAND")
	err = arena.Walk(a.Maps.Arena, func(w *arena.Walker) error {
		for p, err := range arena.List(w, a.Arena.First, next) {
			if err != nil {
				return err
			}
			fmt.Printf("%7d %7d %s\n", p.Pid, p.Parent, p.Comm)
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	if a.Arena.Missing > 0 {
		log.Printf("the arena had no room for %d processes", a.Arena.Missing)
	}
}

func next(p *ArenaListProcess) arena.Ptr[ArenaListProcess] { return p.Next }

// collect runs the program for each process.
func collect(a *ArenaList) error {
	link, err := a.Programs.Collect.AttachIter(nil)
	if err != nil {
		return err
	}
	defer link.Close()
	run, err := link.Iterate()
	if err != nil {
		return err
	}
	defer run.Close()
	_, err = io.Copy(io.Discard, run)
	return err
}
