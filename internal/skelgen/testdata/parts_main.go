// Skeletons of arenas, of struct_ops and of a part of an object, tried.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"strings"

	"github.com/purebpf/bpf/arena"
)

func main() {
	log.SetFlags(0)
	what := map[string]func() error{"arena": nodes, "structops": structOps, "part": part}
	if err := what[os.Args[1]](); err != nil {
		log.Fatal(err)
	}
}

func nodes() error {
	s, err := OpenNodes()
	if err != nil {
		return err
	}
	s.Arena.Total = 40
	x, err := s.Load(nil)
	if err != nil {
		return err
	}
	defer x.Close()
	if _, err := x.Programs.Link.Run(nil); err != nil {
		return err
	}
	return arena.Walk(x.Maps.Arena, func(w *arena.Walker) error {
		for p := x.Arena.Head; !p.IsNull(); {
			node, err := p.In(w)
			if err != nil {
				return err
			}
			fmt.Println(node.Value)
			p = node.Next
		}
		outside := x.Arena.Head + 1<<20
		if _, err := outside.In(w); err == nil {
			return errors.New("a pointer outside of the arena was followed")
		}
		return nil
	})
}

func structOps() error {
	s, err := OpenStructops()
	if err != nil {
		return err
	}
	fmt.Println(s.StructOps.Plain.Name, s.StructOps.Linked.Ssthresh.Name)
	s.Maps.Plain.Autocreate = false
	if err := s.StructOps.Linked.Name.Set("purebpf_skel"); err != nil {
		return err
	}
	s.StructOps.Linked.UndoCwnd = s.Programs.UndoCwnd
	x, err := s.Load(nil)
	if err != nil {
		return err
	}
	defer x.Close()
	if _, err := x.Attach(); err != nil {
		return err
	}
	text, err := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(text)) {
		if strings.HasPrefix(name, "purebpf_s") {
			fmt.Println(name, x.Links.Linked != nil, x.Links.Plain != nil)
		}
	}
	return nil
}

func part() error {
	x, err := LoadNasty(nil)
	if err != nil {
		return err
	}
	defer x.Close()
	p, err := BindPart(x.Object)
	if err != nil {
		return err
	}
	*p.Data.Counter = 99
	*p.Bss.Hits++
	if err := p.Maps.Things.Update(PartKey{A: 5}, PartNasty{Far: 6}, 0); err != nil {
		return err
	}
	value, err := x.Maps.Things.Lookup(NastyKey{A: 5})
	fmt.Println(x.Data.Counter, x.Bss.Hits, value.Far, p.Programs.Fill.Name(), err)

	n, err := LoadNodes(nil)
	if err != nil {
		return err
	}
	defer n.Close()
	_, err = BindPart(n.Object)
	fmt.Println(errors.Is(err, fs.ErrNotExist), err)
	return nil
}
