package bpf

import (
	"errors"
	"os"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// permissionHint says which of the capabilities that something needs this process lacks, when the kernel answered EPERM. It says
// nothing when none is missing: then the refusal has another cause, and guessing helps nobody. need nil means CAP_BPF.
func permissionHint(err error, need ...kernel.Capability) string {
	if err == nil || !errors.Is(err, syscall.EPERM) {
		return ""
	}
	var known *kernel.PrivilegeError
	if errors.As(err, &known) {
		return "" // the error says so itself
	}
	if len(need) == 0 {
		need = []kernel.Capability{kernel.CapBPF}
	}
	p, err := kernel.Running().Privileges()
	if err != nil {
		return ""
	}
	missing := p.Missing(need...)
	if len(missing) == 0 {
		return ""
	}
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0]
	}
	why := kernel.PrivilegeError{For: "this", Missing: missing, UserNS: p.UserNS, Program: program}
	return why.Error()
}

// mapCaps are the capabilities that creating a map of type t takes.
func mapCaps(t uapi.MapType) []kernel.Capability {
	switch t {
	case uapi.MapSockMap, uapi.MapSockHash, uapi.MapDevMap, uapi.MapDevMapHash, uapi.MapXSKMap:
		return []kernel.Capability{kernel.CapBPF, kernel.CapNetAdmin}
	}
	return []kernel.Capability{kernel.CapBPF}
}

// withMemlock makes a call that creates a kernel object, and makes it once more after EPERM if the kernel is one that counts such
// objects against RLIMIT_MEMLOCK (before 5.11) and the limit could be raised. libbpf raises it beforehand on such kernels.
func (l *loader) withMemlock(call func() error) error {
	err := call()
	running, ok := l.kernel.(*kernel.Facts)
	if err != syscall.EPERM || !ok || l.memlockTried {
		return err
	}
	l.memlockTried = true
	if has, probeErr := running.Has(facts.MemcgAccount); probeErr != nil || has {
		return err
	}
	if limitErr := running.EnsureMemlock(kernel.Unlimited); limitErr != nil {
		l.ev.warn("could not raise RLIMIT_MEMLOCK, which this kernel counts maps and programs against", "err", limitErr)
		return err
	}
	l.ev.info("raised RLIMIT_MEMLOCK, which this kernel counts maps and programs against", "object", l.obj.name)
	return call()
}
