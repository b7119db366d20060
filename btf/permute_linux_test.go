package btf

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// Permuting and permuting back gives the same bytes, .BTF.ext included. The oracle for a single
// permutation is C libbpf 1.5: it accepts the types, also with the layout of the kinds, which it
// ignores, and btf__dedup finds no equal ones.
func TestPermute(t *testing.T) {
	c := newLibbpf(t)
	r := rand.New(rand.NewPCG(15, 16))
	path := testkit.CorpusObject(t, "tools/opensnoop.bpf.o")
	s := objectSpec(t, path)
	x, err := ParseExt(section(t, path, ".BTF.ext"), s)
	if err != nil {
		t.Fatal(err)
	}
	unique := s.Edit()
	if x, err = unique.Dedup(x); err != nil {
		t.Fatal(err)
	}
	s = mustSpec(t, unique)
	for range 20 {
		n := int(s.Len()) - 1
		ids, back := make([]ID, n), make([]ID, n)
		for i, k := range r.Perm(n) {
			ids[i], back[k] = ID(k+1), ID(i+1)
		}
		b := s.Edit()
		permuted, err := b.Permute(ids, x)
		if err != nil {
			t.Fatal(err)
		}
		moved, _ := b.Type(ids[0])
		if first, _ := s.Type(1); moved.Name() != first.Name() || moved.Kind() != first.Kind() {
			t.Fatalf("%s for %s", moved.AppendRaw(nil), first.AppendRaw(nil))
		}
		if got, want := permuted.Func[0].FuncInfo(0).Type, ids[x.Func[0].FuncInfo(0).Type-1]; got !=
			want {
			t.Fatalf("function [%d] instead of [%d]", got, want)
		}
		for _, layout := range []bool{false, true} {
			l := mustSpec(t, b).Edit()
			if layout {
				l.AddLayout()
			}
			errno, want := c.call(t, 'd', nil, nil, l.Bytes())
			if errno != 0 {
				t.Fatalf("C libbpf refuses it: errno %d", errno)
			}
			again, err := Parse(l.Bytes(), nil)
			if err != nil || again.HasLayout() != layout {
				t.Fatalf("layout %v: %v", layout, err)
			}
			if layout {
				continue // C libbpf 1.5 reads it, but doesn't write it
			}
			if d, err := Parse(want[0], nil); err != nil || d.Len() != s.Len() {
				t.Fatalf("C libbpf finds types that are equal: %v", err)
			}
		}
		if permuted, err = b.Permute(back, permuted); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), s.Raw()) || !bytes.Equal(permuted.Raw(), x.Raw()) {
			t.Fatal("permuting back gives other bytes")
		}
	}
	for _, ids := range [][]ID{nil, make([]ID, s.Len()-1), slices.Repeat([]ID{1}, int(s.Len()-1))} {
		if _, err := s.Edit().Permute(ids, nil); err == nil {
			t.Errorf("%d ids are accepted", len(ids))
		}
	}
}

// The oracle for the sorted BTF is bpftool, which reads the same types in it by name.
func TestSortByName(t *testing.T) {
	s := objectSpec(t, testkit.CorpusObject(t, "tools/opensnoop.bpf.o"))
	b := s.Edit()
	if _, err := b.SortByName(nil); err != nil {
		t.Fatal(err)
	}
	sorted := mustSpec(t, b)
	last := ""
	for typ := range sorted.Types() {
		if typ.Name() < last {
			t.Fatalf("%q after %q", typ.Name(), last)
		}
		last = typ.Name()
	}
	dump := func(raw []byte) []string {
		file := filepath.Join(t.TempDir(), "btf")
		if err := os.WriteFile(file, raw, 0o644); err != nil {
			t.Fatal(err)
		}
		var list []string
		for line := range strings.Lines(string(testkit.Run(t, "bpftool", "btf", "dump", "file",
			file))) {
			if _, rest, ok := strings.Cut(line, "] "); ok && strings.HasPrefix(line, "[") {
				kind, rest, _ := strings.Cut(rest, " ")
				name, _, _ := strings.Cut(rest, " ")
				list = append(list, kind+name)
			}
		}
		slices.Sort(list)
		return list
	}
	if got, want := dump(sorted.Raw()), dump(s.Raw()); !slices.Equal(got, want) {
		t.Errorf("bpftool reads other types: %d and %d", len(got), len(want))
	}
}
