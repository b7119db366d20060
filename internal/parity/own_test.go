//go:build linux

package parity

import (
	"path/filepath"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/internal/verdict"
	"github.com/purebpf/bpf/kernel"
)

// knownOwn are objects of our own on which this library and C libbpf 1.5 differ, as in [Known].
var knownOwn = []Difference{
	{Object: "testdata/data-be.o", Reason: "libbpf 1.5 refuses the other byte order when it opens an object, we and 1.8 when it is loaded", Words: []string{"stage", "programs", "maps"}},
	{Object: "testdata/maps-be.o", Reason: "as data-be.o", Words: []string{"stage", "programs", "maps"}},
	{Object: "testdata/jumptable.o", Reason: "libbpf 1.5 knows no jump tables", Words: []string{"stage", "errno", "programs", "maps"}},
	{
		Object: "testdata/structops.o", Since: kernel.VersionCode(6, 4, 0), Words: []string{"optional_too"},
		Reason: "libbpf 1.5 turns only the first variable of a '?' section off",
	},
	{
		Object: "testdata/feature.bpf.o", Since: kernel.VersionCode(6, 7, 0), Words: []string{"errno is 22, want 9"},
		Reason: "a program array whose initial value is a program that is not loaded: libbpf hands the kernel descriptor -2 at the end, we refuse at once",
	},
	{Object: "testdata/sessions.bpf.o", Reason: "libbpf 1.5 knows no SEC(\"fsession\")", Words: []string{"type is 26, want 0"}},
	{
		Object: "testdata/uprobe.bpf.o", Reason: "libbpf 1.5 knows no SEC(\"uprobe.session\")",
		Words: []string{"stage", "errno", "failing program", "program ", "map "},
	},
	{
		Object: "testdata/uprobe_session.bpf.o", Reason: "libbpf 1.5 knows no SEC(\"uprobe.session\")",
		Words: []string{"stage", "errno", "failing program", "program ", "map "},
	},
}

// Oracle: C libbpf 1.5 and the kernel, over the objects of this package's neighbours: what the corpus lacks.
func TestOwnVerdictsEqualLibbpf(t *testing.T) {
	testkit.Root(t)
	n, running := 0, kernel.Running().Version()
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
			if stale != "" && running >= since(name) {
				t.Error(stale)
			}
		}
	}
	t.Logf("%d objects", n)
}

// since is the first kernel on which a known difference must show.
func since(name string) uint32 {
	for _, d := range knownOwn {
		if d.Object == name {
			return d.Since
		}
	}
	return 0
}
