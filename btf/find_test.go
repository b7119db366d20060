package btf

import (
	"slices"
	"testing"
)

// The oracle is libbpf's rule (bpf_core_essential_name_len): three underscores between two other
// characters, the last such place counts.
func TestEssentialName(t *testing.T) {
	for _, c := range [][2]string{
		{"task_struct", "task_struct"}, {"task_struct___v5", "task_struct"}, {"", ""},
		{"a___b", "a"}, {"___b", "___b"}, {"a___", "a___"},
		{"a____b", "a____b"}, {"a___b___c", "a___b"}, {"a___b____c", "a"}, {"a____b___c", "a____b"},
		{"a__b", "a__b"}, {"_a___b_", "_a"},
		{"x_____y", "x_____y"}, {"_____", "_____"}, {"abcdef___g", "abcdef"},
	} {
		if got := EssentialName(c[0]); got != c[1] {
			t.Errorf("EssentialName(%q) = %q, want %q", c[0], got, c[1])
		}
	}
}

// slowNamed is Named and Funcs by a scan of every type.
func slowNamed(s *Spec, name string) (types, funcs []ID) {
	for t := range s.Types() {
		n := t.Name()
		switch {
		case n == "" || EssentialName(n) != name:
		case t.Kind() == KindFunc:
			funcs = append(funcs, t.ID())
		default:
			types = append(types, t.ID())
		}
	}
	return types, funcs
}

// named returns types whose names have every length around the widths that the search compares at
// once, with flavours.
func named(t *testing.T, base *Spec) (*Spec, []string) {
	t.Helper()
	b := NewBuilder(base)
	proto := b.AddFuncProto(0)
	var names []string
	long := "abcdefghijklmnopqrstuvwxyz"
	for n := 1; n < 20; n++ {
		for _, suffix := range []string{"", "___v1", "___w", "x___v1", "_", "___"} {
			name := long[:n] + suffix
			names = append(names, name, EssentialName(name))
			b.AddStruct(name, 4)
			b.AddUnion(name, 4)
			if n%2 == 0 {
				b.AddFunc(name, LinkageStatic, proto)
			}
		}
		b.AddTypedef(long[:n], 1)
	}
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return s, append(names, "absent", "a___absent", "z", "ab", "")
}

// The oracle is a simple scan over all types (slowNamed), for the filtered pass, the index, and
// prefetched names; and for split BTF with own names, base names, or both.
func TestNamed(t *testing.T) {
	for _, split := range []bool{false, true} {
		for _, mode := range []string{"one by one", "prefetch", "index"} {
			var base *Spec
			if split {
				base, _ = named(t, nil)
			}
			s, list := named(t, base)
			switch mode {
			case "prefetch":
				s.Prefetch(list...)
				s.PrefetchFuncs(list...)
			case "index":
				s.named = names{index: newNameIndex(s, false), known: map[string][]ID{}}
				s.funcs = names{index: newNameIndex(s, true), known: map[string][]ID{}}
			}
			for _, name := range list {
				types, funcs := slowNamed(s, name)
				if got := s.Named(name); name != "" && !slices.Equal(got, types) {
					t.Errorf("split %v, %s: Named(%q) = %v, want %v", split, mode, name, got, types)
				}
				if got := s.Funcs(name); name != "" && !slices.Equal(got, funcs) {
					t.Errorf("split %v, %s: Funcs(%q) = %v, want %v", split, mode, name, got, funcs)
				}
				for _, kind := range []Kind{KindStruct, KindUnion, KindTypedef, KindInt, KindFunc} {
					got, ok := s.FindByName(name, kind)
					want, wantOK := slowFind(s, name, kind)
					if got != want || ok != wantOK {
						t.Errorf("split %v, %s: FindByName(%q, %v) = %d, %v; want %d, %v",
							split, mode, name, kind, got, ok, want, wantOK)
					}
				}
			}
		}
	}
}

func slowFind(s *Spec, name string, kind Kind) (ID, bool) {
	for id := ID(1); id < s.Len(); id++ {
		if t, _ := s.Type(id); t.Kind() == kind && t.Name() == name && name != "" {
			return id, true
		}
	}
	return 0, false
}

func TestFindVoid(t *testing.T) {
	s, _ := named(t, nil)
	if id, ok := s.FindByName("void", KindStruct); id != 0 || !ok {
		t.Error("void is not found as libbpf does")
	}
	if id, ok := s.FindAny("a"); id != 2 || !ok {
		t.Errorf("FindAny(a) = %d, %v", id, ok)
	}
}
