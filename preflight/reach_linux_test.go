package preflight

import (
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// visited matches the instructions that a verifier log of level 2 shows.
var visited = regexp.MustCompile(`(?m)^(\d+): \(`)

func readObject(t testing.TB, path string) *object.Object {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o, err := object.Parse(raw, testkit.CorpusName(path))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return o
}

// slow matches objects with loops, whose logs take the kernel seconds to write.
var slow = regexp.MustCompile(`loop|strobemeta|_all\.o`)

// exact is the vagueness of the running kernel: none.
var exact = &vagueness{image: func(*plan.Map, uint64, uint64) bool { return false }}

// TestReachable compares the instructions that we consider reachable with those that the verifier
// walks. The oracle is the kernel: an instruction that only the verifier visits is an error in the
// analysis. An instruction that only we visit is lost precision, which is counted. With
// PUREBPF_REACH=all the test takes some minutes and compares 49,000 instructions: the verifier
// leaves out 4,158, we leave out 3,885 of these.
func TestReachable(t *testing.T) {
	testkit.Root(t)
	k := kernel.Running()
	lazy, err := k.Has(facts.ArgCtxTag)
	if err != nil {
		t.Fatal(err)
	}
	limit, every := 1000, 5
	if testing.Short() {
		every = 30
	}
	if os.Getenv("PUREBPF_REACH") == "all" {
		limit = 4000
	}
	var programs, insns, dead, both int
	for i, path := range testkit.Corpus(t) {
		if os.Getenv("PUREBPF_REACH") != "all" &&
			(strings.HasPrefix(testkit.CorpusName(path), "selftests/") && i%every != 0 ||
				slow.MatchString(path)) {
			continue
		}
		o, err := bpf.Open(path, nil)
		if err != nil {
			continue
		}
		p, err := plan.Resolve(o, k, nil)
		if err != nil {
			continue
		}
		big := false
		for _, pp := range p.Programs {
			big = big || len(pp.Insns) > limit
		}
		if big {
			continue // their logs take gigabytes
		}
		loaded, err := bpf.Load(o, &bpf.LoadOptions{SkipPins: true, LogLevel: 2})
		logs := map[string]string{}
		complete := map[string]bool{}
		if err == nil {
			for _, prog := range loaded.Programs() {
				logs[prog.Name()], complete[prog.Name()] = prog.VerifierLog(), true
			}
			loaded.Close()
		} else if v := new(bpf.VerifierError); errors.As(err, &v) {
			logs[v.Program] = v.Log
		}
		for _, pp := range p.Programs {
			log, ok := logs[pp.Spec.Name]
			if !ok || len(log) == 0 {
				continue
			}
			room := 1 << 30
			reached := reachable(pp, o.Order, lazy, exact, &room)
			seen := make([]bool, len(reached))
			for _, m := range visited.FindAllStringSubmatch(log, -1) {
				at, _ := strconv.Atoi(m[1])
				if at >= len(seen) {
					continue // of another log that was appended
				}
				seen[at] = true
				if !reached[at] {
					t.Errorf("%s: program %s: the verifier reaches instruction %d, we do not",
						testkit.CorpusName(path), pp.Spec.Name, at)
					break
				}
			}
			if !complete[pp.Spec.Name] {
				continue
			}
			programs++
			for i := 0; i < len(seen); i++ {
				insns++
				if !seen[i] {
					dead++
					if !reached[i] {
						both++
					}
				}
				if pp.Insns[i].IsLdImm64() {
					i++
				}
			}
		}
	}
	t.Logf("%d programs, %d instructions; the verifier leaves out %d, we %d of these", programs,
		insns, dead, both)
	if programs < 750/every || dead == 0 {
		t.Errorf("only %d programs with %d dead instructions", programs, dead)
	}
}
