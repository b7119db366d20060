package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/pathname"
	"github.com/purebpf/bpf/sys"
)

// SyscallPrefix returns the prefix of the names of system call functions on kernels with
// FEAT_SYSCALL_WRAPPER: "__x64_" for __x64_sys_nanosleep. It is "" for architectures that never had
// wrappers.
func SyscallPrefix() string {
	switch runtime.GOARCH {
	case "amd64":
		return "__x64_"
	case "386":
		return "__ia32_"
	case "arm64":
		return "__arm64_"
	case "riscv64":
		return "__riscv_"
	case "s390x":
		return "__s390x_"
	}
	return ""
}

// probeSyscallWrapper opens a kprobe on __<arch>_sys_bpf for this process: through the kprobe PMU,
// or on kernels without it (before 4.17) through tracefs. For a kernel without kprobes the answer
// does not matter: no.
func probeSyscallWrapper(p *prober) (bool, error) {
	prefix := SyscallPrefix()
	if prefix == "" {
		return false, nil
	}
	function := prefix + "sys_bpf"
	pmu, err := p.facts.EventSource("kprobe")
	if errors.Is(err, fs.ErrNotExist) {
		return p.kprobeEvent(function)
	}
	if err != nil {
		return false, err
	}
	fd, err := sys.PerfEventOpenName(&sys.PerfEventAttr{Type: sys.PerfType(pmu)}, function,
		os.Getpid(), -1, -1,
		0)
	if err == nil {
		fd.Close()
		return true, nil
	}
	if errors.Is(err, syscall.ENOENT) || refused(err) {
		return false, nil
	}
	return false, err
}

// kprobeEvent reports whether a kprobe on function can be registered in tracefs.
func (p *prober) kprobeEvent(function string) (bool, error) {
	root, err := p.facts.Tracefs()
	if err != nil {
		return false, noProbes(err)
	}
	name := "kprobes/libbpf_" + strconv.Itoa(os.Getpid()) + "_probe_" + function
	// EEXIST means that a killed process with this id left the event. In a container the id is
	// likely to be the same.
	err = appendLine(root+"/kprobe_events", "p:"+name+" "+function+"+0x0")
	if err != nil && !errors.Is(err, syscall.EEXIST) {
		if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.EINVAL) ||
			errors.Is(err, syscall.EADDRNOTAVAIL) {
			return false, nil // no such function, or no kprobe_events
		}
		return false, err
	}
	return true, appendLine(root+"/kprobe_events", "-:"+name)
}

// noProbes converts the error of a machine without tracefs: it has no kprobe events.
func noProbes(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func appendLine(path, line string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(line)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// eventSource returns the path of a file of a dynamic PMU in sysfs.
func (f *Facts) eventSource(names ...string) (string, error) {
	path := f.shared.root + "/sys/bus/event_source/devices"
	for _, name := range names {
		if err := pathname.Check(name); err != nil {
			return "", fmt.Errorf("event source %q: %w: %w", name, err, syscall.EINVAL)
		}
		path += "/" + name
	}
	return path, nil
}

// EventSource returns the perf event type of a dynamic PMU such as "kprobe" or "uprobe". The error
// wraps fs.ErrNotExist if the kernel has no such PMU, but not if sysfs is missing.
func (f *Facts) EventSource(name string) (uint32, error) {
	path, err := f.eventSource(name, "type")
	if err != nil {
		return 0, err
	}
	text, err := readAttribute(path)
	if errors.Is(err, fs.ErrNotExist) {
		const sources = "/sys/bus/event_source/devices"
		if _, statErr := os.Stat(f.shared.root + sources); errors.Is(statErr, fs.ErrNotExist) {
			return 0, fmt.Errorf(
				"%s, which has the perf event type of a %s, does not exist: mount -t sysfs sysfs "+
					"/sys: %w",
				sources, name, syscall.ENODEV)
		}
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err
}

// EventSourceBit returns which bit of config a format file of a dynamic PMU names: "config:0" for
// kprobe's retprobe.
func (f *Facts) EventSourceBit(name, format string) (uint, error) {
	path, err := f.eventSource(name, "format", format)
	if err != nil {
		return 0, err
	}
	text, err := readAttribute(path)
	if err != nil {
		return 0, err
	}
	bit, ok := strings.CutPrefix(text, "config:")
	n, err := strconv.ParseUint(bit, 10, 6)
	if !ok || err != nil {
		return 0, &fs.PathError{Op: "parse", Path: path, Err: syscall.EINVAL}
	}
	return uint(n), nil
}

// EventSourceHas reports whether a dynamic PMU has a format file of that name: uprobe's
// ref_ctr_offset since 4.20.
func (f *Facts) EventSourceHas(name, format string) (bool, error) {
	path, err := f.eventSource(name, "format", format)
	if err != nil {
		return false, err
	}
	_, err = os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
