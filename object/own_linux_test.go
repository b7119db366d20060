package object_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// differences are the objects for which we deliberately differ from C libbpf 1.5: they change its
// description and say why.
var differences = map[string]func(want *opened, got opened){
	// libbpf 1.5 refuses foreign byte orders, 1.8 opens them: TestByteOrders.
	"maps-be.o": func(want *opened, got opened) {
		if want.Errno == 4003 {
			*want = got
		}
	},
	"data-be.o": func(want *opened, got opened) {
		if want.Errno == 4003 {
			*want = got
		}
	},
	// libbpf turns off creation only for the first variable of a section ?.struct_ops, a known
	// defect.
	"structops.o": func(want *opened, got opened) {
		for i, m := range want.Maps {
			if m.Name == "optional_too" && m.Autocreate {
				want.Maps[i].Autocreate = false
			}
		}
	},
	// libbpf 1.5 does not know .jumptables, 1.8 does: TestJumpTables.
	"jumptable.o": func(want *opened, got opened) {
		if want.Errno == 4005 {
			*want = got
		}
	},
}

// TestOwnObjects compares the objects of testdata, which cover what the corpus lacks, with C
// libbpf's results.
func TestOwnObjects(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.o")
	if err != nil || len(paths) < 13 {
		t.Fatal(paths, err)
	}
	for i, want := range libbpfOpen(t, paths...) {
		o, err := readObject(t, paths[i])
		if err != nil {
			t.Errorf("%s: %v", paths[i], err)
			continue
		}
		adjust(&want, o)
		got := describe(o)
		if change := differences[filepath.Base(paths[i])]; change != nil {
			before := want
			before.Maps = slices.Clone(want.Maps)
			change(&want, got)
			if cmp.Equal(before, want) {
				t.Errorf("%s: libbpf no longer differs: remove it from the list", paths[i])
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: -libbpf +ours\n%s", paths[i], d)
		}
	}
}
