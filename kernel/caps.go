package kernel

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/uapi"
)

// Capability is a Linux capability, by its number.
type Capability = uapi.Capability

// Capabilities that BPF needs.
const (
	CapDACOverride = uapi.CapDACOverride
	CapNetAdmin    = uapi.CapNetAdmin
	CapSysAdmin    = uapi.CapSysAdmin
	CapSysResource = uapi.CapSysResource
	CapSyslog      = uapi.CapSyslog
	CapPerfmon     = uapi.CapPerfmon
	CapBPF         = uapi.CapBPF
)

// Privileges describes what this thread may do with BPF.
type Privileges struct {
	Effective uint64 // bit n: Capability n
	UserNS    bool   // in a user namespace of its own, where capabilities do not count for bpf(2)
	// Unprivileged is kernel.unprivileged_bpf_disabled: 0 means that anyone may load socket
	// filters; it is -1 if unknown.
	Unprivileged int
	// Split means that the kernel has CAP_BPF and CAP_PERFMON (5.8); before, CAP_SYS_ADMIN stands
	// for them.
	Split bool
}

// Privileges returns the current privileges of this thread. Facts that only /proc has are unknown
// if it is not mounted.
func (f *Facts) Privileges() (*Privileges, error) {
	root := f.shared.root
	set, split, err := effective()
	if root != "" {
		set, split, err = recordedCaps(root)
	}
	if err != nil {
		return nil, fmt.Errorf("capabilities of this process: %w", err)
	}
	p := &Privileges{Effective: set, Split: split, Unprivileged: -1}
	if n, ok := readNumber(root + "/proc/sys/kernel/unprivileged_bpf_disabled"); ok {
		p.Unprivileged = n
	}
	if text, err := os.ReadFile(root + "/proc/self/uid_map"); err == nil {
		m := strings.Fields(string(text))
		p.UserNS = !(len(m) == 3 && m[0] == "0" && m[1] == "0" && m[2] == "4294967295")
	}
	return p, nil
}

// recordedCaps is effective for the /proc of another machine.
func recordedCaps(root string) (set uint64, split bool, err error) {
	status, err := os.ReadFile(root + "/proc/self/status")
	if err != nil {
		return 0, false, err
	}
	found := false
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, "CapEff:"); ok {
			set, err = strconv.ParseUint(strings.TrimSpace(v), 16, 64)
			found = err == nil
		}
	}
	if !found {
		return 0, false, fmt.Errorf("no CapEff in %s/proc/self/status", root)
	}
	split = true
	if last, ok := readNumber(root + "/proc/sys/kernel/cap_last_cap"); ok {
		split = last >= int(CapBPF)
	}
	return set, split, nil
}

// readNumber reads a file that holds a number.
func readNumber(path string) (n int, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err = strconv.Atoi(strings.TrimSpace(string(text)))
	return n, err == nil
}

// PerfEventParanoid returns the sysctl kernel.perf_event_paranoid: who may open perf events. ok is
// false if it cannot be read from /proc.
func (f *Facts) PerfEventParanoid() (n int, ok bool) {
	return readNumber(f.shared.root + "/proc/sys/kernel/perf_event_paranoid")
}

// Has reports whether the process has c, or CAP_SYS_ADMIN, which the kernel accepts in place of
// CAP_BPF, CAP_PERFMON and (for bpf(2)) CAP_NET_ADMIN. In a user namespace the process has none,
// whatever Effective says.
func (p *Privileges) Has(c Capability) bool {
	if p.UserNS {
		return false
	}
	if p.Effective&(1<<CapSysAdmin) != 0 {
		switch c {
		case CapBPF, CapPerfmon, CapNetAdmin:
			return true
		}
	}
	if !p.Split && (c == CapBPF || c == CapPerfmon) {
		return false
	}
	return p.Effective&(1<<c) != 0
}

// Missing returns those of need that the process lacks. On kernels before 5.8 CAP_SYS_ADMIN
// replaces CAP_BPF and CAP_PERFMON.
func (p *Privileges) Missing(need ...Capability) []Capability {
	var missing []Capability
	add := func(c Capability) {
		for _, m := range missing {
			if m == c {
				return
			}
		}
		missing = append(missing, c)
	}
	for _, c := range need {
		if p.Has(c) {
			continue
		}
		if !p.Split && (c == CapBPF || c == CapPerfmon) {
			c = CapSysAdmin
		}
		add(c)
	}
	return missing
}

// ProgCaps returns the capabilities that loading a program of type t needs.
func ProgCaps(t uapi.ProgType) []Capability { return uapi.ProgCaps(t) }

// PrivilegeError says which capabilities are missing, for what, and how to get them. errors.Is
// matches EPERM.
type PrivilegeError struct {
	For     string // what they are needed for, as in "loading XDP programs"
	Missing []Capability
	UserNS  bool
	Program string // path of this program
}

// Error names the capabilities and the two ways to get them.
func (e *PrivilegeError) Error() string {
	var names, flags []string
	for _, c := range e.Missing {
		names = append(names, c.String())
		flags = append(flags, strings.ToLower(c.String()))
	}
	list := strings.Join(names, " and ")
	if n := len(names); n > 2 {
		list = strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	if e.UserNS {
		return fmt.Sprintf("%s needs %s outside of a user namespace: run it on the host, or with "+
			"a BPF token (Linux 6.9) from whoever made this container", e.For, list)
	}
	return fmt.Sprintf("%s needs %s, which this process lacks: run it with sudo, or allow this "+
		"program once with: sudo setcap %s+ep %s",
		e.For, list, strings.Join(flags, ","), printable.Text(e.Program))
}

// Is reports EPERM.
func (e *PrivilegeError) Is(target error) bool { return target == error(syscall.EPERM) }

// Require returns nil if the process has every capability of need, else a *PrivilegeError for the
// purpose. It takes microseconds, so a command can check before it starts.
func (f *Facts) Require(purpose string, need ...Capability) error {
	p, err := f.Privileges()
	if err != nil {
		return err
	}
	missing := p.Missing(need...)
	if len(missing) == 0 {
		return nil
	}
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0]
	}
	return &PrivilegeError{For: purpose, Missing: missing, UserNS: p.UserNS, Program: program}
}

// Explain adds the missing capabilities to a refusal (EPERM, EACCES) if they are the cause; it
// returns any other error unchanged.
func (f *Facts) Explain(err error, purpose string, need ...Capability) error {
	if !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.EACCES) {
		return err
	}
	if why := f.Require(purpose, need...); why != nil {
		return fmt.Errorf("%w (%w)", err, why)
	}
	return err
}
