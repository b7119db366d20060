package bpf

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/kernel"
)

// KsyscallOptions changes how a program attaches to a system call.
type KsyscallOptions struct {
	Return bool   // run it when the system call returns
	Cookie uint64 // what bpf_get_attach_cookie returns in the program (5.15)
}

// AttachKsyscall attaches the program to the kernel's function for a system call, by the name
// without "sys_", such as "unlinkat" (libbpf bpf_program__attach_ksyscall): "__x64_sys_unlinkat"
// and the like where system calls have wrappers (4.17), else "__se_sys_unlinkat". Calls of 32-bit
// programs on a 64-bit kernel have functions of their own and are not seen. Read the arguments with
// PT_REGS_SYSCALL_REGS or BPF_KSYSCALL. For options, privileges and errors see AttachKprobe. The
// caller closes the Link.
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
	symbol := p.syscallSymbol(p.running(), name)
	return p.AttachKprobe(symbol, &KprobeOptions{Return: opts.Return, Cookie: opts.Cookie})
}

// syscallSymbol returns the name of the kernel function for a system call.
func (p *Program) syscallSymbol(k featureSource, name string) string {
	if p.has(k, facts.SyscallWrapper) {
		return kernel.SyscallPrefix() + "sys_" + name
	}
	return "__se_sys_" + name
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
