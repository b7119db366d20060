package records_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/records"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

// TestSupplied gives BTF with the structs of all sources to the analysis of each object that lacks
// its own: it must choose the right one among them, or say which ones it can't tell apart.
// Oracle: testdata/records.tsv, made from the sources by reading them.
func TestSupplied(t *testing.T) {
	table := truths(t)
	supplied := supply(t, table)
	right, rivals, none := 0, 0, 0
	for _, path := range testkit.Corpus(t, "tools", "xdp", "selftests") {
		name := filepath.Base(filepath.Dir(path)) + "/" +
			strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".o"), ".bpf")
		said := table[name]
		if said == nil {
			continue
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Parse(raw, path)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range records.Analyze(o, supplied).Streams {
			for _, x := range s.Sources {
				if len(said[s.Map.Name]) == 0 || said[s.Map.Name][0].inBTF {
					continue
				}
				want := layoutText(said[s.Map.Name][0])
				var got []string
				for _, id := range append(slices.Clone(x.Rivals), x.Type) {
					if id != 0 && x.Spec == supplied {
						got = append(got, layoutOf(supplied, id))
					}
				}
				switch {
				case x.Type != 0 && x.Spec == supplied && slices.Equal(got, []string{want}):
					right++
				case x.Type != 0:
					t.Errorf("%s: %s: %s: chose %q, want %q", name, s.Map.Name, x.Program, got, want)
				case len(x.Rivals) > 0 && slices.Contains(got, want):
					rivals++
				case len(x.Rivals) > 0:
					t.Errorf("%s: %s: %s: %q lacks %q", name, s.Map.Name, x.Program, got, want)
				default:
					none++
					t.Logf("%s: %s: %s: nothing chosen", name, s.Map.Name, x.Program)
				}
			}
		}
	}
	t.Logf("%d places right, %d with several possible types, %d unknown", right, rivals, none)
	if 10*right < 8*(right+rivals+none) {
		t.Error("less than eight of ten places are right")
	}
}

// supply makes BTF of the structs of a table, each layout once.
func supply(t *testing.T, table map[string]map[string][]truth) *btf.Spec {
	t.Helper()
	b := btf.NewBuilder(nil)
	ints := map[uint32]btf.ID{}
	for _, n := range []uint32{1, 2, 4, 8, 16} {
		ints[n] = b.AddInt("u"+string(rune('a'+n)), n, 0)
	}
	done := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		for _, buffer := range slices.Sorted(maps.Keys(table[name])) {
			w := table[name][buffer][0]
			if len(w.members) == 0 || done[layoutText(w)] {
				continue
			}
			done[layoutText(w)] = true
			types := make([]btf.ID, len(w.members))
			for i, m := range w.members {
				types[i] = ints[m.size]
				if m.elem != 0 {
					elem := ints[m.elem]
					if elem == 0 {
						elem = b.AddStruct("", m.elem)
					}
					types[i] = b.AddArray(ints[4], elem, m.size/m.elem)
				}
			}
			b.AddStruct(strings.ReplaceAll(filepath.Base(name), "-", "_"), uint32(w.size))
			for i, m := range w.members {
				b.AddMember(m.name, types[i], 8*m.off, 0)
			}
		}
	}
	spec, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// layoutText returns the size and members of a struct of the table.
func layoutText(w truth) string {
	var names []string
	for _, m := range w.members {
		names = append(names, records.Field{Off: m.off, Size: m.size, Name: m.name}.String())
	}
	return strings.Join(names, " ")
}

// layoutOf returns the same of a struct in BTF.
func layoutOf(s *btf.Spec, id btf.ID) string {
	var w truth
	typ := s.Skip(id)
	for i := range typ.Vlen() {
		m := typ.Member(i)
		n, _ := s.SizeOf(m.Type)
		w.members = append(w.members, member{name: m.Name, off: m.BitOffset / 8, size: uint32(n)})
	}
	return layoutText(w)
}
