package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// machine is a row of registers.tsv: the registers of an architecture, or of one way to see them.
type machine struct {
	arch      string
	condition string
	cast      string
	parm      []string
	syscall   []string
	ret       string
	fp        string
	rc        string
	sp        string
	ip        string
	ipOffset  int
	flavour   string
	wrapper   bool
	inStack   bool // the return address, when a function starts
	userNames bool // the kernel has other names for the fields
}

func parseRegisters(text string) ([]machine, error) {
	rows, err := table("registers.tsv", text, 14)
	if err != nil {
		return nil, err
	}
	var machines []machine
	for _, row := range rows {
		for i := range row {
			if row[i] == "-" {
				row[i] = ""
			}
		}
		ip, offset, _ := strings.Cut(row[9], "@")
		at, err := strconv.Atoi(offset)
		if err != nil {
			return nil, fmt.Errorf("registers.tsv: %s: no offset in %q", row[0], row[9])
		}
		machines = append(machines, machine{
			arch: row[0], condition: row[1], cast: row[2],
			parm: strings.Fields(row[3]), syscall: strings.Fields(row[4]),
			ret: row[5], fp: row[6], rc: row[7], sp: row[8], ip: ip, ipOffset: at,
			flavour: row[10], wrapper: row[11] == "yes", inStack: row[12] == "stack",
			userNames: row[13] == "user",
		})
	}
	return machines, nil
}

// compilers are the macros by which a compiler for the machine itself says which it is; clang
// -target bpf has none.
var compilers = map[string]string{
	"x86":       "defined(__x86_64__)",
	"s390":      "defined(__s390__)",
	"arm":       "defined(__arm__)",
	"arm64":     "defined(__aarch64__)",
	"mips":      "defined(__mips__)",
	"powerpc":   "defined(__powerpc__)",
	"sparc":     "defined(__sparc__)",
	"riscv":     "defined(__riscv) && __riscv_xlen == 64",
	"arc":       "defined(__arc__)",
	"loongarch": "defined(__loongarch__)",
}

func registerHeader(machines []machine) []byte {
	var w bytes.Buffer
	header(&w, "__BPF_REGISTERS_H__", "registers.tsv",
		"The registers of each architecture as fields of struct pt_regs, for bpf_tracing.h. Which "+
			"architecture it is, __TARGET_ARCH_x86 and the like say, else the compiler, if it is one "+
			"for the architecture itself.")
	w.WriteByte('\n')
	var archs []string
	for i, m := range machines {
		if i == 0 || machines[i-1].arch != m.arch {
			archs = append(archs, m.arch)
		}
	}
	for i, arch := range archs {
		fmt.Fprintf(&w, "#%s defined(__TARGET_ARCH_%s)\n", directive(i), arch)
		fmt.Fprintf(&w, "#define bpf_target_%s\n", arch)
	}
	for _, arch := range archs {
		fmt.Fprintf(&w, "#elif %s\n#define bpf_target_%s\n", compilers[arch], arch)
	}
	w.WriteString("#endif\n\n")
	w.WriteString(relocatable)
	for i, m := range machines {
		first := i == 0 || machines[i-1].arch != m.arch
		if first {
			fmt.Fprintf(&w, "#%s defined(bpf_target_%s)\n\n", directive(i), m.arch)
			w.WriteString("#define bpf_target_defined\n")
		}
		switch {
		case m.condition != "" && first:
			fmt.Fprintf(&w, "#if %s\n", m.condition)
		case m.condition != "":
			fmt.Fprintf(&w, "#elif %s\n", m.condition)
		case !first:
			w.WriteString("#else\n")
		}
		m.define(&w)
		last := i == len(machines)-1 || machines[i+1].arch != m.arch
		if last && (!first || m.condition != "") {
			w.WriteString("#endif\n")
		}
		if last {
			w.WriteByte('\n')
		}
	}
	w.WriteString("#endif\n\n#endif\n")
	return w.Bytes()
}

// relocatable marks a struct whose fields are relocated; C++ has no attribute for it.
const relocatable = `#ifdef __cplusplus
#define ___bpf_relocatable
#else
#define ___bpf_relocatable __attribute__((preserve_access_index))
#endif

`

func directive(i int) string {
	if i == 0 {
		return "if"
	}
	return "elif"
}

// define writes the macros of one row.
func (m *machine) define(w *bytes.Buffer) {
	set := func(name, value string) { fmt.Fprintf(w, "#define %s %s\n", name, value) }
	orNone := func(fields []string, i int) string {
		if i < len(fields) && fields[i] != "" {
			return fields[i]
		}
		return "__unsupported__"
	}
	if m.cast != "" {
		set("__PT_REGS_CAST(x)", fmt.Sprintf("((const %s *)(x))", m.cast))
	} else {
		set("__PT_REGS_CAST(x)", "(x)")
	}
	for i := range 8 {
		set(fmt.Sprintf("__PT_PARM%d_REG", i+1), orNone(m.parm, i))
	}
	for i := range 7 {
		set(fmt.Sprintf("__PT_PARM%d_SYSCALL_REG", i+1), orNone(m.syscall, i))
	}
	set("__PT_RET_REG", m.ret)
	set("__PT_FP_REG", orNone([]string{m.fp}, 0))
	set("__PT_RC_REG", m.rc)
	set("__PT_SP_REG", m.sp)
	set("__PT_IP_REG", m.ip)
	set("___bpf_ip_offset", strconv.Itoa(m.ipOffset))
	if m.flavour != "" {
		field := m.syscall[0]
		fmt.Fprintf(w, "struct %s {\n\tunsigned long %s;\n}", m.flavour, field)
		w.WriteString(" ___bpf_relocatable;\n")
		regs := fmt.Sprintf("((const struct %s *)(x))", m.flavour)
		set("PT_REGS_PARM1_SYSCALL(x)", fmt.Sprintf("(%s->%s)", regs, field))
		set("PT_REGS_PARM1_CORE_SYSCALL(x)", fmt.Sprintf("BPF_CORE_READ(%s, %s)", regs, field))
	}
	if m.userNames {
		set("___bpf_reg_core(x, reg)", "BPF_PROBE_READ(__PT_REGS_CAST(x), reg)")
	}
	if !m.wrapper {
		set("PT_REGS_SYSCALL_REGS(ctx)", "ctx")
	}
	if !m.inStack {
		set("BPF_KPROBE_READ_RET_IP(ip, ctx)", "({ (ip) = PT_REGS_RET(ctx); })")
	}
}
