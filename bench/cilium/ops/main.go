// Ops is cilium/ebpf's side of the benchmark of operations. Same rows as ../../c/ops.c.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
)

func main() {
	rounds, err := strconv.Atoi(os.Args[2])
	if err == nil {
		err = row(os.Args[1], rounds, os.Args[3])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func row(name string, rounds int, ring string) error {
	switch {
	case strings.Contains(name, "lookup") || strings.Contains(name, "update"):
		return elements(name, rounds)
	case name == "walk":
		return walk(rounds)
	case strings.HasPrefix(name, "ring"):
		return records(ring, rounds)
	case name == "run":
		return run(ring, rounds)
	}
	return errors.New("no row " + name)
}

// measure prints picoseconds of one of n operations.
func measure(rounds, n int, prepare, f func() error) error {
	for range rounds {
		if err := prepare(); err != nil {
			return err
		}
		begin := time.Now()
		if err := f(); err != nil {
			return err
		}
		fmt.Println(time.Since(begin).Nanoseconds() * 1000 / int64(n))
	}
	return nil
}

func nothing() error { return nil }

func elements(name string, rounds int) error {
	const keys, ops = 10000, 100000
	typ, cpus := ebpf.Hash, 1
	if strings.HasPrefix(name, "percpu") {
		typ, cpus = ebpf.PerCPUHash, ebpf.MustPossibleCPU()
	}
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: typ, KeySize: 4, ValueSize: 8, MaxEntries: 65536})
	if err != nil {
		return err
	}
	value, values := uint64(0), make([]uint64, cpus)
	update := func(key *uint32) error {
		if cpus > 1 {
			return m.Update(key, values, ebpf.UpdateAny)
		}
		return m.Update(key, &value, ebpf.UpdateAny)
	}
	lookup := func(key *uint32) error {
		if cpus > 1 {
			return m.Lookup(key, values)
		}
		return m.Lookup(key, &value)
	}
	for k := range uint32(keys) {
		if err := update(&k); err != nil {
			return err
		}
	}
	f := lookup
	if strings.Contains(name, "update") {
		f = update
	}
	return measure(rounds, ops, nothing, func() error {
		var key uint32
		for i := range uint32(ops) {
			key = i % keys
			if err := f(&key); err != nil {
				return err
			}
		}
		return nil
	})
}

func walk(rounds int) error {
	const n = 100000
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Hash, KeySize: 4, ValueSize: 8,
		MaxEntries: 131072})
	if err != nil {
		return err
	}
	one := uint64(1)
	for k := range uint32(n) {
		if err := m.Update(&k, &one, ebpf.UpdateAny); err != nil {
			return err
		}
	}
	return measure(rounds, n, nothing, func() error {
		var key uint32
		var value, sum uint64
		it := m.Iterate()
		for it.Next(&key, &value) {
			sum += value
		}
		if sum != n {
			return fmt.Errorf("walked over %d elements: %w", sum, it.Err())
		}
		return nil
	})
}

func load(path string) (*ebpf.Collection, error) {
	spec, err := ebpf.LoadCollectionSpec(path)
	if err != nil {
		return nil, err
	}
	return ebpf.NewCollection(spec)
}

func fill(p *ebpf.Program, context []byte, count uint32) error {
	binary.NativeEndian.PutUint32(context, count)
	_, err := p.Run(&ebpf.RunOptions{Context: context})
	return err
}

func records(path string, rounds int) error {
	const n = 100000
	c, err := load(path)
	if err != nil {
		return err
	}
	r, err := ringbuf.NewReader(c.Maps["events"])
	if err != nil {
		return err
	}
	context := make([]byte, 32)
	context[8] = 1 // BPF_RB_NO_WAKEUP
	var record ringbuf.Record
	sum := uint64(0)
	r.SetDeadline(time.Unix(1, 0)) // what is there
	return measure(rounds, n, func() error { return fill(c.Programs["fill"], context, n) },
		func() error {
			for range n {
				if err := r.ReadInto(&record); err != nil {
					return err
				}
				sum += binary.NativeEndian.Uint64(record.RawSample)
			}
			return nil
		})
}

func run(path string, rounds int) error {
	const n = 20000
	c, err := load(path)
	if err != nil {
		return err
	}
	context := make([]byte, 32)
	return measure(rounds, n, nothing, func() error {
		for range n {
			if err := fill(c.Programs["fill"], context, 0); err != nil {
				return err
			}
		}
		return nil
	})
}
