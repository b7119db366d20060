package feature

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// loud are helpers whose use makes the kernel print a warning.
var loud = [...]string{"bpf_trace_printk", "bpf_trace_vprintk", "bpf_probe_write_user"}

func probe(r *tool.Run) error {
	o, err := parse(r)
	if err != nil {
		return err
	}
	facts := kernel.Running()
	facts.EnsureMemlock(kernel.Unlimited) // a failure shows below
	if err := facts.ProbeLoading(); err != nil {
		return err
	}
	p := &report{r: r, options: o}
	if r.JSON != nil {
		r.JSON.Object()
	}
	p.system(facts)
	p.section("syscall_config", "System call availability",
		"Scanning system call availability...")
	p.bool("have_bpf_syscall", "have_bpf_syscall", "bpf() syscall", true)

	p.section("program_types", "eBPF program types", "Scanning eBPF program types...")
	has := map[uapi.ProgType]bool{}
	for t := uapi.ProgSocketFilter; t <= uapi.ProgNetfilter; t++ {
		yes := p.sure(facts.HasProgType(t))
		has[t] = yes
		name := t.String()
		p.bool("have_"+name+"_prog_type", "have_"+name+"_prog_type",
			"eBPF program_type "+name, yes)
	}

	p.section("map_types", "eBPF map types", "Scanning eBPF map types...")
	for t := uapi.MapHash; t <= uapi.MapRHash; t++ {
		yes := p.sure(facts.HasMapType(t))
		name := t.String()
		p.bool("have_"+name+"_map_type", "have_"+name+"_map_type", "eBPF map_type "+name, yes)
	}

	p.section("helpers", "eBPF helper functions", "Scanning eBPF helper functions...")
	if p.macros {
		p.helperMacro()
	}
	for t := uapi.ProgSocketFilter; t <= uapi.ProgNetfilter; t++ {
		if err := p.helpers(facts, t, has[t]); err != nil {
			return err
		}
	}

	p.section("misc", "eBPF misc features", "Scanning miscellaneous eBPF features...")
	for _, m := range misc() {
		yes, err := loads(m.insns)
		if err != nil {
			return err
		}
		p.bool(m.key, m.key, m.line, yes)
	}
	if r.JSON != nil {
		r.JSON.EndObject()
		r.JSON.EndObject()
	} else {
		r.Printf("\n")
	}
	return nil
}

// sure returns an answer. What can't be determined counts as missing, as in bpftool.
func (p *report) sure(yes bool, err error) bool {
	if err != nil {
		p.r.Info("%v", err)
	}
	return yes && err == nil
}

// helperMacro prints the macro that looks up those of helpers.
func (p *report) helperMacro() {
	p.r.Printf(`/*
 * Use %[1]sHAVE_PROG_TYPE_HELPER(prog_type_name, helper_name)
 * to determine if <helper_name> is available for <prog_type_name>,
 * e.g.
 *	#if %[1]sHAVE_PROG_TYPE_HELPER(xdp, bpf_redirect)
 *		// do stuff with this helper
 *	#elif
 *		// use a workaround
 *	#endif
 */
#define %[1]sHAVE_PROG_TYPE_HELPER(prog_type, helper)	\
	%[1]sBPF__PROG_TYPE_ ## prog_type ## __HELPER_ ## helper
`, p.prefix)
}

// helpers prints the helpers that programs of a type may call.
func (p *report) helpers(facts *kernel.Facts, t uapi.ProgType, has bool) error {
	var results []bool
	known := false
	if has {
		var err error
		results, err = helpersOf(facts, t, p.full)
		switch {
		case err == nil:
			known = true
		case !errors.Is(err, syscall.EOPNOTSUPP):
			return err
		}
	}
	name := t.String()
	switch {
	case p.r.JSON != nil:
		p.r.JSON.Key(name + "_available_helpers")
		p.r.JSON.Array()
		defer p.r.JSON.EndArray()
	case !p.macros:
		p.r.Printf("eBPF helpers supported for program type %s:", name)
		defer p.r.Printf("\n")
		if !has {
			p.r.Printf("\n\tProgram type not supported")
		} else if !known {
			p.r.Printf("\n\tCould not determine which helpers are available")
		}
	}
	for id := 1; id < len(uapi.HelperNames); id++ {
		helper := uapi.HelperNames[id]
		yes := known && results[id]
		switch {
		case p.macros:
			if !p.full && isLoud(helper) {
				continue
			}
			n := 0
			if yes {
				n = 1
			}
			p.r.Printf("#define %sBPF__PROG_TYPE_%s__HELPER_%s %d\n", p.prefix, name, helper, n)
		case !yes:
		case p.r.JSON != nil:
			p.r.JSON.String(helper)
		default:
			p.r.Printf("\n\t- %s", helper)
		}
	}
	return nil
}

