package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// TestOverrideReturn makes a system call fail by bpf_override_return, on a kernel that was built
// for it; others refuse the program.
func TestOverrideReturn(t *testing.T) {
	kprobes(t)
	if !configured(t, "CONFIG_BPF_KPROBE_OVERRIDE") {
		obj, err := bpf.Load(only(open(t, "kprobe"), "override"), nil)
		if err == nil {
			obj.Close()
		}
		if !errors.Is(err, syscall.EINVAL) {
			t.Fatalf("without CONFIG_BPF_KPROBE_OVERRIDE: %v", err)
		}
		testkit.Skip(t, "the kernel was built without CONFIG_BPF_KPROBE_OVERRIDE, and refused the program")
	}
	obj := kprobeObject(t, "override")
	if err := obj.Variable("override_with").Set(-int32(syscall.EXDEV)); err != nil {
		t.Fatal(err)
	}
	l, err := obj.Program("override").Attach()
	if err != nil {
		t.Fatal(err)
	}
	_, err = unix.Getpgid(os.Getpid())
	closeLink(t, l)
	if err != syscall.EXDEV {
		t.Errorf("getpgid: %v", err)
	}
	if _, err := unix.Getpgid(os.Getpid()); err != nil {
		t.Errorf("getpgid after it was detached: %v", err)
	}
}

// TestProbePrivilegesChild attaches programs that it inherited, as nobody; it is a child of
// TestProbePrivileges.
func TestProbePrivilegesChild(t *testing.T) {
	if os.Getenv("PUREBPF_PRIVILEGES_CHILD") == "" {
		return
	}
	for i, typ := range []uapi.ProgType{uapi.ProgKprobe, uapi.ProgPerfEvent} {
		p, err := bpf.ProgramFromFD(3 + i)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if typ == uapi.ProgPerfEvent {
			_, err = p.AttachPerfEvent(bpf.PerfEvent{Type: sys.PerfTypeSoftware}, nil)
		} else if _, err = kernel.Running().EventSource("kprobe"); err == nil {
			_, err = p.AttachKprobe("find_task_by_vpid", nil)
		} else {
			continue
		}
		fmt.Println("error:", err)
	}
}

// TestProbePrivileges: without CAP_PERFMON the kernel refuses, and the error names what is missing.
func TestProbePrivileges(t *testing.T) {
	testkit.Root(t)
	obj := kprobeObject(t, "by_hand", "sample")
	child := exec.Command("/proc/self/exe", "-test.run=^TestProbePrivilegesChild$", "-test.v")
	child.Env = append(os.Environ(), "PUREBPF_PRIVILEGES_CHILD=1")
	child.Dir = "/"
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534,
		Gid: 65534}}
	for _, name := range []string{"by_hand", "sample"} {
		fd, err := unix.FcntlInt(uintptr(obj.Program(name).FD()), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			t.Fatal(err)
		}
		file := os.NewFile(uintptr(fd), name)
		defer file.Close()
		child.ExtraFiles = append(child.ExtraFiles, file)
	}
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want, got := 1, 0
	if configured(t, "CONFIG_KPROBE_EVENTS") {
		want = 2
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "error:") {
			t.Log(strings.TrimSpace(line))
			if got++; !strings.Contains(line, "permission denied") ||
				!strings.Contains(line, "CAP_PERFMON") {
				t.Error(line)
			}
		}
	}
	if got != want {
		t.Errorf("%d errors, want %d\n%s", got, want, out)
	}
}

