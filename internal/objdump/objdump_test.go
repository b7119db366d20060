package objdump_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/purebpf/bpf/internal/objdump"
	"github.com/purebpf/bpf/internal/testkit"
)

// list returns our listing of an object.
func list(t testing.TB, path string, opts objdump.Options) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	opts.Warn = func(text string) {
		if !strings.HasPrefix(text, "there are no source lines") {
			t.Errorf("%s: warning: %s", path, text)
		} else if strings.Contains(string(testkit.Run(t, "llvm-objdump-19", "-d", "-S", path)),
			"\n; ") {
			t.Errorf("%s: llvm-objdump has source lines; warning: %s", path, text)
		}
	}
	if err := objdump.Write(&out, path, raw, &opts); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return out.String()
}

// eachObject runs f for every object of the corpus, as many at a time as there are processors.
func eachObject(t *testing.T, f func(t *testing.T, path string)) {
	t.Helper()
	paths := make(chan string)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for path := range paths {
				f(t, path)
			}
		})
	}
	var dirs []string
	if testing.Short() {
		dirs = []string{"tools", "xdp"}
	}
	for _, path := range testkit.Spread(t, "objects", testkit.Corpus(t, dirs...), 141) {
		paths <- path
	}
	close(paths)
	wg.Wait()
}

// comment matches the comment after the text of an instruction. LLVM prints no '#'.
var comment = regexp.MustCompile(`(?m)^( *\d+:\t.*?) # .*$`)

// The oracle is llvm-objdump-19 -d and -d --no-show-raw-insn over the corpus, byte for byte; with
// comments, after removing them.
func TestCorpus(t *testing.T) {
	eachObject(t, func(t *testing.T, path string) {
		want := string(testkit.Run(t, "llvm-objdump-19", "-d", path))
		if got := list(t, path, objdump.Options{NoComments: true}); got != want {
			t.Errorf("%s: %s", path, firstDifference(got, want))
		}
		want = string(testkit.Run(t, "llvm-objdump-19", "-d", "--no-show-raw-insn", path))
		if got := list(t, path, objdump.Options{NoComments: true, NoRaw: true}); got != want {
			t.Errorf("%s, no raw bytes: %s", path, firstDifference(got, want))
		}
		if got := comment.ReplaceAllString(list(t, path, objdump.Options{NoRaw: true}),
			"$1"); got != want {
			t.Errorf("%s, without comments: %s", path, firstDifference(got, want))
		}
	})
}

// The oracle is llvm-objdump-19 -d -S, byte for byte. It takes the lines from .BTF.ext as we do,
// but only if there is no DWARF, so that is stripped first.
func TestCorpusSource(t *testing.T) {
	dir := t.TempDir()
	var lines atomic.Int64
	eachObject(t, func(t *testing.T, original string) {
		path := filepath.Join(dir, strings.ReplaceAll(testkit.CorpusName(original), "/", "-"))
		testkit.Run(t, "llvm-strip-19", "--strip-debug", "-o", path, original)
		defer os.Remove(path)
		want := string(testkit.Run(t, "llvm-objdump-19", "-d", "-S", "--no-show-raw-insn", path))
		if got := list(t, path,
			objdump.Options{Source: true, NoRaw: true, NoComments: true}); got != want {
			t.Errorf("%s: %s", path, firstDifference(got, want))
		}
		lines.Add(int64(strings.Count(want, "\n; ")))
	})
	if t.Logf("%d source lines", lines.Load()); lines.Load() < 1000 {
		t.Error("that is too few")
	}
}

var (
	sectionLine = regexp.MustCompile(`^Disassembly of section (.*):$`)
	insnLine    = regexp.MustCompile(`^ *(\d+):\t[^#]*(?: # (.*))?$`)
	relocLine   = regexp.MustCompile(`^\t\t([0-9a-f]{16}):  (R_\w+)\t(.*)$`)
	coreLine    = regexp.MustCompile(
		`^\t\t([0-9a-f]{16}):  CO-RE (<\w+> \[\d+\]) (\w+ )?.*?(\([\d:]+)?\)?$`)
)

// The oracle is the relocations and CO-RE records that llvm-objdump-19 -r prints: each is named in
// the comment of its instruction.
func TestCorpusComments(t *testing.T) {
	var lock sync.Mutex
	counts := map[string]int{}
	eachObject(t, func(t *testing.T, path string) {
		comments := map[string]string{} // "section slot"
		section := ""
		for line := range strings.Lines(list(t, path, objdump.Options{NoRaw: true})) {
			line = strings.TrimSuffix(line, "\n")
			if m := sectionLine.FindStringSubmatch(line); m != nil {
				section = m[1]
			} else if m := insnLine.FindStringSubmatch(line); m != nil {
				comments[section+" "+m[1]] = m[2]
			}
		}
		found := map[string]int{}
		for line := range strings.Lines(
			string(testkit.Run(t, "llvm-objdump-19", "-d", "-r", "--no-show-raw-insn", path))) {
			line = strings.TrimSuffix(line, "\n")
			if m := sectionLine.FindStringSubmatch(line); m != nil {
				section = m[1]
				continue
			}
			kind, at, parts := "", "", []string(nil)
			if m := relocLine.FindStringSubmatch(line); m != nil {
				kind, at, parts = m[2], m[1], []string{m[3]}
				if m[3] == ".text" {
					kind, parts = m[2]+" in .text", []string{"subprog "}
				} else if strings.HasPrefix(m[3], ".") {
					kind = m[2] + " of a section"
				}
			} else if m := coreLine.FindStringSubmatch(line); m != nil {
				kind, at, parts = "CO-RE", m[1],
					[]string{"CO-RE " + m[2], strings.TrimSpace(m[3]), m[4]}
			} else {
				continue
			}
			off, err := strconv.ParseUint(at, 16, 64)
			if err != nil {
				t.Error(err)
				return
			}
			found[kind]++
			text := comments[fmt.Sprint(section, " ", off/8)]
			for _, part := range parts {
				if !strings.Contains(text, part) {
					t.Errorf("%s, %s slot %d: comment %q is without %q of %q",
						path, section, off/8, text, part, line)
				}
			}
		}
		lock.Lock()
		defer lock.Unlock()
		for kind, n := range found {
			counts[kind] += n
		}
	})
	t.Log(counts)
	for _, kind := range []string{"R_BPF_64_64", "R_BPF_64_32", "R_BPF_64_64 of a section",
		"R_BPF_64_32 in .text", "CO-RE"} {
		if counts[kind] == 0 {
			t.Errorf("the corpus has no %s", kind)
		}
	}
}

// firstDifference returns the first line in which two texts differ.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := "(end)", "(end)"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("line %d:\n got %q\nwant %q", i+1, a, b)
		}
	}
	return "equal"
}
