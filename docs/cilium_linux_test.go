package docs

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

const ciliumPath = "github.com/cilium/ebpf"

var ciliumRow = regexp.MustCompile(
	"^\\| `(?:ebpf/)?([a-z0-9]+\\.[A-Z][A-Za-z0-9.]*)` \\| (.+?) \\| .*\\|$")

// The identifiers in the table exist, on both sides. Oracle: what the Go compiler exports of the
// release of cilium/ebpf that the benchmarks use, and of this module.
func TestCiliumTable(t *testing.T) {
	cmd := exec.Command(testkit.Tool(t, "go"), "list", "-m", "-f", "{{.Dir}}", ciliumPath)
	cmd.Dir = "../bench"
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=mod")
	if out, err := cmd.Output(); err != nil || strings.TrimSpace(string(out)) == "" {
		testkit.Skip(t, "cilium/ebpf is not in the module cache (go mod download in bench)")
	}
	theirs := loadPackages(t, "../bench", ciliumPath, ciliumPath+"/asm", ciliumPath+"/btf",
		ciliumPath+"/features", ciliumPath+"/link", ciliumPath+"/perf", ciliumPath+"/pin",
		ciliumPath+"/ringbuf", ciliumPath+"/rlimit")
	ours := loadModule(t)
	text, err := os.ReadFile("coming-from-cilium-ebpf.md")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for line := range strings.Lines(string(text)) {
		row := ciliumRow.FindStringSubmatch(strings.TrimSpace(line))
		if row == nil {
			continue
		}
		count++
		if err := theirs.find(row[1]); err != nil {
			t.Errorf("cilium/ebpf: %v", err)
		}
		here := row[2]
		if here == "not there yet" || strings.HasPrefix(here, "not needed: ") {
			continue
		}
		names := quoted.FindAllString(here, -1)
		for _, name := range names {
			if err := ours.find(strings.Trim(name, "`")); err != nil {
				t.Errorf("%s: %v", row[1], err)
			}
		}
		if len(names) == 0 {
			t.Errorf("%s: %q is no identifier", row[1], here)
		}
	}
	if count < 100 {
		t.Errorf("%d rows", count)
	}
}
