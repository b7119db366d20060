//go:build linux

package parity

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/internal/verdict"
	"github.com/purebpf/bpf/internal/verify"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// Oracle: C libbpf 1.5 on the same kernel. Verdict, stage, errno, first failing program, every
// program's facts with its tag in order, every map's facts in order.
func TestVerdictsEqualLibbpf(t *testing.T) {
	testkit.Root(t)
	for _, folder := range testkit.CorpusDirs {
		t.Run(folder, func(t *testing.T) {
			if testing.Short() && folder == "selftests" {
				testkit.Skip(t, "-short leaves out the 488 selftests")
			}
			var ours, theirs time.Duration
			same, loaded := 0, 0
			for _, path := range testkit.Corpus(t, folder) {
				name := testkit.CorpusName(path)
				t.Run(strings.TrimSuffix(strings.TrimSuffix(path[strings.LastIndexByte(path,
					'/')+1:], ".o"), ".bpf"), func(t *testing.T) {
					start := time.Now()
					want := testkit.Oracle(t, path)[0]
					theirs += time.Since(start)
					start = time.Now()
					got := load(t, path)
					ours += time.Since(start)
					if want.OK {
						loaded++
					}
					if compare(t, name, want, got) {
						same++
					}
				})
			}
			t.Logf("%d verdicts as C libbpf's, which loads %d; %.1f s here, %.1f s there (kept ones cost nothing)",
				same, loaded, ours.Seconds(), theirs.Seconds())
		})
	}
}

func load(t *testing.T, path string) verdict.Object {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	v, err := verify.One(path, nil)
	if err != nil {
		t.Logf("%v", err)
	}
	return v
}

// compare reports whether the verdicts are equal. A difference fails the test unless it is a known
// one.
func compare(t *testing.T, name string, want, got verdict.Object) bool {
	t.Helper()
	problems, stale := judge(Known, name, verdict.Diff(want, got))
	for _, p := range problems {
		t.Error(p)
	}
	if len(problems) > 0 {
		t.Logf("C libbpf: %s, errno %d, program %q: %s", want.Stage, want.Errno, want.Program,
			want.Error)
	}
	if stale != "" {
		t.Error(stale)
	}
	return len(problems) == 0 && stale == "" && verdict.Diff(want, got) == nil
}

// judge returns the differences that are not known, and says so if a known one is not there.
func judge(known []Difference, name string, found []string) (unknown []string, stale string) {
	at := slices.IndexFunc(known, func(d Difference) bool { return d.Object == name })
	if at < 0 {
		return found, ""
	}
	if len(found) == 0 {
		return nil, fmt.Sprintf("%s is listed as different (%s) and is not: take it off the list",
			name, known[at].Reason)
	}
	for _, text := range found {
		if !slices.ContainsFunc(known[at].Words,
			func(w string) bool { return strings.Contains(text, w) }) {
			unknown = append(unknown, text)
		}
	}
	return unknown, ""
}

// Oracle: the rule stated in [Known], one example of each case.
func TestJudge(t *testing.T) {
	known := []Difference{{Object: "a/b.o", Reason: "r", Words: []string{"tag"}}}
	for _, c := range []struct {
		name    string
		found   []string
		unknown int
		stale   bool
	}{
		{"a/other.o", []string{"tag is x"}, 1, false},
		{"a/other.o", nil, 0, false},
		{"a/b.o", []string{"program 0: tag is x"}, 0, false},
		{"a/b.o", []string{"tag is x", "errno is 1"}, 1, false},
		{"a/b.o", nil, 0, true},
	} {
		unknown, stale := judge(known, c.name, c.found)
		if len(unknown) != c.unknown || (stale != "") != c.stale {
			t.Errorf("%s %q: %q, %q", c.name, c.found, unknown, stale)
		}
	}
}

// Every entry names an object that exists and says why.
func TestKnownDifferencesAreJustified(t *testing.T) {
	var names []string
	for _, path := range testkit.Corpus(t) {
		names = append(names, testkit.CorpusName(path))
	}
	for _, d := range Known {
		if d.Reason == "" || len(d.Words) == 0 || !slices.Contains(names, d.Object) {
			t.Errorf("entry without reason, words or object: %+v", d)
		}
	}
}
