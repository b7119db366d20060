package skeltest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// The committed objects and skeletons are what bpf gen makes of the source. Oracle: clang 19, for
// the objects; another version makes other ones.
func TestGenerated(t *testing.T) {
	testkit.Tool(t, "clang-19")
	dir := t.TempDir()
	cmd := exec.Command(testkit.Tool(t, "go"), "run", "../../cmd/bpf", "gen", "--target", "both",
		"--package", "skeltest", "--output", dir, "constructs.bpf.c")
	cmd.Env = append(os.Environ(), "BPF_CLANG=clang-19")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, order := range []string{"bpfel", "bpfeb"} {
		for _, kind := range []string{".bpf.o", "_skel.go"} {
			name := "constructs_" + order + kind
			want, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s isn't what bpf gen makes of constructs.bpf.c: %v", name, err)
			}
		}
	}
}
