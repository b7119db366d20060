package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/uapi"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// The headers that are checked in are those of the tables.
func TestGenerated(t *testing.T) {
	dir := t.TempDir()
	if err := generate(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bpf_helper_defs.h", "bpf_registers.h"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", "..", "include", "bpf", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("include/bpf/%s is not what the tables say: make generate", name)
		}
	}
}

// Oracle: enum bpf_func_id of the running kernel, as bpftool prints it.
func TestHelperIDs(t *testing.T) {
	helpers := allHelpers(t)
	text := testkit.Run(t, "bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux")
	ids := map[string]string{}
	for _, m := range regexp.MustCompile(`'BPF_FUNC_(\w+)' val=(\d+)`).FindAllSubmatch(text, -1) {
		ids[string(m[1])] = string(m[2])
	}
	if len(ids) < 200 {
		t.Fatalf("only %d helpers in the kernel's BTF", len(ids))
	}
	for _, h := range helpers {
		if id, ok := ids[h.name]; ok && id != strconv.Itoa(h.id) {
			t.Errorf("bpf_%s is %d, in the kernel %s", h.name, h.id, id)
		}
		if uapi.HelperNames[h.id] != "bpf_"+h.name {
			t.Errorf("%d is %s, in uapi %s", h.id, h.name, uapi.HelperNames[h.id])
		}
		delete(ids, h.name)
	}
	delete(ids, "unspec")
	for name := range ids {
		t.Errorf("the kernel has a helper bpf_%s, the table has not", name)
	}
}

// newer are prototypes that changed after libbpf 1.5: lengths of dynptrs became 64 bits wide, and
// bpf_d_path takes a const path.
var newer = []string{"d_path", "dynptr_from_mem", "dynptr_read", "dynptr_write", "dynptr_data"}

// Oracle: the prototypes in bpf_helper_defs.h of libbpf 1.5, which are generated from the kernel's
// linux/bpf.h.
func TestHelperPrototypes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testkit.LibbpfHeaders(t), "bpf", "bpf_helper_defs.h"))
	if err != nil {
		t.Fatal(err)
	}
	prototype := regexp.MustCompile(`(?m)^static (?:__bpf_fastcall )?(.*?)` +
		`\(\* const bpf_(\w+)\)\((.*)\) = \(void \*\) (\d+);`)
	theirs := map[string]string{}
	for _, m := range prototype.FindAllStringSubmatch(string(text), -1) {
		theirs[m[2]] = fmt.Sprintf("%s %s(%s) %s", strings.TrimSpace(m[1]), m[2], m[3], m[4])
	}
	helpers := allHelpers(t)
	if len(theirs) != len(helpers) {
		t.Errorf("%d helpers, libbpf has %d", len(helpers), len(theirs))
	}
	for _, h := range helpers {
		ours := fmt.Sprintf("%s %s(%s) %d", h.result, h.name, h.parameters, h.id)
		if changed := ours != theirs[h.name]; changed != slices.Contains(newer, h.name) {
			t.Errorf("%s\nin libbpf\n%s", ours, theirs[h.name])
		}
	}
}

func allHelpers(t *testing.T) []helper {
	t.Helper()
	helpers, err := parseHelpers(helperTable)
	if err != nil {
		t.Fatal(err)
	}
	return helpers
}

// userPtrace tells where a kernel's headers for user space have the registers of a row, and what
// their compiler defines.
type userPtrace struct {
	arch    string // folder of arch/
	defines []string
	object  string // the type that has the fields
	missing string // what of a row only the kernel's own struct has
}

// Rows for vmlinux.h are the kernel's own names, held against a vmlinux.h of that architecture.
var userPtraces = map[string]userPtrace{
	"x86 defined(__i386__)": {arch: "x86", defines: []string{"__i386__"}, object: "struct pt_regs"},
	"x86":                   {arch: "x86", object: "struct pt_regs"},
	"s390":                  {arch: "s390", object: "user_pt_regs", missing: "orig_gpr2"},
	"arm":                   {arch: "arm", object: "struct pt_regs"},
	"arm64":                 {arch: "arm64", object: "struct user_pt_regs", missing: "orig_x0"},
	"mips":                  {arch: "mips", object: "struct pt_regs"},
	"powerpc":               {arch: "powerpc", object: "struct pt_regs"},
	"sparc defined(__arch64__) || defined(__VMLINUX_H__)": {
		arch: "sparc", defines: []string{"__sparc__", "__arch64__"}, object: "struct pt_regs"},
	"sparc":     {arch: "sparc", object: "struct pt_regs"},
	"riscv":     {arch: "riscv", object: "struct user_regs_struct", missing: "orig_a0"},
	"arc":       {arch: "arc", object: "struct user_regs_struct"},
	"loongarch": {arch: "loongarch", object: "struct user_pt_regs"},
}

