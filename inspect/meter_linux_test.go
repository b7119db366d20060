package inspect_test

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
	"github.com/purebpf/bpf/userringbuf"
)

func newMeter(t testing.TB) *inspect.Meter {
	t.Helper()
	testkit.Root(t)
	m, err := inspect.NewMeter()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func read(t testing.TB, m *inspect.Meter) *inspect.Usage {
	t.Helper()
	u, err := m.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// program returns what was read of a program, nil if it wasn't listed.
func program(u *inspect.Usage, id uint32) *inspect.ProgramUsage {
	for i := range u.Programs {
		if u.Programs[i].ID == id {
			return &u.Programs[i]
		}
	}
	return nil
}

// measured returns what was read of a map.
func measured(t testing.TB, u *inspect.Usage, m *bpf.Map) inspect.MapUsage {
	t.Helper()
	info, err := m.Info()
	if err != nil {
		t.Fatal(err)
	}
	for _, use := range u.Maps {
		if use.ID == info.ID {
			return use
		}
	}
	t.Fatalf("map %s isn't listed", m.Name())
	return inspect.MapUsage{}
}

// newMap creates a map that is closed with the test.
func newMap(t testing.TB, spec object.Map) *bpf.Map {
	t.Helper()
	m, err := bpf.CreateMap(&spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestMeterPrograms runs a program a known number of times between two reads. The oracle is that
// number.
func TestMeterPrograms(t *testing.T) {
	m := newMeter(t)
	read(t, m)
	p := subprograms(t)
	id := bpftest.ProgramID(t, p)
	run := func(n uint32) *inspect.ProgramUsage {
		t.Helper()
		if _, err := p.Run(&bpf.RunOptions{Data: make([]byte, 64), Repeat: n}); err != nil {
			t.Fatal(err)
		}
		u := program(read(t, m), id)
		if u == nil {
			t.Fatalf("program %d isn't listed", id)
		}
		return u
	}
	for _, n := range []uint32{3, 500} { // the first is of a program that is new
		if u := run(n); u.Runs != uint64(n) || u.Time <= 0 || u.Time > u.RunTime || u.Misses != 0 ||
			u.Name != p.Name()[:min(len(p.Name()), 15)] {
			t.Errorf("%d runs: %+v", n, u)
		}
	}
	u := read(t, m)
	if now := program(u, id); now == nil || now.Runs != 0 || now.Time != 0 || now.RunCount != 503 {
		t.Errorf("no runs: %+v", now)
	}
	if u.Interval <= 0 {
		t.Error(u.Interval)
	}
	p.Close()
	testkit.Until(t, "the program to be gone",
		func() bool { return program(read(t, m), id) == nil })
}

// TestMeterMaps measures maps whose contents are known; for memory the oracle is bpftool.
func TestMeterMaps(t *testing.T) {
	m := newMeter(t)
	cpus, err := kernel.Running().PossibleCPUs()
	if err != nil {
		t.Fatal(err)
	}
	const elements = 77
	fill := func(to *bpf.Map, size int) {
		t.Helper()
		for i := range uint32(elements) {
			key := binary.NativeEndian.AppendUint32(nil, i)
			if err := to.Update(key, make([]byte, 8*cpus)[:size], 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, typ := range []uapi.MapType{uapi.MapHash, uapi.MapPerCPUHash, uapi.MapLRUHash,
		uapi.MapLRUPerCPUHash} {
		hash := newMap(t, object.Map{Name: "metered", Type: typ, KeySize: 4, ValueSize: 8,
			MaxEntries: 4096})
		if use := measured(t, read(t, m), hash); use.Entries != 0 || use.Backlog != -1 {
			t.Errorf("%v, empty: %+v", typ, use)
		}
		size := hash.ValueSize()
		if typ == uapi.MapPerCPUHash || typ == uapi.MapLRUPerCPUHash {
			size *= cpus
		}
		fill(hash, size)
		use := measured(t, read(t, m), hash)
		if use.Entries != elements || use.MaxEntries != 4096 {
			t.Errorf("%v: %+v", typ, use)
		}
		out := string(testkit.Run(t, "bpftool", "-j", "map", "show", "id",
			strconv.Itoa(int(use.ID))))
		if use.Memory <= 0 || !strings.Contains(out, `"bytes_memlock":`+
			strconv.FormatInt(use.Memory, 10)+",") {
			t.Errorf("%v: memory %d, bpftool: %s", typ, use.Memory, out)
		}
	}
	array := newMap(t, object.Map{Name: "array", Type: uapi.MapArray, KeySize: 4, ValueSize: 8,
		MaxEntries: 100})
	if use := measured(t, read(t, m), array); use.Entries != -1 || use.Backlog != -1 {
		t.Errorf("array: %+v", use)
	}
	// Samples of 16 bytes, each with a header of 8, that no program drains.
	ring := newMap(t, object.Map{Name: "ring", Type: uapi.MapUserRingBuf, MaxEntries: 64 << 10})
	w, err := userringbuf.NewWriter(ring, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for i := range 5 {
		if use := measured(t, read(t, m), ring); use.Backlog != int64(24*i) || use.Entries != -1 {
			t.Errorf("%d samples: %+v", i, use)
		}
		s, err := w.Reserve(16)
		if err != nil {
			t.Fatal(err)
		}
		s.Submit()
	}
	// Positions that a process wrote and that can't be. The kernel ignores those of an idle ring.
	idle := newMap(t, object.Map{Name: "idle", Type: uapi.MapRingBuf, MaxEntries: 4096})
	page, err := sys.Mmap(idle.FD(), 0, os.Getpagesize(), sys.ProtRead|sys.ProtWrite, sys.MapShared)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Munmap(page)
	binary.NativeEndian.PutUint64(page, 5000)
	if use := measured(t, read(t, m), idle); use.Backlog != -1 {
		t.Errorf("5000 bytes more consumed than produced: %+v", use)
	}
}

// TestMeterErrors reads without privileges.
func TestMeterErrors(t *testing.T) {
	m := newMeter(t)
	err := testkit.WithCapabilities(t, nil, func() error {
		_, err := m.Read(t.Context())
		return err
	})
	if e, ok := err.(*bpf.Error); !ok || e.Hint == "" {
		t.Error(err)
	}
}

// TestMeterEnds stops a read: what a program did meanwhile is in the next one.
func TestMeterEnds(t *testing.T) {
	m := newMeter(t)
	p := subprograms(t)
	read(t, m)
	if _, err := p.Run(&bpf.RunOptions{Data: make([]byte, 64), Repeat: 5}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if u := program(read(t, m), bpftest.ProgramID(t, p)); u == nil || u.Runs != 5 {
		t.Errorf("5 runs: %+v", u)
	}
}

// BenchmarkMeter reads all programs and maps of the machine.
func BenchmarkMeter(b *testing.B) {
	m := newMeter(b)
	var u *inspect.Usage
	for b.Loop() {
		u = read(b, m)
	}
	b.ReportMetric(float64(len(u.Programs)), "programs")
	b.ReportMetric(float64(len(u.Maps)), "maps")
}
