package bpf

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// KprobeOptions changes how a program attaches to a kernel function.
type KprobeOptions struct {
	Return bool   // run it when the function returns (kretprobe)
	Offset uint64 // bytes into the function; an instruction must start there
	// Address is an address in the kernel, to use instead of a function; not with ProbeLegacy or
	// before 4.17
	Address uint64
	Cookie  uint64    // what bpf_get_attach_cookie returns in the program (5.15)
	Mode    ProbeMode // kernel interface; the default is the newest
}

// AttachKprobe attaches the program to the kernel function called symbol, or "module:symbol"
// (libbpf bpf_program__attach_kprobe_opts; 4.1): it runs when the function is entered, at an offset
// in it, or when it returns. The name must be that in /proc/kallsyms, with any suffix from the
// compiler: "name.isra.0". With opts.Address, symbol must be "".
//
// Needs CAP_PERFMON (see Attaching in the package comment), and CAP_DAC_OVERRIDE where an event in
// tracefs is used. ErrNotExist if there is no such function, with similar names as hint;
// EADDRNOTAVAIL if there are several (6.6); EILSEQ if no instruction starts at the offset; EINVAL
// if the kernel refuses probes there; ErrNotSupported on a kernel without kprobes.
func (p *Program) AttachKprobe(symbol string, opts *KprobeOptions) (*Link, error) {
	if opts == nil {
		opts = &KprobeOptions{}
	}
	return p.attachKprobe(p.running(), symbol, *opts)
}

func (p *Program) attachKprobe(m probe.Machine, symbol string, o KprobeOptions) (*Link, error) {
	at := probe.Kprobe{Symbol: symbol, Offset: o.Offset, Address: o.Address, Return: o.Return}
	to := at.String()
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	err := at.Check()
	if err == nil {
		err = p.requireType("a kprobe", uapi.ProgKprobe)
	}
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	return p.attachProbe(m, to, &at, o.Mode, o.Cookie,
		func(err error, need []kernel.Capability) error {
			a := explain.Attempt{
				Op: explain.Kprobe, Need: need, Returns: o.Return, Offsets: []uint64{o.Offset},
			}
			a.Symbol, err = at.Refused(err)
			return p.attachRefused(&a, to, err)
		})
}

// autoKprobe attaches SEC("kprobe/function+offset") and SEC("kretprobe/function").
func (p *Program) autoKprobe() (*Link, error) {
	target, err := p.secTarget()
	if err != nil {
		return nil, err
	}
	ret := strings.HasPrefix(p.section, "kretprobe")
	symbol, offset, rest, err := probe.ParseKprobe(target)
	if err == nil && ret && offset != 0 {
		err = fmt.Errorf("a kretprobe has no offset: %w", syscall.EINVAL)
	}
	if err != nil {
		return nil, p.secFail(err)
	}
	p.noteRest(rest)
	return p.AttachKprobe(symbol, &KprobeOptions{Return: ret, Offset: offset})
}

// KsyscallOptions changes how a program attaches to a system call.
type KsyscallOptions struct {
	Return bool   // run it when the system call returns
	Cookie uint64 // what bpf_get_attach_cookie returns in the program (5.15)
}

// AttachKsyscall attaches the program to the kernel's function for a system call, by the name
// without "sys_", such as "unlinkat" (libbpf bpf_program__attach_ksyscall). System calls of 32-bit
// programs on a 64-bit kernel use other functions and don't run the program. Read the arguments
// with PT_REGS_SYSCALL_REGS or BPF_KSYSCALL. Privileges and errors are those of AttachKprobe.
func (p *Program) AttachKsyscall(name string, opts *KsyscallOptions) (*Link, error) {
	if opts == nil {
		opts = &KsyscallOptions{}
	}
	to := "system call " + name
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	if name == "" {
		return nil, p.attachFail(to, fmt.Errorf("no system call is named: %w", syscall.EINVAL))
	}
	return p.AttachKprobe(probe.SyscallFunction(p.running(), name, p.logger()),
		&KprobeOptions{Return: opts.Return, Cookie: opts.Cookie})
}

// autoKsyscall attaches SEC("ksyscall/name") and SEC("kretsyscall/name").
func (p *Program) autoKsyscall() (*Link, error) {
	name, err := p.secTarget()
	if err != nil {
		return nil, err
	}
	return p.AttachKsyscall(name,
		&KsyscallOptions{Return: strings.HasPrefix(p.section, "kretsyscall")})
}