// Each register of each row is a field of what the kernel's asm/ptrace.h gives to user space, and
// where that header has a name for it, the name means the same field. Oracle: Linux 6.12's headers
// and clang.
func TestRegisterFields(t *testing.T) {
	source := testkit.KernelSource(t, "6.12")
	machines, err := parseRegisters(registerTable)
	if err != nil {
		t.Fatal(err)
	}
	// The kernel's own names for what is doubtful elsewhere: an instruction pointer that is no
	// scratch register, a link register, and sparc's numbers.
	named := map[string][]string{
		"arm": {"uregs[15] ARM_pc", "uregs[14] ARM_lr", "uregs[13] ARM_sp", "uregs[11] ARM_fp",
			"uregs[0] ARM_r0"},
		"sparc": {"u_regs[8] u_regs[UREG_I0]", "u_regs[13] u_regs[UREG_I5]",
			"u_regs[14] u_regs[UREG_FP]", "u_regs[15] u_regs[UREG_I7]"},
	}
	for _, m := range machines {
		key := strings.TrimSpace(m.arch + " " + m.condition)
		if m.arch == "x86" && strings.Contains(m.condition, "__VMLINUX_H__") {
			continue // TestRegisterFieldsOfKernel
		}
		t.Run(key, func(t *testing.T) {
			user, ok := userPtraces[key]
			if !ok {
				t.Fatal("no header to hold it against")
			}
			var c strings.Builder
			fmt.Fprintf(&c, "#include <asm/ptrace.h>\ntypedef %s regs;\n", user.object)
			fields := slices.Concat(m.parm, m.syscall, []string{m.ret, m.fp, m.rc, m.sp, m.ip})
			slices.Sort(fields)
			for i, field := range slices.Compact(fields) {
				if field != "" && field != user.missing {
					fmt.Fprintf(&c, "__typeof__(((regs *)0)->%s) field%d;\n", field, i)
				}
			}
			for _, pair := range named[m.arch] {
				field, name, _ := strings.Cut(pair, " ")
				fmt.Fprintf(&c, "_Static_assert(&((regs *)0)->%s == &((regs *)0)->%s, \"%s\");\n",
					field, name, pair)
			}
			// The kernel's struct of mips has more in front than user space's.
			if m.arch != "mips" && m.condition != "defined(__i386__)" {
				fmt.Fprintf(&c, "_Static_assert(__builtin_offsetof(regs, %s) == %d, \"ip\");\n",
					m.ip, m.ipOffset)
			}
			args := []string{"-target", "bpf", "-fsyntax-only", "-x", "c", "-w"}
			for _, define := range user.defines {
				args = append(args, "-D"+define)
			}
			args = append(args, uapiFlags(t, source, user.arch)...)
			cmd := exec.Command(testkit.Tool(t, "clang-19"), append(args, "-")...)
			cmd.Stdin = strings.NewReader(c.String())
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s\n%s", err, out, c.String())
			}
		})
	}
}

// generatedHeaders are those that make writes into a kernel's tree, or has for the kernel alone.
var generatedHeaders = map[string]string{
	"linux/compiler.h":       "#define __user\n",
	"linux/compiler_types.h": "",
	"asm/types.h":            "#include <asm-generic/types.h>\n",
	"asm/posix_types.h":      "#include <asm-generic/posix_types.h>\n",
	"asm/bitsperlong.h":      "#include <asm-generic/bitsperlong.h>\n",
}

// uapiFlags has clang use the headers in the kernel's source tree as they are.
func uapiFlags(t *testing.T, source, arch string) []string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range generatedHeaders {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"-nostdinc", "-I" + filepath.Join(source, "arch", arch, "include/uapi"),
		"-I" + filepath.Join(source, "include/uapi"), "-idirafter", dir}
}

// Oracle: struct pt_regs in the running kernel's BTF, as bpftool prints it.
func TestRegisterFieldsOfKernel(t *testing.T) {
	machines, err := parseRegisters(registerTable)
	if err != nil {
		t.Fatal(err)
	}
	var self string
	switch machine := elfMachine(t); machine {
	case elf.EM_X86_64:
		self = "x86"
	case elf.EM_AARCH64:
		self = "arm64"
	case elf.EM_S390:
		self = "s390"
	default:
		testkit.Skip(t, "no row is known for this machine, %s", machine)
	}
	text := testkit.Run(t, "bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux",
		"format", "c")
	for _, m := range machines {
		if m.arch != self {
			continue
		}
		var c strings.Builder
		fmt.Fprintf(&c, "#include \"vmlinux.h\"\ntypedef struct pt_regs regs;\n")
		fields := slices.Concat(m.parm, m.syscall, []string{m.ret, m.fp, m.rc, m.sp, m.ip})
		slices.Sort(fields)
		for i, field := range slices.Compact(fields) {
			if field != "" {
				fmt.Fprintf(&c, "__typeof__(((regs *)0)->%s) field%d;\n", field, i)
			}
		}
		fmt.Fprintf(&c, "_Static_assert(__builtin_offsetof(regs, %s) == %d, \"ip\");\n",
			m.ip, m.ipOffset)
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "vmlinux.h"), text, 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(testkit.Tool(t, "clang-19"), "-target", "bpf", "-fsyntax-only", "-w",
			"-I"+dir, "-x", "c", "-")
		cmd.Stdin = strings.NewReader(c.String())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s\n%s", err, out, c.String())
		}
		return // the row for vmlinux.h comes first
	}
}

func elfMachine(t *testing.T) elf.Machine {
	t.Helper()
	f, err := elf.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return f.Machine
}
