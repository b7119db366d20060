//go:build amd64 || arm64

package include_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
)

var architectures = []string{
	"x86", "s390", "arm", "arm64", "mips", "powerpc", "sparc", "riscv", "arc", "loongarch",
}

// Every header compiles without a warning, alone, after linux/bpf.h (ours and the machine's) and
// after vmlinux.h, as C and as C++, in both byte orders, for every architecture. Oracle: clang 19;
// with PUREBPF_LONG=1 also 14 and 16.
func TestHeadersCompile(t *testing.T) {
	headers, err := filepath.Glob("bpf/*.h")
	if err != nil || len(headers) < 7 {
		t.Fatalf("headers %q: %v", headers, err)
	}
	some := headers
	if testkit.Sample(t, "headers for every architecture and with vmlinux.h as C++", len(headers),
		2) == 2 {
		some = []string{"bpf/bpf_tracing.h", "bpf/usdt.bpf.h"}
	}
	for _, clang := range clangs(t) {
		t.Run(clang, func(t *testing.T) {
			for _, header := range headers {
				for _, language := range []string{"c", "c++"} {
					with := func(after string, flags ...string) {
						t.Helper()
						compile(t, clang, language, header, after, flags...)
					}
					with("", "-nostdlibinc", "-D__TARGET_ARCH_x86")
					with("", "-nostdlibinc", "-D__TARGET_ARCH_s390", "-target", "bpfeb")
					with("linux/bpf.h", "-nostdlibinc", "-D__TARGET_ARCH_x86")
					with("linux/bpf.h", "-nostdlibinc", "-D__TARGET_ARCH_s390", "-target", "bpfeb")
					with("linux/bpf.h", "-D__TARGET_ARCH_x86", "-isystem", "/usr/include",
						"-isystem", "/usr/include/x86_64-linux-gnu")
				}
				compile(t, clang, "c", header, "vmlinux.h", "-D__TARGET_ARCH_x86",
					"-I"+vmlinuxHeader(t))
			}
			// By the registers' names in linux/ptrace.h, where the other tests have vmlinux.h's.
			for _, header := range []string{"bpf/bpf_tracing.h", "bpf/usdt.bpf.h"} {
				for _, language := range []string{"c", "c++"} {
					compile(t, clang, language, header, "linux/ptrace.h", "-D__TARGET_ARCH_x86",
						"-idirafter", "/usr/include/x86_64-linux-gnu")
				}
			}
			for _, header := range some {
				compile(t, clang, "c++", header, "vmlinux.hpp", "-D__TARGET_ARCH_x86",
					"-fno-operator-names", "-isystem", vmlinuxPlusPlus(t))
			}
			for _, arch := range architectures {
				for _, header := range some {
					compile(t, clang, "c", header, "", "-nostdlibinc", "-D__TARGET_ARCH_"+arch)
					compile(t, clang, "c++", header, "", "-nostdlibinc", "-D__TARGET_ARCH_"+arch)
				}
			}
		})
	}
}

// keywords are words of C++ that vmlinux.h has as names. The alternative operators, "and", are not
// among them: -fno-operator-names makes them names.
var keywords = strings.Fields(`bool catch class constexpr delete explicit export false friend
	mutable namespace new operator private protected public template this throw true try typename
	using virtual wchar_t`)

// sameName matches a member of the name of its type.
var sameName = regexp.MustCompile(`(?m)^\t(\w+) (\w+);`)

