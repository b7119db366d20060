package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"os"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// TestUprobeMulti attaches to many functions by pattern, names and offsets, with cookies and
// counters. The oracle is how often the program calls them: add_numbers twice, add_more, add_hidden
// and add_weak once.
func TestUprobeMulti(t *testing.T) {
	testkit.Kernel(t, "6.6")
	v := startVictim(t, target(t))
	obj := uprobeObject(t, v.pid, "many", "many_leave", "many_sleepy")
	offsets := []uint64{symbolOffset(t, v.path, "add_numbers"), symbolOffset(t, v.path, "add_more")}
	counter := symbolOffset(t, v.path, "counted_here")
	for _, c := range []struct {
		name, program, pattern string
		o                      bpf.UprobeList
		want, cookies          uint64
		counted                int
	}{
		{"pattern", "many", "add_*", bpf.UprobeList{}, 5, 0, 0},
		{"one", "many", "add_numbers", bpf.UprobeList{}, 2, 0, 0},
		{"question marks", "many", "add_??????", bpf.UprobeList{}, 1, 0, 0},
		{"names", "many", "", bpf.UprobeList{Symbols: []string{"add_more", "add_numbers"},
			Cookies: []uint64{1, 100}}, 3, 201, 0},
		{"many names", "many", "",
			bpf.UprobeList{Symbols: []string{"add_more", "add_numbers", "add_hidden",
				"add_weak", "main"}, Cookies: []uint64{1, 10, 100, 1000, 10000}}, 5, 1121, 0},
		{"offsets", "many", "", bpf.UprobeList{Offsets: offsets, Cookies: []uint64{100, 1}},
			3,
			201, 0},
		{"counter", "many", "",
			bpf.UprobeList{Offsets: offsets, RefCtrOffsets: []uint64{counter, 0}}, 3, 0, 1},
		{"return", "many_leave", "add_*", bpf.UprobeList{When: bpf.AtReturn}, 5, 0, 0},
		{"sleepable", "many_sleepy", "add_*", bpf.UprobeList{}, 5, 0, 0},
		{"this process", "many", "add_*", bpf.UprobeList{PID: v.pid}, 5, 0, 0},
		{"another process", "many", "add_*", bpf.UprobeList{PID: os.Getpid()}, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := userHitOf(t, obj, c.program)
			*h = userHit{}
			l, err := obj.Program(c.program).AttachUprobeList(v.path, c.o)
			if c.pattern != "" {
				l, err = obj.Program(c.program).AttachUprobeMulti(v.path, c.pattern,
					&bpf.UprobeMultiOptions{PID: c.o.PID, When: c.o.When})
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, n := v.run(t, 1); n != c.counted {
				t.Errorf("the counter is %d, want %d", n, c.counted)
			}
			if h.Count != c.want || h.Cookies != c.cookies {
				t.Errorf("ran %d times with cookies that add up to %d, want %d and %d",
					h.Count, h.Cookies, c.want, c.cookies)
			}
			closeLink(t, l)
			*h = userHit{}
			if _, n := v.run(t, 1); h.Count != 0 || n != 0 {
				t.Errorf("afterwards it ran %d times, the counter is %d", h.Count, n)
			}
		})
	}
}

// TestUprobeSession runs at entry and return. The oracle is how often the program calls the
// functions.
func TestUprobeSession(t *testing.T) {
	testkit.Kernel(t, "6.13")
	v := startVictim(t, target(t))
	obj := uprobeObject(t, v.pid, "session")
	h := userHitOf(t, obj, "session")
	l, err := obj.Program("session").AttachUprobeMulti(v.path, "add_*",
		&bpf.UprobeMultiOptions{When: bpf.InSession})
	if err != nil {
		t.Fatal(err)
	}
	defer closeLink(t, l)
	if v.run(t, 1); h.Count != 10 {
		t.Errorf("5 calls, it ran %d times", h.Count)
	}
}

// TestUprobeSessionSkip: the program sees entry and return, and may skip the return. The oracle is
// how often the program calls the functions.
func TestUprobeSessionSkip(t *testing.T) {
	testkit.Kernel(t, "6.13")
	uprobes(t)
	v := startVictim(t, target(t))
	for _, skip := range []int32{0, 1} {
		obj := load(t, open(t, "uprobe_session"), nil)
		if err := errors.Join(obj.Variable("only_pid").Set(uint32(v.pid)),
			obj.Variable("skip_return").Set(skip)); err != nil {
			t.Fatal(err)
		}
		l, err := obj.Program("session").AttachUprobeMulti(v.path, "add_*",
			&bpf.UprobeMultiOptions{When: bpf.InSession})
		if err != nil {
			t.Fatal(err)
		}
		v.run(t, 2)
		if in, out := *counter(t, obj, "entries"), *counter(t, obj, "returns"); in != 10 ||
			out != uint64(10*(1-skip)) {
			t.Errorf("10 calls: %d entries, %d returns with %d returned at entry", in, out, skip)
		}
		closeLink(t, l)
	}
}

// TestUprobeMultiStripped attaches by names to a library without a symbol table, which C libbpf
// can't do. The oracle is that run_all calls each function once.
func TestUprobeMultiStripped(t *testing.T) {
	testkit.Kernel(t, "6.6")
	lib := library(t, "-s")
	v := startVictim(t, testkit.Native(t, caller, "-ldl"), lib)
	obj := uprobeObject(t, v.pid, "many")
	h := userHitOf(t, obj, "many")
	for _, c := range []struct {
		pattern string
		symbols []string
		want    uint64
	}{
		{"", []string{"plain", "plain_weak", "versioned@LIB_1.0"}, 3},
		{"", []string{"plain", "plain_weak", "run_all", "versioned@LIB_1.0", "versioned@LIB_2.0"},
			5},
		{"pl*", nil, 3}, // plain by two names
	} {
		l, err := obj.Program("many").AttachUprobeList(lib,
			bpf.UprobeList{Symbols: c.symbols})
		if c.pattern != "" {
			l, err = obj.Program("many").AttachUprobeMulti(lib, c.pattern, nil)
		}
		if err != nil {
			t.Error(err)
			continue
		}
		*h = userHit{}
		v.run(t, 1)
		if h.Count != c.want {
			t.Errorf("%s %v: ran %d times, want %d", c.pattern, c.symbols, h.Count, c.want)
		}
		closeLink(t, l)
	}
}
