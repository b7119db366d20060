package testkit

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// CorpusDirs are the folders of the corpus: real objects from outside this project, see
// scripts/corpus.sh.
var CorpusDirs = []string{"selftests", "tools", "xdp"}

// Corpus returns the paths of the objects in the given folders of the corpus (all of [CorpusDirs]
// if none is given), sorted. Without a corpus it skips the test, or fails it with
// PUREBPF_CORPUS_REQUIRED=1.
func Corpus(t testing.TB, dirs ...string) []string {
	t.Helper()
	if len(dirs) == 0 {
		dirs = CorpusDirs
	}
	var paths []string
	for _, dir := range dirs {
		if !slices.Contains(CorpusDirs, dir) {
			t.Fatalf("testkit.Corpus: no folder %q in the corpus, there is %s",
				dir, strings.Join(CorpusDirs, ", "))
		}
		root := filepath.Join(Cache(), "corpus", dir)
		if _, err := os.Stat(filepath.Join(root, ".done")); err != nil {
			missing(t, "PUREBPF_CORPUS_REQUIRED", "corpus folder %s is absent (make corpus)", dir)
		}
		found, err := filepath.Glob(filepath.Join(root, "*.o"))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			t.Fatalf("corpus folder %s is empty", root)
		}
		paths = append(paths, found...)
	}
	slices.Sort(paths)
	return paths
}

// CorpusObject returns the path of one object of the corpus, named like "tools/opensnoop.bpf.o".
func CorpusObject(t testing.TB, name string) string {
	t.Helper()
	dir, base := filepath.Split(filepath.FromSlash(name))
	for _, path := range Corpus(t, filepath.Clean(dir)) {
		if filepath.Base(path) == base {
			return path
		}
	}
	t.Fatalf("no object %s in the corpus", name)
	return ""
}

// CorpusName is the inverse of [CorpusObject]: it returns the last folder and the file name, with a
// slash between.
func CorpusName(path string) string {
	return filepath.Base(filepath.Dir(path)) + "/" + filepath.Base(path)
}
