package skelgen_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/purebpf/bpf/internal/skelgen"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

// TestCorpusFormatted: skeletons of all objects of the corpus are as gofmt writes them, and their
// types are right on 64-bit and 32-bit machines. Oracles: go/format and go/types, for which a size
// or an offset that Go doesn't give a type is an error.
func TestCorpusFormatted(t *testing.T) {
	c := newChecker()
	for _, path := range testkit.Corpus(t) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Parse(raw, path)
		if err != nil {
			continue // refused by any loader
		}
		text, err := skelgen.Generate(o, skelgen.Options{ObjectFile: filepath.Base(path)})
		if err != nil {
			t.Errorf("%s: %v", testkit.CorpusName(path), err)
			continue
		}
		c.check(t, text)
	}
}
