package skelgen_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/skelgen"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

// module is a Go module beside this one, with a package of its own in its folder.
type module struct {
	t   *testing.T
	dir string
}

func newModule(t *testing.T) *module {
	t.Helper()
	testkit.Tool(t, "go")
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	m := &module{t, t.TempDir()}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(mod), "\n")
	m.write("go.sum", string(sum))
	m.write("go.mod", "module example.org/user\n"+rest+
		"\nrequire github.com/purebpf/bpf v0.0.0\nreplace github.com/purebpf/bpf => "+root+"\n")
	return m
}

func (m *module) write(name, text string) {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// run runs the go command in the module.
func (m *module) run(env []string, args ...string) string {
	m.t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = m.dir
	cmd.Env = append(append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off"), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		m.t.Fatalf("go %s: %v\n%.8000s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// skeleton generates the skeleton for an object and puts both into the module.
func (m *module) skeleton(path string, opts skelgen.Options) {
	m.t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		m.t.Fatal(err)
	}
	o, err := object.Parse(raw, path)
	if err != nil {
		m.t.Fatal(err)
	}
	opts.ObjectFile = opts.Name + ".bpf.o"
	text, err := skelgen.Generate(o, opts)
	if err != nil {
		m.t.Fatalf("%s: %v", path, err)
	}
	m.write(opts.ObjectFile, string(raw))
	m.write(opts.Name+"_skel.go", string(text))
}

// TestCorpusBuilds: skeletons of the corpus compile, on 32-bit machines too, and go
// vet finds nothing in them. Oracle: go vet, which checks types as the compiler does: a size or an
// offset that Go doesn't give a type is an error.
func TestCorpusBuilds(t *testing.T) {
	m := newModule(t)
	paths := testkit.Corpus(t)
	n := testkit.Sample(t, "objects", len(paths), 80)
	m.write("any.bpf.o", "")
	m.write("main.go", "package main\n\nfunc main() {}\n")
	for i := range n {
		path := paths[i*len(paths)/n]
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Parse(raw, path)
		if err != nil {
			continue
		}
		text, err := skelgen.Generate(o, skelgen.Options{ObjectFile: "any.bpf.o",
			Name: fmt.Sprintf("o%d", i)})
		if err != nil {
			t.Errorf("%s: %v", testkit.CorpusName(path), err)
			continue
		}
		m.write(fmt.Sprintf("o%d_skel.go", i), string(text))
	}
	m.run(nil, "vet", ".")
	m.run([]string{"GOARCH=386"}, "vet", ".")
}

// TestCorpusLoads: skeletons open, load, bind their maps and variables, and close. Oracle: C
// libbpf, whose verdict says which objects load here.
func TestCorpusLoads(t *testing.T) {
	testkit.Root(t)
	var loadable []string
	for _, path := range testkit.Corpus(t) {
		if testkit.Oracle(t, path)[0].OK {
			loadable = append(loadable, path)
		}
	}
	some := 40
	if testing.Short() {
		some = 12
	}
	n := testkit.Sample(t, "objects", len(loadable), some)
	const batch = 40 // of a program: compilers take gigabytes for all at once
	for first := 0; first < n; first += batch {
		m := newModule(t)
		var calls strings.Builder
		for i := first; i < min(n, first+batch); i++ {
			path := loadable[i*len(loadable)/n]
			m.skeleton(path, skelgen.Options{Name: fmt.Sprintf("o%d", i)})
			fmt.Fprintf(&calls, "\ttry(%q, func() (io.Closer, error) { return LoadO%d(opts) })\n",
				testkit.CorpusName(path), i)
		}
		m.write("main.go", loaderStart+calls.String()+"}\n")
		m.run([]string{"CGO_ENABLED=0"}, "build", "-o", "loader", ".")
		for line := range strings.Lines(string(output(t, filepath.Join(m.dir, "loader"), "",
			nil))) {
			t.Error(line)
		}
	}
}

// loaderStart is the start of a program that prints what doesn't load.
const loaderStart = `package main

import (
	"fmt"
	"io"

	"github.com/purebpf/bpf"
)

func try(name string, load func() (io.Closer, error)) {
	x, err := load()
	if err == nil {
		err = x.Close()
	}
	if err != nil {
		fmt.Println(name, err)
	}
}

func main() {
	opts := &bpf.LoadOptions{SkipPins: true}
`
