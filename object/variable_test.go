package object_test

import (
	"bytes"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/object"
)

// TestVariables sets and reads variables of testdata/data.c. The oracle for their types is the
// source, for their bytes C's layout.
func TestVariables(t *testing.T) {
	o := open(t, "data.o", nil)
	type pair struct {
		A int32
		_ int32
		B int64
	}
	var pairs [2]pair
	if err := o.Variable("pairs").Get(&pairs); err != nil ||
		pairs != [2]pair{{A: 1, B: 2}, {A: 3, B: 4}} {
		t.Errorf("pairs %v, %v", pairs, err)
	}
	for _, tc := range []struct {
		name  string
		value any
		want  []byte
		err   string
	}{
		{"in_data", uint32(0x01020304), []byte{4, 3, 2, 1}, ""},
		{"in_data", int32(-1), []byte{255, 255, 255, 255}, ""},
		{"in_data", -2, []byte{254, 255, 255, 255}, ""},
		{"in_data", uint(7), []byte{7, 0, 0, 0}, ""},
		{"in_data", uint(math.MaxUint32), []byte{255, 255, 255, 255}, ""},
		{"small", 1 << 16, nil, "too few"},
		{"small", -1<<15 - 1, nil, "too few"},
		{"small", -1 << 15, []byte{0, 0x80}, ""},
		{"in_data", int64(1), []byte{1, 0, 0, 0}, ""},
		{"in_data", float32(1), nil, "cannot hold float32"},
		{"in_data", "x", nil, "not an array of char"},
		{"in_data", []byte{1, 2, 3}, nil, "has 4 bytes, the value 3"},
		{"in_data", []byte{1, 2, 3, 4}, []byte{1, 2, 3, 4}, ""},
		{"in_data", map[int]int{}, nil, "not fixed"},
		{"text", "hi", []byte("hi\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), ""},
		{"text", "exactly 16 bytes", []byte("exactly 16 bytes"), ""},
		{"text", "more than 16 bytes", nil, "the string 18"},
		{"flag", true, []byte{1}, ""},
		{"flag", 2, []byte{2}, ""},
		{"flag", 256, nil, "too few"},
		{"ratio", 1.0, []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f}, ""},
		{"ratio", uint64(1), nil, "cannot hold uint64"},
		{"ratio", 1, nil, "cannot hold an integer"},
		{"shade", 7, []byte{7, 0, 0, 0}, ""},
		{"small", uint16(0x1234), []byte{0x34, 0x12}, ""},
		{"in_bss", -2, []byte{254, 255, 255, 255, 255, 255, 255, 255}, ""},
		{"in_bss", uint(math.MaxUint32), []byte{255, 255, 255, 255, 0, 0, 0, 0}, ""},
		{"pairs", [2]pair{{A: 5, B: 6}},
			append([]byte{5, 0, 0, 0, 0, 0, 0, 0, 6}, make([]byte, 23)...), ""},
		{"bss_custom", 1, []byte{1, 0, 0, 0}, ""},
		{"custom_hidden", 1, []byte{1, 0, 0, 0}, ""},
	} {
		v := o.Variable(tc.name)
		before := bytes.Clone(v.Bytes())
		err := v.Set(tc.value)
		switch {
		case tc.err != "":
			if err == nil || !strings.Contains(err.Error(), tc.err) ||
				!strings.Contains(err.Error(), tc.name) {
				t.Errorf("%s = %v: %v, want an error with %q", tc.name, tc.value, err, tc.err)
			}
			if !bytes.Equal(v.Bytes(), before) {
				t.Errorf("%s = %v: changed by an error", tc.name, tc.value)
			}
		case err != nil || !bytes.Equal(v.Bytes(), tc.want):
			t.Errorf("%s = %v: % x, %v; want % x", tc.name, tc.value, v.Bytes(), err, tc.want)
		}
	}
	if o.Variable("no such") != nil || o.Variable("custom").Map != o.Map(".data.custom") ||
		!o.Variable("hidden_in_bss").Static || !o.Variable("custom_hidden").Static ||
		o.Variable("custom").Static {
		t.Error("the wrong variables are found")
	}
	if got := o.Map(".bss").Contents[o.Variable("in_bss").Offset]; got != 255 {
		t.Errorf("in_bss is not in the map: %d", got)
	}
}

// TestVariablesBigEndian writes in the object's byte order. The oracle is the byte order.
func TestVariablesBigEndian(t *testing.T) {
	o := open(t, "data-be.o", nil)
	v := o.Variable("in_data")
	var n int32
	if err := v.Get(&n); err != nil || n != 1 {
		t.Errorf("in_data is %d, %v", n, err)
	}
	for _, value := range []any{int32(0x01020304), 0x01020304} {
		if err := v.Set(value); err != nil || !bytes.Equal(v.Bytes(), []byte{1, 2, 3, 4}) {
			t.Errorf("% x, %v", v.Bytes(), err)
		}
	}
}

// TestClone changes everything that can be changed in a copy, from several goroutines at once. The
// original must stay unchanged. The oracles are the original's description and that of a fresh one.
// Relations of the copy must stay within the copy.
func TestClone(t *testing.T) {
	for _, name := range []string{"maps.o", "data.o", "externs.o", "structops.o", "arena.o",
		"subprogs.o"} {
		o, fresh := open(t, name, nil), open(t, name, nil)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				c := o.Clone()
				if d := cmp.Diff(describe(o.Clone()), describe(c)); d != "" {
					t.Errorf("%s: -original +clone\n%s", name, d)
				}
				checkRelations(t, name, o, c)
				for _, m := range c.Maps {
					m.MaxEntries, m.PinPath, m.Autocreate = 77, "/x", false
					for i := range m.Bytes() {
						m.Bytes()[i] ^= 0xff
					}
					for i := range m.Values {
						m.Values[i].Key = 99
					}
					if m.StructOps != nil {
						for i := range m.StructOps.Slots {
							m.StructOps.Slots[i].Program = nil
						}
					}
					if m.Inner != nil {
						m.Inner.MaxEntries = 3
					}
				}
				for _, p := range c.Programs {
					p.Autoload, p.Type = !p.Autoload, 1
				}
				for i := range c.ArenaData {
					c.ArenaData[i] ^= 0xff
				}
			})
		}
		wg.Wait()
		if d := cmp.Diff(describe(fresh), describe(o)); d != "" {
			t.Errorf("%s: changing a clone changed the original: -fresh +original\n%s", name, d)
		}
		for i, m := range o.Maps {
			if m.Inner != nil && m.Inner.MaxEntries != fresh.Maps[i].Inner.MaxEntries {
				t.Errorf("%s: inner map of %s changed", name, m.Name)
			}
			for j, v := range m.Values {
				if v.Key != fresh.Maps[i].Values[j].Key {
					t.Errorf("%s: initial values of %s changed", name, m.Name)
				}
			}
		}
	}
}

