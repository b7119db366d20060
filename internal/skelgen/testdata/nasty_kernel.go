package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/skel"
)

// kernel loads the skeleton and returns what is not as it should be.
func kernel() (errs []error) {
	expect := func(what string, got, want any) {
		if got != want {
			errs = append(errs, fmt.Errorf("%s is %v, want %v", what, got, want))
		}
	}
	fail := func(err error) []error { return append(errs, err) }

	s, err := OpenNasty()
	if err != nil {
		return fail(err)
	}
	expect("factor as compiled", s.Rodata.Factor, uint32(3))
	expect("greeting", s.Rodata.Greeting.String(), "hello")
	expect("counter as compiled", s.Data.Counter, int32(40))
	expect("custom", s.DataMyOwn.Custom, int32(9))
	expect("cv", s.Data.Shared.Cv, int32(77))
	s.Rodata.Factor = 2
	s.Rodata.Verbose = skel.True
	counter, hits := &s.Data.Counter, &s.Bss.Hits
	*counter = 50
	s.Maps.Things.MaxEntries = 0
	if _, err := s.Load(nil); err == nil {
		errs = append(errs, errors.New("a map without entries was created"))
	}
	s.Maps.Things.MaxEntries = 4
	*hits = 8 // after a load with zeros in .bss has failed

	x, err := s.Load(nil)
	if err != nil {
		return fail(err)
	}
	defer x.Close()
	if s.Data != nil || s.Rodata != nil {
		errs = append(errs, errors.New("the spec has pointers after Load"))
	}
	if _, err := s.Load(nil); err == nil {
		errs = append(errs, errors.New("a spec was loaded twice"))
	}
	expect("counter's address is as before", counter, &x.Data.Counter)
	run := func(p *bpf.Program) uint32 {
		r, err := p.Run(nil)
		if err != nil {
			errs = append(errs, err)
		}
		return r.Return
	}
	run(x.Programs.Fill)
	expect("counter", *counter, int32(52))
	expect("hits", skel.Load(&x.Bss.Hits), uint64(9))
	expect("hits by the old pointer", skel.Add(hits, 1), uint64(10))
	expect("factor", x.Rodata.Value().Factor, uint32(2))
	expect("verbose", x.Rodata.Value().Verbose.True(), true)
	high, low := x.Bss.Huge.Parts()
	expect("huge", fmt.Sprintf("%x %x %v", high, low, x.Bss.Huge),
		"102030405060708 1112131415161718 0x1020304050607081112131415161718")
	print(&x.Data.Shared)

	value, err := x.Maps.Things.Lookup(NastyKey{A: 1, B: 2})
	if err != nil {
		errs = append(errs, err)
	}
	expect("far in the map", value.Far, int32(0x5a5b5c5d))
	expect("entries", x.Maps.Things.Map().MaxEntries(), uint32(4))
	if per, err := x.Maps.PerCpu.Lookup(0, nil); err != nil || len(per) == 0 {
		errs = append(errs, fmt.Errorf("per_cpu: %v, %v", per, err))
	}

	x.Data.Shared = NastyNasty{}
	if run(x.Programs.Check) == 0 {
		errs = append(errs, errors.New("check finds nothing wrong in zeros"))
	}
	set(&x.Data.Shared)
	expect("members that the program reads otherwise", run(x.Programs.Check), uint32(0))

	run(x.Programs.Emit)
	for rec, err := range x.Maps.Rb.Records(context.Background()) {
		if err != nil {
			return fail(err)
		}
		expect("event", fmt.Sprint(rec.Pid, rec.Comm, rec.When), "123 emitter 10")
		break
	}

	expect("enum", fmt.Sprint(NastyGreen, NastyColor(9), NastyNeg, NastyBig_2), "GREEN 9 NEG BIG")
	record := make([]byte, unsafe.Sizeof(NastyTail{})+2*unsafe.Sizeof(NastyPoint{})+3)
	record[8], record[8+16] = 1, 2
	items := (*NastyTail)(nil).Items(record)
	expect("items", fmt.Sprint(len(items), items[0].X, items[1].X), "2 1 2")

	if _, err := x.Attach(); err != nil {
		return fail(err)
	}
	expect("link", x.Links.OnSwitch != nil && x.Links.OnSwitch.Name() == "on_switch", true)
	left := ""
	for _, n := range x.NotAttached() {
		left += n.Program.Name() + " "
	}
	expect("not attached", left, "fill check emit by_hand ")

	if v := x.Variable("counter"); v.Err() != nil {
		errs = append(errs, v.Err())
	} else if err := x.Close(); err != nil {
		errs = append(errs, err)
	} else if err := v.Set(1); !errors.Is(err, fs.ErrClosed) {
		errs = append(errs, fmt.Errorf("set after Close: %v", err))
	}
	if x.Data != nil || x.Bss != nil || x.Rodata.Mapped() || x.Close() != nil {
		errs = append(errs, errors.New("pointers are left after Close"))
	}

	return append(errs, stale()...)
}

// stale opens the skeleton with objects that don't fit.
func stale() (errs []error) {
	for i, t := range nastyTypes {
		types := append([]skel.Type{}, nastyTypes...)
		types[i].Sum++
		if _, err := skel.Open("nasty", nastyObject, types); !errors.Is(err, skel.ErrStale) ||
			!strings.Contains(err.Error(), t.Name) {
			errs = append(errs, fmt.Errorf("another %s: %v", t.Name, err))
		}
	}
	return errs
}
