// Package privilege explains refusals by the capabilities that this process lacks.
package privilege

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/purebpf/bpf/kernel"
)

// Hint names the capabilities in need that this process lacks, if err is EPERM. It returns "" if
// none is missing: then the refusal has another cause. need nil means CAP_BPF.
func Hint(err error, need ...kernel.Capability) string {
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
	why := kernel.PrivilegeError{For: "this", Missing: missing, UserNS: p.UserNS,
		Program: ownPath()}
	return why.Error()
}

// NetlinkHint is Hint for rtnetlink, which takes CAP_NET_ADMIN also of who has CAP_SYS_ADMIN, and
// for which the capabilities of a user namespace count in its network namespaces.
func NetlinkHint(err error) string {
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

// AccessHint is Hint for EACCES, the errno of files and perf events.
func AccessHint(err error, need ...kernel.Capability) string {
	if !errors.Is(err, syscall.EACCES) {
		return ""
	}
	return Hint(syscall.EPERM, need...)
}

// EventHint is AccessHint for perf events, which kernel.perf_event_paranoid may refuse as well.
func EventHint(err error, need ...kernel.Capability) string {
	hint := AccessHint(err, need...)
	if !errors.Is(err, syscall.EACCES) || slices.Contains(need, kernel.CapSysAdmin) && hint != "" {
		return hint
	}
	const mainline = 2 // the strictest value of mainline kernels; distributions have patches for more
	level, ok := kernel.Running().PerfEventParanoid()
	p, privErr := kernel.Running().Privileges()
	if !ok || level <= mainline || privErr != nil || p.Has(kernel.CapSysAdmin) {
		return hint
	}
	if hint != "" {
		hint += "; and "
	}
	return hint + fmt.Sprintf("kernel.perf_event_paranoid is %d: at more than %d some kernels "+
		"open perf events for CAP_SYS_ADMIN alone: sysctl kernel.perf_event_paranoid=%d",
		level, mainline, mainline)
}
