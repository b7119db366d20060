//go:build linux

package parity

import (
	"path/filepath"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/internal/verdict"
	"github.com/purebpf/bpf/kernel"
)

// Oracle: C libbpf 1.5 and the kernel, over the objects of this package's neighbours: what the
// corpus lacks.
func TestOwnVerdictsEqualLibbpf(t *testing.T) {
	testkit.Root(t)
	n, running := 0, kernel.Running().Version()
	for _, pattern := range []string{"../../object/testdata/*.o", "../../plan/testdata/*.o",
		"../../testdata/*.bpf.o"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("no objects in %s: %v", pattern, err)
		}
		for _, path := range paths {
			n++
			name := testkit.CorpusName(path)
			want, got := testkit.Oracle(t, path)[0], load(t, path)
			problems, stale := judge(KnownOwn, name, verdict.Diff(want, got))
			for _, p := range problems {
				t.Errorf("%s: %s (C libbpf: %s, errno %d: %s; here: %s)", path, p, want.Stage,
					want.Errno, want.Error, got.Error)
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
	for _, d := range KnownOwn {
		if d.Object == name {
			return d.Since
		}
	}
	return 0
}
