// Package archtest tests that the packages follow ARCHITECTURE.md: each has a floor, imports only
// packages on lower floors and, if it is pure, does not use the operating system.
package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/purebpf/bpf"

// room is one package. A pure room imports no operating system and only pure rooms; an app may
// import modules other than golang.org/x/sys.
type room struct {
	dir   string // "" is the module's root
	floor int
	pure  bool
	app   bool
}

// rooms is the whole house, and where scripts/test.sh reads which rooms are pure. A new package
// belongs here before its first commit. A dir that ends in /... stands for the packages below it.
var rooms = []room{
	{dir: "uapi", floor: 0, pure: true},
	{dir: "internal/pathname", floor: 0, pure: true},
	{dir: "internal/printable", floor: 0, pure: true},
	{dir: "internal/magic", floor: 0, pure: true},
	{dir: "internal/gate", floor: 0, pure: true},
	{dir: "internal/fdtrack", floor: 0, pure: true},
	{dir: "internal/denied", floor: 0},
	{dir: "internal/hint", floor: 0, pure: true},
	{dir: "internal/glob", floor: 0, pure: true},
	{dir: "internal/replace", floor: 0},
	{dir: "anchor", floor: 1},
	{dir: "asm", floor: 1, pure: true},
	{dir: "internal/elf64", floor: 1, pure: true},
	{dir: "internal/sha256", floor: 1, pure: true},
	{dir: "internal/insn", floor: 1, pure: true},
	{dir: "internal/exe", floor: 2, pure: true},
	{dir: "internal/input", floor: 1},
	{dir: "internal/funnel", floor: 1},
	{dir: "internal/strip", floor: 2, pure: true},
	{dir: "internal/clang", floor: 3},
	{dir: "sys", floor: 2},
	{dir: "internal/bpffs", floor: 3},
	{dir: "btf", floor: 2, pure: true},
	{dir: "btf/cdump", floor: 3, pure: true},
	{dir: "btf/core", floor: 3, pure: true},
	{dir: "facts", floor: 3, pure: true},
	{dir: "object", floor: 3, pure: true},
	{dir: "plan", floor: 4, pure: true},
	{dir: "internal/layout", floor: 3, pure: true},
	{dir: "btf/value", floor: 3, pure: true},
	{dir: "internal/typesum", floor: 4, pure: true},
	{dir: "internal/records", floor: 4, pure: true},
	{dir: "internal/skelgen", floor: 5, pure: true},
	{dir: "internal/scaffold", floor: 6, pure: true},
	{dir: "internal/usdt", floor: 3, pure: true},
	{dir: "internal/nearest", floor: 0, pure: true},
	{dir: "internal/rtnl", floor: 3},
	{dir: "internal/probe", floor: 5},
	{dir: "internal/privilege", floor: 5},
	{dir: "internal/hooks", floor: 6},
	{dir: "internal/structops", floor: 6},
	{dir: "internal/load", floor: 6},
	{dir: "internal/xdp", floor: 4},
	{dir: "internal/explain", floor: 7},
	{dir: "internal/extack", floor: 3},
	{dir: "internal/objdump", floor: 4, pure: true},
	{dir: "internal/maprules", floor: 4, pure: true},
	{dir: "internal/userfile", floor: 4},
	{dir: "internal/poller", floor: 3},
	{dir: "internal/hotplug", floor: 4},
	{dir: "internal/stream", floor: 5},
	{dir: "kernel", floor: 4},
	{dir: "internal/arenapages", floor: 5},
	{dir: "internal/mapcount", floor: 5},
	{dir: "preflight", floor: 5, pure: true},
	{dir: "internal/verifier", floor: 5, pure: true},
	{dir: "linkinfo", floor: 5},
	{dir: "objinfo", floor: 5},
	{dir: "", floor: 8},
	{dir: "internal/bpftest", floor: 9},
	{dir: "internal/e2e", floor: 10},
	{dir: "ringbuf", floor: 9},
	{dir: "perfbuf", floor: 9},
	{dir: "userringbuf", floor: 9},
	{dir: "typed", floor: 9},
	{dir: "skel", floor: 10},
	{dir: "internal/skeltest", floor: 11},
	{dir: "inspect", floor: 9},
	{dir: "tc", floor: 9},
	{dir: "lwt", floor: 9},
	{dir: "nolink", floor: 9},
	{dir: "arena", floor: 9},
	{dir: "metrics", floor: 10},
	{dir: "metrics/handler", floor: 11},
	{dir: "include", floor: 0, pure: true},

	// What only tests and the command line use.
	{dir: "internal/verdict", floor: 0, pure: true},
	{dir: "internal/refusal", floor: 6, pure: true},
	{dir: "internal/hostile", floor: 3, pure: true},
	{dir: "internal/testkit", floor: 1},
	{dir: "internal/testsum", floor: 0},
	{dir: "internal/archtest", floor: 0},
	{dir: "internal/headergen", floor: 1},
	{dir: "internal/oldkernel", floor: 4},
	{dir: "internal/vm", floor: 1},
	{dir: "internal/vm/guest", floor: 2},
	{dir: "internal/vmtest", floor: 2},
	{dir: "internal/verify", floor: 9},
	{dir: "internal/parity", floor: 10},
	{dir: "internal/soak", floor: 10},
	{dir: "docs", floor: 2},
	{dir: "docs/core", floor: 9},
	{dir: "examples", floor: 0, pure: true},
	{dir: "examples/...", floor: 11},
	{dir: "internal/screen", floor: 1, app: true},
	{dir: "internal/mapview", floor: 3},
	{dir: "internal/printk", floor: 4},
	{dir: "cmd/bpf/internal/tool", floor: 10, app: true},
	{dir: "cmd/bpf/internal/holder", floor: 11, app: true},
	{dir: "cmd/bpf/internal/xlated", floor: 11, app: true},
	{dir: "cmd/bpf/internal/machine", floor: 11, app: true},
	{dir: "cmd/bpf/internal/...", floor: 12, app: true},
	{dir: "cmd/bpf", floor: 13, app: true},
}

