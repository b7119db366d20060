package skelgen_test

import (
	"bytes"
	"go/format"
	"os"
	"path/filepath"
	"testing"

	"github.com/purebpf/bpf/internal/skelgen"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

// TestCorpusFormatted: skeletons of all objects of the corpus are as gofmt writes them. Oracle:
// go/format.
func TestCorpusFormatted(t *testing.T) {
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
		formatted, err := format.Source(text)
		if err != nil {
			t.Errorf("%s: %v\n%s", testkit.CorpusName(path), err, text)
		} else if !bytes.Equal(formatted, text) {
			t.Errorf("%s: gofmt would change the skeleton\n%s", testkit.CorpusName(path), text)
		}
	}
}
