package examples

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// The committed objects and skeletons are what bpf gen makes of the sources. Oracle: clang 19, for
// the objects; another version makes other ones.
func TestGenerated(t *testing.T) {
	testkit.Tool(t, "clang-19")
	t.Setenv("BPF_CLANG", "clang-19")
	sources, err := fs.Glob(Files, "*/*.bpf.c")
	if err != nil || len(sources) < 10 {
		t.Fatalf("examples: %q, %v", sources, err)
	}
	dir := t.TempDir()
	tool := filepath.Join(dir, "bpf")
	if out, err := exec.Command("go", "build", "-o", tool,
		"../cmd/bpf").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, source := range sources {
		folder, file := filepath.Split(source)
		name := strings.TrimSuffix(file, ".bpf.c")
		if main, err := Files.ReadFile(folder + "main.go"); err != nil ||
			!bytes.Contains(main, []byte("\n//go:generate go run ../../cmd/bpf gen "+file+"\n")) {
			t.Errorf("%smain.go doesn't generate %s: %v", folder, file, err)
		}
		cmd := exec.Command(tool, "gen", "--package", "main", "--output", dir, file)
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", source, err, out)
			continue
		}
		for _, made := range []string{name + ".bpf.o", name + "_skel.go"} {
			want, err := os.ReadFile(filepath.Join(dir, made))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(folder + made); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s%s isn't what bpf gen makes of %s: %v", folder, made, file, err)
			}
		}
	}
}