// TestKprobeErrors: the kernel's refusals, and their errors. Names come from the running kernel.
func TestKprobeErrors(t *testing.T) {
	kprobes(t)
	obj := kprobeObject(t, "by_hand", "missing", "return_offset", "sample")
	p := obj.Program("by_hand")
	data := "" // without CONFIG_KALLSYMS_ALL the kernel doesn't list data
	if configured(t, "CONFIG_KALLSYMS_ALL") {
		data = "is not a function"
	}
	for _, c := range []struct {
		what   string
		symbol string
		opts   bpf.KprobeOptions
		is     error
		says   string
	}{
		{"a name with a typo", "find_task_by_vpit", bpf.KprobeOptions{}, bpf.ErrNotExist,
			"near: find_task_by_vpid"},
		{"in tracefs", "find_task_by_vpit", bpf.KprobeOptions{Mode: bpf.ProbeLegacy},
			bpf.ErrNotExist,
			"near: find_task_by_vpid"},
		{"a system call without its prefix", "sys_getpgid", bpf.KprobeOptions{}, bpf.ErrNotExist,
			kernel.SyscallPrefix() + "sys_getpgid"},
		{"a name like none", "qqqqqqqqqqqqqqqqqq", bpf.KprobeOptions{}, bpf.ErrNotExist, ""},
		{"no such module", "nomodule:find_task_by_vpid",
			bpf.KprobeOptions{}, bpf.ErrNotExist, "no module nomodule is loaded"},
		{"no such module, in tracefs", "nomodule:find_task_by_vpid",
			bpf.KprobeOptions{Mode: bpf.ProbeLegacy}, bpf.ErrNotExist,
			"no module nomodule is loaded"},
		{"what is no module, in tracefs", "vmlinux:find_task_by_vpid",
			bpf.KprobeOptions{Mode: bpf.ProbeLegacy}, bpf.ErrNotExist,
			"no module vmlinux is loaded"},
		{"far away", "find_task_by_vpid", bpf.KprobeOptions{Offset: 1 << 40}, syscall.EINVAL,
			"32 bits"},
		{"data", "jiffies_64", bpf.KprobeOptions{}, nil, data},
		{"nothing", "", bpf.KprobeOptions{}, syscall.EINVAL, "neither"},
		{"both", "find_task_by_vpid", bpf.KprobeOptions{Address: 1}, syscall.EINVAL,
			"excludes a function"},
		{"a second line", "find_task_by_vpid\n-:x", bpf.KprobeOptions{Mode: bpf.ProbeLegacy},
			syscall.EINVAL, "no name of a function"},
		{"a return inside", "find_task_by_vpid", bpf.KprobeOptions{Return: true, Offset: 64},
			syscall.EINVAL, "no offset"},
	} {
		l, err := p.AttachKprobe(c.symbol, &c.opts)
		if err == nil {
			t.Errorf("%s: attached %v", c.what, l)
			l.Close()
			continue
		}
		t.Logf("%s: %v", c.what, err)
		if c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v: want %v and %q", c.what, err, c.is, c.says)
		}
	}
	if _, err := obj.Program("missing").Attach(); !errors.Is(err, bpf.ErrNotExist) {
		t.Errorf("by section: %v", err)
	}
	if _, err := obj.Program("return_offset").Attach(); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a kretprobe with an offset: %v", err)
	}
	if _, err := obj.Program("sample").AttachKprobe(
		"find_task_by_vpid", nil); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "perf_event") {
		t.Errorf("a program of another type: %v", err)
	}
	if listed := eventsOf(t, testkit.Tracefs(t), "kprobe_events"); len(listed) > 0 {
		t.Errorf("left over: %q", listed)
	}
}

// TestKprobeBlacklist: the kernel has a list of functions that can't be probed, and the error says
// so.
func TestKprobeBlacklist(t *testing.T) {
	kprobes(t)
	text, err := os.ReadFile("/sys/kernel/debug/kprobes/blacklist")
	if err != nil {
		testkit.Skip(t, "the kernel does not show its list of functions that must not be probed: %v", err)
	}
	obj := kprobeObject(t, "by_hand")
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) != 2 || len(kallsyms(t, f[1])) != 1 || strings.HasPrefix(f[1], "__") {
			continue
		}
		_, err := obj.Program("by_hand").AttachKprobe(f[1], nil)
		if err == nil || !strings.Contains(err.Error(), "must not be probed") {
			t.Errorf("%s: %v", f[1], err)
		}
		t.Log(err)
		return
	}
	t.Error("nothing in the list fits the test")
}

// TestKprobeWithout: on a kernel that was built without kprobes the error says so, and not that a
// function is missing.
func TestKprobeWithout(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	if configured(t, "CONFIG_KPROBES") {
		testkit.Skip(t, "the kernel has kprobes")
	}
	obj := kprobeObject(t, "by_hand", "entered", "called")
	p := obj.Program("by_hand")
	for _, mode := range []bpf.ProbeMode{bpf.ProbeDefault, bpf.ProbeLegacy, bpf.ProbePerf,
		bpf.ProbeLink} {
		_, err := p.AttachKprobe("find_task_by_vpid", &bpf.KprobeOptions{Mode: mode})
		t.Log(err)
		if !errors.Is(err, bpf.ErrNotSupported) || errors.Is(err, bpf.ErrNotExist) ||
			!strings.Contains(err.Error(), "kprobe") {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
	for _, name := range []string{"entered", "called"} {
		if _, err := obj.Program(name).Attach(); !errors.Is(err, bpf.ErrNotSupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := obj.Attach(); !errors.Is(err, bpf.ErrNotSupported) {
		t.Errorf("the object: %v", err)
	}
}
