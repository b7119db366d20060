//go:build linux

package parity

import (
	"path/filepath"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/internal/verdict"
)

// knownOwn are objects of our own on which this library and C libbpf 1.5 differ, as in [Known].
var knownOwn = []Difference{
	{"testdata/data-be.o", "libbpf 1.5 refuses the other byte order when it opens an object, we and 1.8 when it is loaded", []string{"stage", "programs", "maps"}},
	{"testdata/maps-be.o", "as data-be.o", []string{"stage", "programs", "maps"}},
	{"testdata/jumptable.o", "libbpf 1.5 knows no jump tables", []string{"stage", "errno", "programs", "maps"}},
	{"testdata/structops.o", "libbpf 1.5 turns only the first variable of a '?' section off", []string{"optional_too"}},
	{"testdata/feature.bpf.o", "a program array whose initial value is a program that is not loaded: libbpf hands the kernel descriptor -2 at the end, we refuse at once", []string{"errno is 22, want 9"}},
	{"testdata/sessions.bpf.o", "libbpf 1.5 knows no SEC(\"fsession\")", []string{"type is 26, want 0"}},
	{"testdata/uprobe.bpf.o", "libbpf 1.5 knows no SEC(\"uprobe.session\")", []string{"stage", "errno", "failing program", "program ", "map "}},
}

// Oracle: C libbpf 1.5 and the kernel, over the objects of this package's neighbours: what the corpus lacks.
func TestOwnVerdictsEqualLibbpf(t *testing.T) {
	testkit.Root(t)
	n := 0
	for _, pattern := range []string{"../../object/testdata/*.o", "../../plan/testdata/*.o", "../../testdata/*.bpf.o"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("no objects in %s: %v", pattern, err)
		}
		for _, path := range paths {
			n++
			name := testkit.CorpusName(path)
			want, got := testkit.Oracle(t, path)[0], load(t, path)
			problems, stale := judge(knownOwn, name, verdict.Diff(want, got))
			for _, p := range problems {
				t.Errorf("%s: %s (C libbpf: %s, errno %d: %s; here: %s)", path, p, want.Stage, want.Errno, want.Error, got.Error)
			}
			if stale != "" {
				t.Error(stale)
			}
		}
	}
	t.Logf("%d objects", n)
}