func isLoud(helper string) bool {
	for _, name := range loud {
		if helper == name {
			return true
		}
	}
	return false
}

// helpersOf returns, by helper id, whether programs of a type may call it.
func helpersOf(facts *kernel.Facts, t uapi.ProgType, full bool) ([]bool, error) {
	results := make([]bool, len(uapi.HelperNames))
	errs := make([]error, runtime.GOMAXPROCS(0))
	var wait sync.WaitGroup
	for worker := range errs {
		wait.Go(func() {
			for id := 1 + worker; id < len(results) && errs[worker] == nil; id += len(errs) {
				if full || !isLoud(uapi.HelperNames[id]) {
					results[id], errs[worker] = facts.HasHelper(t, uint32(id))
				}
			}
		})
	}
	wait.Wait()
	return results, errors.Join(errs...)
}

type trial struct {
	key, line string
	insns     []asm.Instruction
}

// misc returns the programs that load if the kernel has what they are for.
func misc() []trial {
	zero, exit := asm.Mov64Imm(asm.R0, 0), asm.ExitInsn()
	large := make([]asm.Instruction, 4098) // one more than kernels before 5.2 take
	for i := range large {
		large[i] = asm.Mov64Imm(asm.R0, 1)
	}
	large[len(large)-1] = exit
	return []trial{
		{"have_large_insn_limit", "Large program size limit", large},
		{"have_bounded_loops", "Bounded loop support", []asm.Instruction{
			asm.Mov64Imm(asm.R0, 10), asm.Alu64Imm(asm.Sub, asm.R0, 1),
			asm.JmpImm(asm.JNE, asm.R0, 0, -2), exit,
		}},
		{"have_v2_isa_extension", "ISA extension v2", []asm.Instruction{
			zero, asm.JmpImm(asm.JLT, asm.R0, 0, 1), asm.Mov64Imm(asm.R0, 1), exit,
		}},
		{"have_v3_isa_extension", "ISA extension v3", []asm.Instruction{
			zero, asm.Jmp32Imm(asm.JLT, asm.R0, 0, 1), asm.Mov64Imm(asm.R0, 1), exit,
		}},
		{"have_v4_isa_extension", "ISA extension v4", []asm.Instruction{
			zero, asm.Jmp32Imm(asm.JNE, asm.R0, 1, 1), {Op: jumpLong, Imm: 1},
			asm.Mov64Imm(asm.R0, 1), exit,
		}},
	}
}

// jumpLong is a jump with a distance of 32 bits (BPF_JMP32 | BPF_JA).
const jumpLong asm.Opcode = 0x06

// loads reports whether the kernel takes a program.
func loads(insns []asm.Instruction) (bool, error) {
	license, err := sys.CString("GPL")
	if err != nil {
		return false, err
	}
	fd, err := sys.ProgLoad(&sys.ProgLoadAttr{
		Type: uapi.ProgSocketFilter, Insns: sys.Slice(insns), InsnCnt: uint32(len(insns)),
		License: license,
	})
	switch {
	case err == nil:
		return true, fd.Close()
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.E2BIG),
		errors.Is(err, syscall.EACCES):
		return false, nil
	}
	return false, err
}

// value returns the value of an option in the kernel's configuration, "" if it is not set.
func value(config string, option string) string {
	at := 0
	for {
		i := strings.Index(config[at:], option+"=")
		if i < 0 {
			return ""
		}
		at += i
		if at == 0 || config[at-1] == '\n' {
			text, _, _ := strings.Cut(config[at+len(option)+1:], "\n")
			return text
		}
		at += len(option)
	}
}
