package bpf

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

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
	why := kernel.PrivilegeError{For: "this", Missing: missing, UserNS: p.UserNS, Program: ownPath()}
	return why.Error()
}

// netlinkHint is permissionHint for rtnetlink, where CAP_SYS_ADMIN doesn't stand for CAP_NET_ADMIN,
// and the capabilities of a user namespace count for its network namespaces.
func netlinkHint(err error) string {
	if !errors.Is(err, syscall.EPERM) {
		return ""
	}
	p, privErr := kernel.Running().Privileges()
	if privErr != nil || p.Effective&(1<<kernel.CapNetAdmin) != 0 {
		return ""
	}
	why := kernel.PrivilegeError{
		For: "this", Missing: []kernel.Capability{kernel.CapNetAdmin}, Program: ownPath(),
	}
	return why.Error()
}

// ownPath is the path of this program, for hints.
func ownPath() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}

// accessHint is permissionHint for the other errno of missing capabilities: files and perf events say EACCES.
func accessHint(err error, need ...kernel.Capability) string {
	if !errors.Is(err, syscall.EACCES) {
		return ""
	}
	return permissionHint(syscall.EPERM, need...)
}

// tracefsAccess is what opening files of tracefs takes.
var tracefsAccess = [...]kernel.Capability{kernel.CapDACOverride}

// eventHint is accessHint for perf events, which a sysctl keeps from processes as well.
func eventHint(err error, need ...kernel.Capability) string {
	hint := accessHint(err, need...)
	if !errors.Is(err, syscall.EACCES) || slices.Contains(need, kernel.CapSysAdmin) && hint != "" {
		return hint
	}
	const mainline = 2 // the strictest value that the kernel itself knows; distributions have patches for more
	level, ok := kernel.Running().PerfEventParanoid()
	p, privErr := kernel.Running().Privileges()
	if !ok || level <= mainline || privErr != nil || p.Has(kernel.CapSysAdmin) {
		return hint
	}
	if hint != "" {
		hint += "; and "
	}
	return hint + fmt.Sprintf("kernel.perf_event_paranoid is %d: at more than %d some kernels open perf events for CAP_SYS_ADMIN alone: "+
		"sysctl kernel.perf_event_paranoid=%d", level, mainline, mainline)
}

// mapCaps are the capabilities that creating a map of type t takes.
func mapCaps(t uapi.MapType) []kernel.Capability {
	switch t {
	case uapi.MapSockMap, uapi.MapSockHash, uapi.MapDevMap, uapi.MapDevMapHash, uapi.MapXSKMap:
		return []kernel.Capability{kernel.CapBPF, kernel.CapNetAdmin}
	}
	return []kernel.Capability{kernel.CapBPF}
}

// ensureMemlock raises RLIMIT_MEMLOCK where BPF objects count against it (before 5.11). It comes before the first probe: one that fails
// for want of room would make a feature look missing.
func (l *loader) ensureMemlock(k *kernel.Facts, object string) {
	raised, err := k.EnsureMemlock(kernel.Unlimited)
	l.limitErr = err
	switch {
	case raised:
		l.ev.info("raised RLIMIT_MEMLOCK, which this kernel counts maps and programs against", "object", object)
	case err != nil:
		l.ev.warn("could not raise RLIMIT_MEMLOCK; if this kernel counts maps and programs against it, there may be no room for them", "object", object, "err", err)
	}
}
