package preflight

import (
	"os"
	"testing"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
)

// TestCorpusVerdicts checks all objects of the corpus against the running kernel. The oracle is C libbpf's attempt to load them: what
// we say cannot load must not have loaded. What we say can load and did not was refused by the verifier, mostly on purpose.
func TestCorpusVerdicts(t *testing.T) {
	paths := testkit.Corpus(t)
	verdicts := testkit.Oracle(t, paths...)
	k := kernel.Running()
	var tally [3][2]int
	for i, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Parse(raw, testkit.CorpusName(path))
		if err != nil {
			continue
		}
		r := Check(o, k, nil)
		loaded := 0
		if verdicts[i].OK {
			loaded = 1
		}
		tally[r.Loads][loaded]++
		if r.Loads == facts.No && loaded == 1 {
			t.Errorf("%s: C libbpf loads it, we say %q", testkit.CorpusName(path), r.Reasons)
		}
	}
	t.Logf("refused / loaded by C libbpf: unknown %v, yes %v, no %v", tally[facts.Unknown], tally[facts.Yes], tally[facts.No])
	if tally[facts.Yes][1] < 300 || tally[facts.No][0] < 50 {
		t.Error("too few objects predicted right")
	}
}
