package object_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

// relocListing is llvm-readelf's JSON about a file's relocations and the functions that contain
// them.
type relocListing struct {
	Sections []struct {
		Section struct {
			Name  struct{ Name string }
			Flags struct{ Value uint64 }
			Info  int
		}
	}
	Relocations []struct {
		SectionIndex int
		Relocs       []struct {
			Relocation struct {
				Offset uint64
				Symbol struct{ Name string }
			}
		}
	}
	Symbols []struct {
		Symbol struct {
			Value, Size   uint64
			Type, Section struct{ Value int }
		}
	}
}

// TestRelocations compares each relocation of code with llvm-readelf's list: place and symbol. The
// section of the symbol determines the target, which must fit our kind.
func TestRelocations(t *testing.T) {
	var paths []string
	for _, p := range testkit.Corpus(t) {
		if st, err := os.Stat(p); err == nil && st.Size() < 300_000 &&
			(!raceEnabled || len(p)%8 == 0) {
			paths = append(paths, p)
		}
	}
	total := map[object.RelocKind]int{}
	for batch := range slices.Chunk(paths, 40) {
		var want []relocListing
		if err := json.Unmarshal(
			testkit.Run(t, "llvm-readelf-19",
				append([]string{"--elf-output-style=JSON", "-S", "-s", "-r"}, batch...)...),
			&want); err != nil {
			t.Fatal(err)
		}
		for i, path := range batch {
			o, err := object.Parse(readFile(t, path), path)
			if err != nil {
				continue // covered by TestCorpusOpens
			}
			if d := gocmp.Diff(want[i].list(), listRelocs(o, total)); d != "" {
				t.Errorf("%s: -readelf +ours\n%s", testkit.CorpusName(path), d)
			}
		}
	}
	t.Logf("%d objects, relocations by kind: %v", len(paths), total)
	for k := object.RelocMap; k < object.RelocInsnArray; k++ {
		if total[k] == 0 && !raceEnabled {
			t.Errorf("no relocation of kind %d in the corpus", k)
		}
	}
}

// list returns "section+offset symbol" for every relocation in a function.
func (l *relocListing) list() []string {
	var out []string
	for _, sec := range l.Relocations {
		target := l.Sections[sec.SectionIndex].Section.Info
		if l.Sections[target].Section.Flags.Value&4 == 0 {
			continue
		}
		for _, r := range sec.Relocs {
			for _, s := range l.Symbols {
				if y := s.Symbol; y.Type.Value == 2 && y.Section.Value == target &&
					r.Relocation.Offset-y.Value < y.Size {
					out = append(out, fmt.Sprintf("%d+%#06x %s", target, r.Relocation.Offset,
						r.Relocation.Symbol.Name))
					break
				}
			}
		}
	}
	slices.SortStableFunc(out, cmp.Compare)
	return out
}

func listRelocs(o *object.Object, total map[object.RelocKind]int) []string {
	var out []string
	functions := slices.Clone(o.Subprogs)
	for _, p := range o.Programs {
		functions = append(functions, &p.Function)
	}
	for _, f := range functions {
		for _, r := range f.Relocs {
			total[r.Kind]++
			out = append(out, fmt.Sprintf("%d+%#06x %s", f.SecIndex, f.Offset+uint64(r.Insn)*8,
				r.Symbol))
			switch r.Kind {
			case object.RelocMap:
				if r.Map.Name != r.Symbol {
					out = append(out, "map "+r.Map.Name+" for "+r.Symbol)
				}
			case object.RelocData:
				if v := r.Map.Variable(r.Symbol); v != nil && uint64(v.Offset) != r.SymValue {
					out = append(out, fmt.Sprintf("%s at %d, not %d", r.Symbol, v.Offset,
						r.SymValue))
				}
			case object.RelocExternCall, object.RelocExternLd64:
				if r.Extern.Name != r.Symbol {
					out = append(out, "extern "+r.Extern.Name+" for "+r.Symbol)
				}
			}
		}
	}
	slices.SortStableFunc(out, cmp.Compare)
	return out
}
