// Cilium is the cilium/ebpf side of the benchmark. Same verbs as ../c/load.c; hot-load-cached keeps
// kernel BTF for all loads, as cilium/ebpf lets a program do that asks for it.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

func once(path string, load bool, cache *btf.Cache) error {
	spec, err := ebpf.LoadCollectionSpec(path)
	if err != nil {
		return err
	}
	if !load {
		return nil
	}
	for _, m := range spec.Maps {
		m.Pinning = ebpf.PinNone
	}
	c, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Cache: cache})
	if err != nil {
		return err
	}
	c.Close()
	return nil
}

func run(args []string) error {
	verb := args[0]
	if verb == "start" {
		return nil
	}
	load := strings.Contains(verb, "load")
	if len(args) == 2 {
		return once(args[1], load, nil)
	}
	rounds, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	var cache *btf.Cache
	if verb == "hot-load-cached" {
		cache = btf.NewCache()
	}
	var out []byte // written at the end, so that no system call is due to it
	for range rounds {
		for _, path := range args[2:] {
			begin := time.Now()
			if err := once(path, load, cache); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			out = append(strconv.AppendInt(out, time.Since(begin).Nanoseconds(), 10), '\n')
		}
	}
	_, err = os.Stdout.Write(out)
	return err
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
