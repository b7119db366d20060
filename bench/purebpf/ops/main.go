// Ops is our side of the benchmark of operations. Same rows as ../../c/ops.c.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/perfbuf"
	"github.com/purebpf/bpf/ringbuf"
	"github.com/purebpf/bpf/uapi"
)

func main() {
	rounds, err := strconv.Atoi(os.Args[2])
	if err == nil {
		err = row(os.Args[1], rounds, os.Args[3], os.Args[4], os.Args[5])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func row(name string, rounds int, ring, perf, arena string) error {
	switch {
	case strings.HasPrefix(name, "percpu"):
		return perCPU(name, rounds)
	case name == "lookup" || name == "update":
		return elements(name, rounds)
	case name == "walk":
		return walk(rounds)
	case strings.HasPrefix(name, "ring"):
		return records(name, ring, rounds)
	case strings.HasPrefix(name, "perf"):
		return samples(name, perf, rounds)
	case name == "list":
		return list(arena, rounds)
	case name == "run":
		return run(ring, rounds)
	case name == "wake":
		return wake(ring, rounds)
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

func create(typ uapi.MapType, entries uint32) (*bpf.Map, error) {
	return bpf.CreateMap(&object.Map{Name: "bench", Type: typ, KeySize: 4, ValueSize: 8,
		MaxEntries: entries}, nil)
}

const (
	keys = 10000
	ops  = 100000
)

func elements(name string, rounds int) error {
	m, err := create(uapi.MapHash, 65536)
	if err != nil {
		return err
	}
	t, err := bpf.MapOf[uint32, uint64](m)
	if err != nil {
		return err
	}
	for k := range uint32(keys) {
		if err := t.Update(k, 0, bpf.UpdateAny); err != nil {
			return err
		}
	}
	return measure(rounds, ops, nothing, func() error {
		for i := range uint32(ops) {
			var err error
			if name == "update" {
				err = t.Update(i%keys, 0, bpf.UpdateAny)
			} else {
				_, err = t.Lookup(i % keys)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func perCPU(name string, rounds int) error {
	m, err := create(uapi.MapPerCPUHash, 65536)
	if err != nil {
		return err
	}
	t, err := bpf.PerCPUMapOf[uint32, uint64](m)
	if err != nil {
		return err
	}
	values := make([]uint64, t.CPUs())
	for k := range uint32(keys) {
		if err := t.Update(k, values, bpf.UpdateAny); err != nil {
			return err
		}
	}
	return measure(rounds, ops, nothing, func() error {
		for i := range uint32(ops) {
			var err error
			if name == "percpu-update" {
				err = t.Update(i%keys, values, bpf.UpdateAny)
			} else {
				_, err = t.Lookup(i%keys, values)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func walk(rounds int) error {
	const n = 100000
	m, err := create(uapi.MapHash, 131072)
	if err != nil {
		return err
	}
	t, err := bpf.MapOf[uint32, uint64](m)
	if err != nil {
		return err
	}
	for k := range uint32(n) {
		if err := t.Update(k, 1, bpf.UpdateAny); err != nil {
			return err
		}
	}
	return measure(rounds, n, nothing, func() error {
		sum := uint64(0)
		it := t.Iterate()
		for _, v := range it.All() {
			sum += v
		}
		if sum != n {
			return fmt.Errorf("walked over %d elements: %w", sum, it.Err())
		}
		return nil
	})
}

func load(path string) (*bpf.Object, error) {
	o, err := bpf.Open(path, nil)
	if err != nil {
		return nil, err
	}
	return bpf.Load(o, nil)
}

type request struct {
	count, length  uint32
	flags, first   uint64
	discard, faild uint32
}

// filler returns a function that makes the program write count records.
func filler(o *bpf.Object) func(count uint32, flags uint64) error {
	q := new(request)
	opts := &bpf.RunOptions{Context: unsafe.Slice((*byte)(unsafe.Pointer(q)), unsafe.Sizeof(*q))}
	p := o.Program("fill")
	return func(count uint32, flags uint64) error {
		*q = request{count: count, flags: flags}
		_, err := p.Run(opts)
		return err
	}
}

type record struct {
	Number uint64
	Rest   [56]uint8
}

func records(name, path string, rounds int) error {
	const n = 100000
	o, err := load(path)
	if err != nil {
		return err
	}
	r, err := ringbuf.NewReaderOf[record](o.Map("events"), "record", nil)
	if err != nil {
		return err
	}
	fill := filler(o)
	sum, list := uint64(0), make([]record, 0, 1000)
	consume := func() (int, error) {
		return r.Consume(func(v *record) error { sum += v.Number; return nil })
	}
	switch name {
	case "ring-view":
		consume = func() (int, error) {
			return r.Reader().Consume(func(rec ringbuf.Record) error {
				sum += binary.NativeEndian.Uint64(rec.Data)
				return nil
			})
		}
	case "ring-copy":
		consume = func() (int, error) {
			return r.Consume(func(v *record) error {
				if len(list) == cap(list) {
					list = list[:0]
				}
				list = append(list, *v)
				return nil
			})
		}
	}
	return measure(rounds, n, func() error { return fill(n, 1) }, func() error {
		if got, err := consume(); got != n || err != nil {
			return fmt.Errorf("%d records: %w", got, err)
		}
		return nil
	})
}

type head struct {
	Number uint64
	Rest   [8]uint8
}

func samples(name, path string, rounds int) error {
	const n = 2000
	o, err := load(path)
	if err != nil {
		return err
	}
	r, err := perfbuf.NewReaderOf[head](o.Map("events"), "head", nil)
	if err != nil {
		return err
	}
	var args []byte
	for _, x := range []uint64{0, n, 8} {
		args = binary.NativeEndian.AppendUint64(args, x)
	}
	p, opts := o.Program("fill"), &bpf.RunOptions{Context: args, Flags: uapi.FRunOnCPU}
	fill := func() error { _, err := p.Run(opts); return err }
	sum := uint64(0)
	return measure(rounds, n, fill, func() (err error) {
		var got int
		if name == "perf-typed" {
			got, err = r.Consume(func(v *head) error { sum += v.Number; return nil })
		} else {
			got, err = r.Reader().Consume(func(rec perfbuf.Record) error {
				sum += binary.NativeEndian.Uint64(rec.Data)
				return nil
			})
		}
		if got != n || err != nil {
			return fmt.Errorf("%d records: %w", got, err)
		}
		return nil
	})
}

func run(path string, rounds int) error {
	const n = 20000
	o, err := load(path)
	if err != nil {
		return err
	}
	fill := filler(o)
	return measure(rounds, n, nothing, func() error {
		for range n {
			if err := fill(0, 0); err != nil {
				return err
			}
		}
		return nil
	})
}

// wake prints the time from before the program that submits a record until the function that gets
// it, in another goroutine.
func wake(path string, rounds int) error {
	const n = 200
	o, err := load(path)
	if err != nil {
		return err
	}
	r, err := ringbuf.NewReader(o.Map("events"), nil)
	if err != nil {
		return err
	}
	var woken atomic.Int64
	start := time.Now()
	go func() {
		for {
			r.Poll(context.Background(), func(ringbuf.Record) error {
				woken.Store(int64(time.Since(start)))
				return nil
			})
		}
	}()
	fill := filler(o)
	for range rounds {
		total := int64(0)
		for range n {
			time.Sleep(200 * time.Microsecond) // it blocks again
			woken.Store(0)
			begin := int64(time.Since(start))
			if err := fill(1, 0); err != nil {
				return err
			}
			for woken.Load() == 0 {
				time.Sleep(10 * time.Microsecond)
			}
			total += woken.Load() - begin
		}
		fmt.Println(total * 1000 / n)
	}
	return nil
}
