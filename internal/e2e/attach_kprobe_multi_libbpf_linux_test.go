package e2e

import (
	"github.com/purebpf/bpf"

	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/testkit"
)

// TestKprobeMultiLibbpf attaches to every function that matches "tcp_*" and to 5,000 functions by
// name, alternating with C libbpf on the same machine. The oracle is libbpf: it attaches to as
// many. The test logs how long each takes, and doesn't check it.
func TestKprobeMultiLibbpf(t *testing.T) {
	program := testkit.LibbpfProgram(t, "../../testdata/kprobe_multi.c")
	fprobes(t)
	obj := kprobeObject(t, "multi")
	for _, c := range []struct {
		name, pattern string
		symbols       []string
	}{{"tcp_*", "tcp_*", nil}, {"5000 names", "", coldFunctions(t, 5000)}} {
		t.Run(c.name, func(t *testing.T) {
			// attach and detach, ours and libbpf's
			least := [4]time.Duration{math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64}
			functions := 0
			for range 3 {
				start := time.Now()
				l, err := attachKprobes(obj.Program("multi"), c.pattern, c.symbols)
				attach := time.Since(start)
				if err != nil {
					t.Fatal(err)
				}
				functions = functionsOf(t, l)
				start = time.Now()
				closeLink(t, l)
				detach := time.Since(start)

				args := []string{"../../testdata/kprobe.bpf.o", "multi"}
				if c.pattern != "" {
					args = append(args, c.pattern)
				}
				cmd := exec.Command(program, args...)
				cmd.Stdin, cmd.Stderr = strings.NewReader(strings.Join(c.symbols, "\n")), os.Stderr
				out, err := cmd.Output()
				if err != nil {
					t.Fatal(err)
				}
				var theirs int
				var theirAttach, theirDetach time.Duration
				if _, err := fmt.Sscan(string(out), &theirs,
					&theirAttach, &theirDetach); err != nil {
					t.Fatalf("%v in %q", err, out)
				}
				if theirs != functions {
					t.Errorf("libbpf attaches to %d functions, we to %d", theirs, functions)
				}
				for i, took := range []time.Duration{attach, detach, theirAttach, theirDetach} {
					least[i] = min(least[i], took)
				}
			}
			t.Logf("%d functions, least of 3: attached in %v, libbpf %v, ratio %.2f; detached in %v, libbpf %v", functions,
				least[0], least[2], least[0].Seconds()/least[2].Seconds(), least[1], least[3])
		})
	}
}

// attachKprobes attaches to the functions of a pattern or, if that is "", to those of a list.
func attachKprobes(p *bpf.Program, pattern string, symbols []string) (*bpf.Link, error) {
	if pattern != "" {
		return p.AttachKprobeMulti(pattern, nil)
	}
	return p.AttachKprobeList(bpf.KprobeList{Symbols: symbols})
}
