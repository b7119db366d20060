package machine

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const source = `
unsigned long f(unsigned long *p, unsigned long n, unsigned char *q)
{
	unsigned long sum = 0;
	for (unsigned long i = 0; i < n; i++) {
		sum += p[i] * 17 ^ (p[i] >> 3) | q[i];
		if (sum > 0x123456789abcdef0 && (long)p[i] < -7)
			q[i] = sum / 10;
	}
	return __builtin_bswap64(sum);
}
`

var listed = regexp.MustCompile(`(?m)^ *([0-9a-f]+):\s+(\S+)`)

// TestDecode: the oracle is LLVM, which compiles a function for each architecture and disassembles
// it: instructions are at the same places, and most have the same names.
func TestDecode(t *testing.T) {
	clang, objdump := testkit.Tool(t, "clang-19"), testkit.Tool(t, "llvm-objdump-19")
	objcopy := testkit.Tool(t, "llvm-objcopy-19")
	file := filepath.Join(t.TempDir(), "f.c")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	for arch, target := range map[string]string{"amd64": "x86_64", "arm64": "aarch64",
		"loong64": "loongarch64", "ppc64": "powerpc64", "ppc64le": "powerpc64le",
		"riscv64": "riscv64", "s390x": "s390x"} {
		object, raw := filepath.Join(t.TempDir(), "f.o"), filepath.Join(t.TempDir(), "f.bin")
		testkit.Run(t, clang, "-O1", "-fno-vectorize", "-ffreestanding",
			"-fno-asynchronous-unwind-tables", "-target", target+"-linux-gnu", "-c", file, "-o",
			object)
		testkit.Run(t, objcopy, "-O", "binary", "-j", ".text", object, raw)
		code, err := os.ReadFile(raw)
		if err != nil || len(code) < 64 {
			t.Fatal(len(code), err)
		}
		text, err := exec.Command(objdump, "-d", "--no-show-raw-insn", object).Output()
		if err != nil {
			t.Fatal(err)
		}
		var starts []int
		named := map[int]string{}
		for _, m := range listed.FindAllStringSubmatch(string(text), -1) {
			at := 0
			for _, c := range m[1] {
				at = at<<4 | strings.IndexRune("0123456789abcdef", c)
			}
			starts, named[at] = append(starts, at), m[2]
		}
		d, known, same := For(arch), 0, 0
		var got []int
		for at := 0; at < len(code); {
			text, size := d.Decode(code[at:], uint64(at), nil)
			got = append(got, at)
			if !strings.HasPrefix(text, ".byte") {
				known++
			}
			if word, _, _ := strings.Cut(text, " "); word == named[at] {
				same++
			}
			at += size
		}
		t.Logf("%s: %d instructions, %d known, %d with LLVM's name", arch, len(starts), known, same)
		missing := 0
		for _, at := range starts {
			if !slices.Contains(got, at) {
				missing++
			}
		}
		if missing > 0 || known*10 < len(starts)*8 {
			t.Errorf("%s: LLVM finds instructions at %v, we at %v", arch, starts, got)
		}
	}
}

// FuzzDecode: whatever the code is, it is shown, without a panic. The oracle is the length of the
// code.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x55, 0x48, 0x89, 0xe5})
	f.Add([]byte{0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, code []byte) {
		for _, arch := range []string{"amd64", "386", "arm64", "loong64", "ppc64", "ppc64le",
			"riscv64", "s390x", "mips"} {
			d := For(arch)
			for at := 0; at < len(code); {
				text, size := d.Decode(code[at:], uint64(at), nil)
				if size <= 0 || at+size > len(code) || text == "" {
					t.Fatalf("%s: %q of % x at %d: %d bytes", arch, text, code, at, size)
				}
				at += size
			}
		}
	})
}
