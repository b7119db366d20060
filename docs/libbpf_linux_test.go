package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
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
	tests := testedNames(t)
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
			name = strings.Trim(name, "`")
			if err := m.find(name); err != nil {
				t.Errorf("%s: %v", function, err)
			}
			if pkg := m.paths[name[:strings.IndexByte(name, '.')]]; !tests.use(pkg, name) {
				t.Errorf("%s: no test uses %s", function, name)
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

// tested are the identifiers in tests, by the package that the tests are of or import; "" has all.
type tested map[string]map[string]bool

// use reports whether a test uses a package's function or type or, also if its package doesn't
// import this one, a method or field.
func (used tested) use(pkg, name string) bool {
	parts := strings.Split(name, ".")
	switch {
	case !strings.HasPrefix(pkg, modulePath), name == "skel.Bind": // called by generated code
		return true
	case len(parts) > 2:
		pkg = ""
	}
	return used[pkg][parts[len(parts)-1]]
}

func testedNames(t *testing.T) tested {
	t.Helper()
	used := tested{}
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel("..", filepath.Dir(file))
		if err != nil {
			return err
		}
		packages := []string{"", path.Join(modulePath, filepath.ToSlash(dir))}
		for _, i := range f.Imports {
			packages = append(packages, strings.Trim(i.Path.Value, `"`))
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				for _, p := range packages {
					if used[p] == nil {
						used[p] = map[string]bool{}
					}
					used[p][id.Name] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return used
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
