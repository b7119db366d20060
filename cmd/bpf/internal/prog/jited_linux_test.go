package prog

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/cmd/bpf/internal/zoo"
	"github.com/purebpf/bpf/internal/testkit"
)

var objdumpLine = regexp.MustCompile(`(?m)^ +([0-9a-f]+):\t(\S+)`)

// TestDumpJited: the oracle is GNU objdump, which finds the same instructions at the same places in
// the same bytes.
func TestDumpJited(t *testing.T) {
	testkit.Root(t)
	objdump := testkit.Tool(t, "objdump")
	if runtime.GOARCH != "amd64" {
		testkit.Skip(t, "objdump is asked about x86-64 only")
	}
	list := inZoo(t)
	for _, p := range list[len(list)-1:] {
		info, err := p.Info()
		if err != nil {
			t.Fatal(err)
		}
		functions := zoo.JSON(t, Command(), "dump", "jited", "id", idOf(t, p), "opcodes",
			"linum").([]any)
		if len(functions) != 2 {
			t.Fatalf("%d functions", len(functions))
		}
		total, lines := 0, 0
		for _, f := range functions {
			var code []byte
			var got []string
			for _, i := range f.(map[string]any)["insns"].([]any) {
				insn := i.(map[string]any)
				got = append(got, strings.TrimPrefix(insn["pc"].(string), "0x"))
				for _, b := range insn["opcodes"].([]any) {
					code = append(code, fromHex(t, b.(string)))
				}
				if insn["src"] != nil {
					lines++
				}
			}
			file := filepath.Join(t.TempDir(), "code")
			if err := os.WriteFile(file, code, 0o600); err != nil {
				t.Fatal(err)
			}
			text := testkit.Run(t, objdump, "-D", "-b", "binary", "-m", "i386:x86-64",
				"--no-show-raw-insn", file)
			var want []string
			for _, m := range objdumpLine.FindAllStringSubmatch(string(text), -1) {
				want = append(want, m[1])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-objdump +bpf:\n%s", diff)
			}
			total += len(code)
		}
		if total != info.JitedLen || lines < 10 {
			t.Errorf("%d bytes of %d, %d lines of source", total, info.JitedLen, lines)
		}
		out, err := zoo.Run(t, Command(), "dump", "jited", "id", idOf(t, p))
		if err != nil || !strings.Contains(out, "_square\n") ||
			!strings.Contains(out, "zoo_counts\n") {
			t.Errorf("%v: %s", err, out)
		}
	}
}

func fromHex(t *testing.T, text string) byte {
	t.Helper()
	if len(text) != 4 {
		t.Fatalf("byte %q", text)
	}
	const digits = "0123456789abcdef"
	return byte(strings.IndexByte(digits, text[2])<<4 | strings.IndexByte(digits, text[3]))
}