// checkRelations checks that every pointer of c leads to something in c that has the same name in
// o.
func checkRelations(t *testing.T, name string, o, c *object.Object) {
	functions := func(o *object.Object) []*object.Function {
		var fs []*object.Function
		for _, p := range o.Programs {
			fs = append(fs, &p.Function)
		}
		return append(fs, o.Subprogs...)
	}
	theirs := functions(o)
	for i, f := range functions(c) {
		if f == theirs[i] {
			t.Errorf("%s: function %s is shared", name, f.Name)
		}
		for j, r := range f.Relocs {
			if r.Map != nil && r.Map != c.Maps[theirs[i].Relocs[j].Map.Index] ||
				r.Extern != nil && r.Extern != c.Externs[theirs[i].Relocs[j].Extern.Index] {
				t.Errorf("%s: relocation %d of %s leads out of the clone", name, j, f.Name)
			}
		}
	}
	for i, m := range c.Maps {
		if m == o.Maps[i] || m.Inner != nil && m.Inner == o.Maps[i].Inner {
			t.Errorf("%s: map %s is shared", name, m.Name)
		}
		for _, v := range m.Vars {
			if v.Map != m {
				t.Errorf("%s: variable %s leads out of the clone", name, v.Name)
			}
		}
		for _, v := range m.Values {
			if v.Map != nil && c.Maps[v.Map.Index] != v.Map ||
				v.Program != nil && c.Program(v.Program.Name) != v.Program {
				t.Errorf("%s: initial value %d of %s leads out of the clone", name, v.Key, m.Name)
			}
		}
		if m.StructOps != nil {
			for _, s := range m.StructOps.Slots {
				if c.Program(s.Program.Name) != s.Program || s.Initial != s.Program {
					t.Errorf("%s: slot %d of %s leads out of the clone", name, s.Member, m.Name)
				}
			}
		}
	}
	if o.Arena != nil && c.Arena != c.Maps[o.Arena.Index] {
		t.Errorf("%s: the arena is shared", name)
	}
}
