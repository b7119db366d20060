package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

var (
	libbpfRow = regexp.MustCompile(
		"^\\| `([a-z0-9_]+)`(?: \\((1\\.[5-8])\\))? \\| (.+?) \\| (.*?) ?\\|$")
	declared = regexp.MustCompile(
		`(?s)LIBBPF_API\b[^;{]*?\b((?:bpf|btf|libbpf|perf|ring|user)_+[a-z0-9_]+)\s*\(`)
	preprocess = regexp.MustCompile(`(?m)^\s*#.*$|(?s)/\*.*?\*/`)
	quoted     = regexp.MustCompile("`[^`]+`")
)

// newer counts the functions that the releases of libbpf have and the headers have not.
var newer = map[string]int{"1.5": 2, "1.6": 12, "1.7": 5, "1.8": 6}

// Every public function of libbpf has a row, and every row a function: those without a release are
// in the headers, the others are not. A row names a Go identifier, or says that there is none and why.
// Oracle: the headers of C libbpf (of Linux 6.12), and what the Go compiler exports.
func TestLibbpfTable(t *testing.T) {
	text, err := os.ReadFile("coming-from-libbpf.md")
	if err != nil {
		t.Fatal(err)
	}
	m := loadModule(t)
	rows, releases := map[string]bool{}, map[string]int{}
	for line := range strings.Lines(string(text)) {
		row := libbpfRow.FindStringSubmatch(strings.TrimSpace(line))
		if row == nil {
			continue
		}
		function, release, here := row[1], row[2], row[3]
		if rows[function] {
			t.Errorf("two rows for %s", function)
		}
		rows[function] = release == ""
		releases[release]++
		switch {
		case here == "not there yet", strings.HasPrefix(here, "not needed: "), here == "`error`":
			continue
		}
		for _, name := range quoted.FindAllString(here, -1) {
			if err := m.find(strings.Trim(name, "`")); err != nil {
				t.Errorf("%s: %v", function, err)
			}
		}
		if !quoted.MatchString(here) {
			t.Errorf("%s: %q is no identifier", function, here)
		}
	}
	for release, n := range newer {
		if releases[release] != n {
			t.Errorf("%d functions of libbpf %s, want %d", releases[release], release, n)
		}
	}
	functions := libbpfFunctions(t)
	for function := range functions {
		if !rows[function] {
			t.Errorf("no row for %s", function)
		}
	}
	for function, old := range rows {
		if old && !functions[function] {
			t.Errorf("%s is not in the headers of C libbpf", function)
		} else if !old && functions[function] {
			t.Errorf("%s is in the headers of C libbpf", function)
		}
	}
}

// libbpfFunctions returns the functions that C libbpf's headers declare as public.
func libbpfFunctions(t *testing.T) map[string]bool {
	t.Helper()
	list := map[string]bool{}
	for _, name := range []string{"bpf.h", "btf.h", "libbpf.h", "libbpf_common.h",
		"libbpf_legacy.h"} {
		text, err := os.ReadFile(filepath.Join(testkit.LibbpfHeaders(t), "bpf", name))
		if err != nil {
			t.Fatal(err)
		}
		plain := preprocess.ReplaceAll(text, nil)
		for _, match := range declared.FindAllSubmatch(plain, -1) {
			list[string(match[1])] = true
		}
	}
	if len(list) < 300 {
		t.Fatalf("%d functions", len(list))
	}
	return list
}
