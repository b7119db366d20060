package docs

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const modulePath = "github.com/purebpf/bpf"

// standard are the packages of the standard library that code in the guides may use.
var standard = []string{"context", "embed", "encoding/binary", "errors", "fmt", "log", "log/slog",
	"net", "os", "os/signal", "sync/atomic", "syscall", "testing", "time"}

// module knows the packages that users import, from what the Go compiler exports of them.
type module struct {
	fset     *token.FileSet
	importer types.Importer
	paths    map[string]string // package name → import path
}

var loaded *module // the first test's

func loadModule(t *testing.T) *module {
	t.Helper()
	if loaded == nil {
		loaded = loadPackages(t, ".", append([]string{"../..."}, standard...)...)
	}
	return loaded
}

// loadPackages loads the packages that a pattern matches, seen from a directory.
func loadPackages(t *testing.T, dir string, patterns ...string) *module {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-f",
		"{{.ImportPath}}\t{{.Export}}\t{{.DepOnly}}\t{{.Standard}}\t{{.Name}}"}
	cmd := exec.Command(testkit.Tool(t, "go"), append(args, patterns...)...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	m := &module{fset: token.NewFileSet(), paths: map[string]string{}}
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		imported, isDep, name := fields[0], fields[2] == "true", fields[4]
		exports[imported] = fields[1]
		hidden := name == "main" || strings.Contains(imported, "/internal/")
		// of two packages of one name the module's is meant
		if !isDep && !hidden && (fields[3] == "false" || m.paths[name] == "") {
			m.paths[name] = imported
		}
	}
	m.importer = importer.ForCompiler(m.fset, "gc", func(p string) (io.ReadCloser, error) {
		if exports[p] == "" {
			return nil, fmt.Errorf("no export data of %s", p)
		}
		return os.Open(exports[p])
	})
	return m
}

// find looks up an identifier as the guides write it: package.Name, package.Type.Member.
func (m *module) find(identifier string) error {
	parts := strings.Split(identifier, ".")
	if m.paths[parts[0]] == "" {
		return fmt.Errorf("no package %s", parts[0])
	}
	pkg, err := m.importer.Import(m.paths[parts[0]])
	if err != nil {
		return err
	}
	found := pkg.Scope().Lookup(parts[1])
	for _, member := range parts[2:] {
		if found == nil {
			break
		}
		found, _, _ = types.LookupFieldOrMethod(found.Type(), true, pkg, member)
	}
	if found == nil || !found.Exported() {
		return fmt.Errorf("no %s", identifier)
	}
	return nil
}

// check type-checks a file. With lenient it accepts what only whole programs must have: that
// variables and imports are used.
func (m *module) check(file *ast.File, lenient bool) (problems []error) {
	config := types.Config{Importer: m.importer, Error: func(err error) {
		if e, ok := err.(types.Error); !ok || !e.Soft || !lenient {
			problems = append(problems, err)
		}
	}}
	config.Check(file.Name.Name, m.fset, []*ast.File{file}, nil) // reports to Error
	return problems
}