// The one module that library packages may import.
const sysModule = "golang.org/x/sys"

// forbidden are the doors to the operating system that a pure room may not open.
var forbidden = []string{"os", "syscall", "net", "plugin", "log/syslog", sysModule}

func find(dir string) (room, bool) {
	for _, r := range rooms {
		if r.dir == dir {
			return r, true
		}
	}
	for _, r := range rooms {
		if below, ok := strings.CutSuffix(r.dir, "..."); ok && strings.HasPrefix(dir, below) {
			return r, true
		}
	}
	return room{}, false
}

func within(pkg, of string) bool { return pkg == of || strings.HasPrefix(pkg, of+"/") }

// Oracle: the import declarations themselves, of all files whatever their build tags.
func TestImportsPointDown(t *testing.T) {
	packages := imports(t, filepath.Join("..", ".."))
	if len(packages) < 10 {
		t.Fatalf("only %d packages found: %v", len(packages), slices.Sorted(maps.Keys(packages)))
	}
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		from, ok := find(dir)
		if !ok {
			t.Errorf("package %s has no floor: enter it in the table of this test and in ARCHITECTURE.md", dir)
			continue
		}
		for _, imported := range packages[dir] {
			for _, problem := range judge(from, imported) {
				t.Errorf("%s %s", name(dir), problem)
			}
		}
	}
}

func judge(from room, imported string) []string {
	var problems []string
	if from.pure {
		for _, door := range forbidden {
			if within(imported, door) {
				problems = append(problems, "is a pure room and imports "+imported)
			}
		}
	}
	if within(imported, module) {
		dir := strings.TrimPrefix(strings.TrimPrefix(imported, module), "/")
		to, ok := find(dir)
		switch {
		case !ok:
			problems = append(problems, "imports "+name(dir)+", which has no floor")
		case to.floor >= from.floor:
			problems = append(problems, "on floor "+strconv.Itoa(from.floor)+" imports "+
				name(dir)+" on floor "+strconv.Itoa(to.floor))
		case from.pure && !to.pure:
			problems = append(problems, "is a pure room and imports "+name(dir)+", which is not")
		}
		return problems
	}
	first, _, _ := strings.Cut(imported, "/")
	if strings.Contains(first, ".") && !from.app && !within(imported, sysModule) {
		problems = append(problems, "imports "+
			imported+"; a library package may import no module but "+sysModule)
	}
	return problems
}

// Oracle: one example of each rule, stated here.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		dir, imported string
		problems      int
	}{
		{"btf", "fmt", 0},
		{"btf", "os", 1},
		{"btf", "os/exec", 1},
		{"btf", "golang.org/x/sys/unix", 1},
		{"btf", module + "/uapi", 0},
		{"btf", module + "/btf/core", 1},
		{"btf", module + "/sys", 1},
		{"btf", module, 1},
		{"btf", module + "/nowhere", 1},
		{"kernel", module + "/sys", 0},
		{"kernel", module + "/plan", 1},
		{"", "golang.org/x/sys/unix", 0},
		{"", "github.com/spf13/cobra", 1},
		{"cmd/bpf", "github.com/spf13/cobra", 0},
		{"cmd/bpf", module, 0},
		{"cmd/bpf", module + "/ringbuf", 0},
	} {
		from, ok := find(c.dir)
		if !ok {
			t.Errorf("no room %q", c.dir)
		}
		if got := judge(from, c.imported); len(got) != c.problems {
			t.Errorf("%s importing %s: %q, want %d problems", name(c.dir), c.imported, got,
				c.problems)
		}
	}
}

// A package that may open file descriptors runs its tests under the leak check. Oracle: the text of
// its test files.
func TestLeakCheckEverywhere(t *testing.T) {
	root := filepath.Join("..", "..")
	for dir := range imports(t, root) {
		r, ok := find(dir)
		tests, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(dir), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !ok || r.pure || r.floor == 0 || len(tests) == 0 {
			continue
		}
		checked := false
		for _, file := range tests {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			checked = checked || strings.Contains(string(text), "testkit.Main(m") ||
				dir == "internal/testkit" && strings.Contains(string(text), "Main(m)")
		}
		if !checked {
			t.Errorf("tests of %s have no TestMain that calls testkit.Main", name(dir))
		}
	}
}

func name(dir string) string {
	if dir == "" {
		return "bpf (the root)"
	}
	return dir
}

// imports reads the imports of every non-test file of the module, by package folder. Nested modules
// are other houses.
func imports(t *testing.T, root string) map[string][]string {
	t.Helper()
	packages := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			_, err := os.Stat(filepath.Join(file, "go.mod"))
			nested := err == nil && rel != "."
			if nested || d.Name() == "testdata" || rel != "." && strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		dir := strings.TrimPrefix(path.Dir(rel), ".")
		packages[dir] = append(packages[dir], []string{}...)
		if strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if !slices.Contains(packages[dir], imported) {
				packages[dir] = append(packages[dir], imported)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages
}