// vmlinuxPlusPlus returns a folder with vmlinux.hpp: vmlinux.h with names that C++ takes.
func vmlinuxPlusPlus(t *testing.T) string {
	t.Helper()
	path := filepath.Join(vmlinuxDir, "vmlinux.hpp")
	if _, err := os.Stat(path); err == nil {
		return vmlinuxDir
	}
	raw, err := os.ReadFile(filepath.Join(vmlinuxHeader(t), "vmlinux.h"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, m := range sameName.FindAllStringSubmatch(text, -1) {
		if m[1] == m[2] {
			text = strings.ReplaceAll(text, "\n\t"+m[1]+" ", "\n\t::"+m[1]+" ")
		}
	}
	var out strings.Builder
	fmt.Fprintln(&out, "typedef bool __c_boolean;\n#define _Bool __c_boolean")
	for _, word := range keywords {
		fmt.Fprintf(&out, "#define %s __c_%[1]s\n", word)
	}
	fmt.Fprintln(&out, "#define restrict __restrict\nextern \"C\" {\n"+text+"}")
	for _, word := range append([]string{"_Bool", "restrict"}, keywords...) {
		fmt.Fprintln(&out, "#undef", word)
	}
	if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return vmlinuxDir
}

func clangs(t *testing.T) []string {
	names := []string{"clang-19", "clang-16", "clang-14"}
	return names[:testkit.Sample(t, "versions of clang", len(names), 1)]
}

func compile(t *testing.T, clang, language, header, after string, flags ...string) {
	t.Helper()
	var c strings.Builder
	if after != "" {
		fmt.Fprintf(&c, "#include <%s>\n", after)
	}
	fmt.Fprintf(&c, "#include <%s>\n", header)
	args := append([]string{"-target", "bpfel", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-unused",
		"-Wno-missing-field-initializers", "-fsyntax-only", "-x", language,
		"-I.", "-idirafter", "uapi"}, flags...)
	cmd := exec.Command(testkit.Tool(t, clang), append(args, "-")...)
	cmd.Stdin = strings.NewReader(c.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s after %q, as %s, with %q: %v\n%s", header, after, language, flags, err, out)
	}
}

// The packet counter of many a tutorial compiles without a folder of the system's headers, and with
// them. Without its last semicolon the message is clang's, with the line. Oracle: clang.
func TestPacketCounter(t *testing.T) {
	source, err := os.ReadFile("testdata/packetcount.bpf.c")
	if err != nil {
		t.Fatal(err)
	}
	run := func(text string, flags ...string) (string, error) {
		args := append([]string{"-target", "bpf", "-g", "-O2", "-Wall", "-Werror", "-x", "c", "-c",
			"-o", filepath.Join(t.TempDir(), "out.o"), "-I.", "-idirafter", "uapi"}, flags...)
		cmd := exec.Command(testkit.Tool(t, "clang-19"), append(args, "-")...)
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, flags := range [][]string{
		{"-nostdlibinc"}, {"-isystem", "/usr/include/x86_64-linux-gnu"},
	} {
		if out, err := run(string(source), flags...); err != nil {
			t.Errorf("%q: %v\n%s", flags, err, out)
		}
	}
	whole := strings.TrimSuffix(strings.TrimSpace(string(source)), ";")
	last := strings.Count(whole, "\n") + 1
	out, err := run(whole, "-nostdlibinc")
	if want := fmt.Sprintf("<stdin>:%d:", last); err == nil || !strings.Contains(out, want) ||
		!strings.Contains(out, "expected ';'") {
		t.Errorf("without the last semicolon: %v\n%s", err, out)
	}
}

// What linux/bpf.h here has in common with the running kernel is the same there: values of
// enumerators, offsets of members. Oracle: the kernel's BTF, held against the header by clang. A
// newer kernel has more.
func TestLinuxBPF(t *testing.T) {
	clang := testkit.Tool(t, "clang-19")
	vmlinux, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	if err != nil {
		testkit.Skip(t, "the kernel has no BTF: %v", err)
	}
	kernel, err := btf.Parse(vmlinux, nil)
	if err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile("uapi/linux/bpf.h")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]bool{}
	for _, word := range regexp.MustCompile(`\w+`).FindAllString(string(header), -1) {
		words[word] = true
	}
	for name := range words { // ___BPF_FUNC_MAPPER makes them
		words["BPF_FUNC_"+name] = true
	}
	bodies := map[string]string{}
	definition := regexp.MustCompile(`(?ms)^((?:struct|union) \w+) \{$(.*?)^\}`)
	for _, m := range definition.FindAllStringSubmatch(string(header), -1) {
		bodies[m[1]] = m[2]
	}
	constant := regexp.MustCompile(`^(BPF|XDP|TCP_BPF|SK_BPF)_`)
	var c strings.Builder
	fmt.Fprintln(&c, "#include <linux/bpf.h>")
	asserts := 0
	assert := func(format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		fmt.Fprintf(&c, "_Static_assert(%s, %q);\n", text, text)
		asserts++
	}
	for id := btf.ID(1); id < kernel.Len(); id++ {
		typ, ok := kernel.Type(id)
		if !ok {
			t.Fatalf("no type %d", id)
		}
		switch typ.Kind() {
		case btf.KindEnum, btf.KindEnum64:
			for i := range typ.Vlen() {
				e := typ.Enumerator(i)
				if words[e.Name] && constant.MatchString(e.Name) {
					assert("(__u64)%s == %dull", e.Name, uint64(e.Value))
				}
			}
		case btf.KindStruct, btf.KindUnion:
			name := strings.ToLower(typ.Kind().String()) + " " + typ.Name()
			if body, ok := bodies[name]; ok {
				members(kernel, typ, 0, func(member string, offset uint32) {
					if regexp.MustCompile(`\b` + member + `\b`).MatchString(body) {
						assert("__builtin_offsetof(%s, %s) == %d", name, member, offset)
					}
				})
			}
		}
	}
	if asserts < 900 { // 977 on 6.1
		t.Fatalf("only %d facts found in the kernel's BTF", asserts)
	}
	cmd := exec.Command(clang, "-target", "bpf", "-nostdlibinc", "-Iuapi",
		"-fsyntax-only", "-ferror-limit=0", "-Wno-tautological-compare", "-x", "c", "-")
	cmd.Stdin = strings.NewReader(c.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// members calls yield for each member with a name and a whole number of bytes before it, those of
// anonymous members included.
func members(s *btf.Spec, typ btf.Type, start uint32, yield func(name string, offset uint32)) {
	for i := range typ.Vlen() {
		m := typ.Member(i)
		switch inner, ok := s.Type(m.Type); {
		case m.BitSize != 0:
		case m.Name != "":
			yield(m.Name, start+m.BitOffset/8)
		case ok && (inner.Kind() == btf.KindStruct || inner.Kind() == btf.KindUnion):
			members(s, inner, start+m.BitOffset/8, yield)
		}
	}
}
