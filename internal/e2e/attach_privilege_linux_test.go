package e2e

import (
	"github.com/purebpf/bpf"

	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/uapi"
)

// TestAttachWithoutPrivileges: attempts to attach by a process that has loaded its programs and
// then dropped all capabilities. The oracle is the kernel, which refuses those that need a
// capability of their own; the error names it. This test binary runs again as that process.
func TestAttachWithoutPrivileges(t *testing.T) {
	testkit.Root(t)
	dir := testkit.Cgroup(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestAttachWithoutPrivilegesChild$", "-test.v")
	cmd.Env = append(os.Environ(), "PUREBPF_NO_CAPABILITIES="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	said := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, text, ok := strings.Cut(line, " => "); ok {
			said[name] = strings.TrimSpace(text)
		}
	}
	for _, name := range []string{"cgroup link", "cgroup set", "xdp netlink"} {
		text := said[name]
		words := "operation not permitted"
		if name == "cgroup set" {
			words = "invalid argument" // the kernel's error there
		}
		if !strings.Contains(text, words) || !strings.Contains(text, "CAP_NET_ADMIN") {
			t.Errorf("%s: %q", name, text)
		}
	}
	for _, name := range []string{"link by id", "program by id", "map by id"} {
		if text := said[name]; !strings.Contains(text,
			"operation not permitted (this needs CAP_SYS_ADMIN,") {
			t.Errorf("%s: %q", name, text)
		}
	}
	for _, name := range []string{"cgroup sock_create link", "xdp link", "netns link",
		"sockmap set", "reuseport", "tcx link", "netfilter link", "flow dissector set"} {
		if said[name] != "<nil>" &&
			(atLeast(6, 6) || name != "tcx link" && name != "netfilter link") {
			t.Errorf("%s: %q", name, said[name])
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}

// traceAttempts are ways to attach programs for tracing the kernel, by a process that has loaded
// its programs and lost all capabilities: said is part of the refusal, "" if loading was the
// privileged part. A way is tried where the machine has it.
var traceAttempts = []struct {
	name  string
	there func(t testing.TB) bool
	said  []string
	// load returns the function that attaches. It may clean up at the end of the test.
	load func(t *testing.T) func() (*bpf.Link, error)
}{
	{"raw_tp", everywhere, nil,
		func(t *testing.T) func() (*bpf.Link, error) {
			return loadedProgram(t, "link",
				"raw_tp").Attach
		}},
	{"tp_btf", hasBTF, nil, func(t *testing.T) func() (*bpf.Link, error) {
		return loadedProgram(t,
			"trace", "on_sys_enter").Attach
	}},
	{"iterator", hasBTF, nil, func(t *testing.T) func() (*bpf.Link, error) {
		_, p := iterProgram(t, "tasks")
		return func() (*bpf.Link, error) {
			l, err := p.Attach()
			if err != nil {
				return nil, err
			}
			r, err := l.Iterate()
			if err != nil {
				return nil, err
			}
			return l, r.Close()
		}
	}},
	{"struct_ops", hasBTF, nil,
		func(t *testing.T) func() (*bpf.Link, error) {
			return structOpsMap(t,
				"plain").AttachStructOps
		}},
	{"struct_ops link", func(t testing.TB) bool {
		return hasBTF(t) && atLeast(6, 4)
	}, nil, func(t *testing.T) func() (*bpf.Link, error) {
		return structOpsMap(t, "linked").AttachStructOps
	}},
	{"fentry", hasTrampolines, nil,
		func(t *testing.T) func() (*bpf.Link, error) {
			return loadedProgram(t, "fentry",
				"on_entry").Attach
		}},
	{"LSM", hasTrampolines, nil,
		func(t *testing.T) func() (*bpf.Link, error) {
			return loadedProgram(t, "fentry",
				"deny").Attach
		}},
	{"freplace", hasTrampolines, nil, func(t *testing.T) func() (*bpf.Link, error) {
		target, _ := freplaceTarget(t)
		return load(t, forTarget(open(t, "fentry"), target,
			"replacement"), nil).Program("replacement").Attach
	}},
	{"freplace elsewhere", hasTrampolines, []string{"operation not permitted", "CAP_SYS_ADMIN"},
		func(t *testing.T) func() (*bpf.Link, error) {
			target, _ := freplaceTarget(t)
			other, _ := freplaceTarget(t)
			p := load(t, forTarget(open(t, "fentry"), target, "replacement"), nil).Program(
				"replacement")
			return func() (*bpf.Link, error) { return p.AttachFreplace(other, "part") }
		}},
	{"kprobe.multi", hasFprobes, nil, func(t *testing.T) func() (*bpf.Link, error) {
		p := loadedProgram(t, "link", "probes")
		return func() (*bpf.Link, error) { return p.AttachKprobeMulti("find_task_by_vpid", nil) }
	}},
	{"kprobe.multi pattern", hasFprobes, []string{"permission denied", "CAP_DAC_OVERRIDE"},
		func(t *testing.T) func() (*bpf.Link, error) {
			p := loadedProgram(t, "link", "probes")
			return func() (*bpf.Link, error) { return p.AttachKprobeMulti("find_task_by_v*", nil) }
		}},
	{"kprobe in tracefs", hasKprobes,
		[]string{"permission denied", "CAP_PERFMON", "CAP_DAC_OVERRIDE"},
		func(t *testing.T) func() (*bpf.Link, error) {
			p := loadedProgram(t, "link", "probe")
			return func() (*bpf.Link, error) {
				return p.AttachKprobe("find_task_by_vpid",
					&bpf.KprobeOptions{Mode: bpf.ProbeLegacy})
			}
		}},
	{"uprobe in tracefs", hasUprobes,
		[]string{"permission denied", "CAP_PERFMON", "CAP_DAC_OVERRIDE"},
		func(t *testing.T) func() (*bpf.Link, error) {
			p := loadedProgram(t, "link", "probe")
			return func() (*bpf.Link, error) {
				return p.AttachUprobe(
					"/bin/sh", "", &bpf.UprobeOptions{Mode: bpf.ProbeLegacy, Offset: 0x1000})
			}
		}},
	{"tracepoint", everywhere, []string{"permission denied", "CAP_PERFMON", "CAP_DAC_OVERRIDE"},
		func(t *testing.T) func() (*bpf.Link, error) {
			return loadedProgram(t, "link", "tp").Attach
		}},
	{"tracepoint without tracefs", everywhere,
		[]string{"tracefs is not mounted", "mounting it needs CAP_SYS_ADMIN"},
		func(t *testing.T) func() (*bpf.Link, error) {
			p := loadedProgram(t, "link", "tp")
			return elsewhere(t, func() error {
				for _, dir := range []string{"/sys/kernel/debug/tracing",
					"/sys/kernel/tracing", "/sys/kernel/debug"} {
					for unix.Unmount(dir, unix.MNT_DETACH) == nil {
					}
				}
				return nil
			}, p.Attach)
		}},
}

func everywhere(testing.TB) bool { return true }

func hasBTF(testing.TB) bool {
	_, err := os.Stat("/sys/kernel/btf/vmlinux")
	return err == nil
}

func hasKprobes(t testing.TB) bool { return configured(t, "CONFIG_KPROBE_EVENTS") }
func hasUprobes(t testing.TB) bool { return configured(t, "CONFIG_UPROBE_EVENTS") }
func hasFprobes(t testing.TB) bool { return hasKprobes(t) && configured(t, "CONFIG_FPROBE") }

func loadedProgram(t testing.TB, file, name string) *bpf.Program {
	t.Helper()
	return load(t, only(open(t, file), name), nil).Program(name)
}

func structOpsMap(t testing.TB, name string) *bpf.Map {
	t.Helper()
	o := open(t, "structops")
	for _, m := range o.Maps {
		if m.StructOps != nil {
			m.Autocreate = m.Name == name
		}
	}
	return load(t, o, nil).Map(name)
}

// elsewhere gives one thread mounts of its own, changes them, and runs attach there.
func elsewhere(t testing.TB, change func() error,
	attach func() (*bpf.Link, error)) func() (*bpf.Link, error) {
	t.Helper()
	type result struct {
		l   *bpf.Link
		err error
	}
	ready, run, done := make(chan error), make(chan bool), make(chan result)
	testkit.OnOwnThread(func() {
		err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS)
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
		}
		if err == nil {
			err = change()
		}
		ready <- err
		if <-run {
			l, err := attach()
			done <- result{l, err}
		}
	})
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(run) })
	return func() (*bpf.Link, error) {
		run <- true
		r := <-done
		return r.l, r.err
	}
}

// TestTraceWithoutPrivileges is TestAttachWithoutPrivileges for tracing the kernel.
func TestTraceWithoutPrivileges(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestTraceWithoutPrivilegesChild$", "-test.v")
	cmd.Env = append(os.Environ(), "PUREBPF_NO_CAPABILITIES=trace")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	said := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, text, ok := strings.Cut(line, " => "); ok {
			said[name] = strings.TrimSpace(text)
		}
	}
	for _, a := range traceAttempts {
		text, ok := said[a.name]
		if there := a.there(t); there != ok {
			t.Errorf("%s: tried %v, there %v", a.name, ok, there)
			continue
		}
		if ok && (text == "<nil>") != (len(a.said) == 0) {
			t.Errorf("%s: %s", a.name, text)
		}
		for _, words := range a.said {
			if ok && !strings.Contains(text, words) {
				t.Errorf("%s: %s\nwithout %q", a.name, text, words)
			}
		}
		t.Logf("%s: %s", a.name, text)
	}
	if text := said["tracepoint without tracefs"]; strings.Contains(text, "CAP_PERFMON") {
		t.Errorf("CAP_PERFMON is not what is missing: %s", text)
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}

// TestTraceWithoutPrivilegesChild is the process of TestTraceWithoutPrivileges.
func TestTraceWithoutPrivilegesChild(t *testing.T) {
	if os.Getenv("PUREBPF_NO_CAPABILITIES") != "trace" {
		testkit.Skip(t, "part of TestTraceWithoutPrivileges, which runs it")
	}
	attach := map[string]func() (*bpf.Link, error){}
	for _, a := range traceAttempts {
		if a.there(t) {
			attach[a.name] = a.load(t)
		}
	}
	if err := syscall.Setuid(65534); err != nil {
		t.Fatal(err)
	}
	// otherwise /proc/self belongs to root
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	for _, a := range traceAttempts {
		if f := attach[a.name]; f != nil {
			fmt.Printf("%s => %v\n", a.name, outcome(f()))
		}
	}
}

func atLeast(major, minor int) bool {
	var a, b int
	fmt.Sscanf(testkit.KernelRelease(), "%d.%d", &a, &b)
	return a > major || a == major && b >= minor
}

// TestAttachWithoutPrivilegesChild is the process of TestAttachWithoutPrivileges.
func TestAttachWithoutPrivilegesChild(t *testing.T) {
	dir := os.Getenv("PUREBPF_NO_CAPABILITIES")
	if dir == "" || dir == "trace" {
		testkit.Skip(t, "part of TestAttachWithoutPrivileges, which runs it")
	}
	// Not testkit.Netns: without capabilities there is no way back. The thread ends with the test.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	deviceUp(t, "lo")
	cgroup := load(t, only(open(t, "cgroup"), "ingress", "sock_create"), nil)
	obj := load(t, only(open(t, "net"), "xdp_pass", "tc_first", "lookup", "dissector",
		"stream_verdict", "reuseport"), nil)
	var netfilter *bpf.Program
	if atLeast(6, 4) {
		netfilter = load(t, only(open(t, "net"), "nf_accept"), nil).Program("nf_accept")
	}
	// Another user has no capabilities, on any thread.
	if err := syscall.Setuid(65534); err != nil {
		t.Fatal(err)
	}
	// otherwise /proc/self belongs to root
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	say := func(name string, err error) { fmt.Printf("%s => %v\n", name, err) }
	say("cgroup link", outcome(cgroup.Program("ingress").AttachCgroup(dir, nil)))
	say("cgroup set", nolink.AddCgroup(cgroup.Program("ingress"), dir, nil))
	say("xdp netlink", second(nolink.SetXDP(obj.Program("xdp_pass"), "lo", nil)))
	// A loaded program may be attached elsewhere: only loading needed the capability.
	say("cgroup sock_create link", outcome(cgroup.Program("sock_create").AttachCgroup(dir, nil)))
	say("xdp link", outcome(obj.Program("xdp_pass").AttachXDP("lo", nil)))
	say("netns link", outcome(obj.Program("lookup").AttachNetns(kernel.ThreadNetns)))
	say("sockmap set", nolink.SetSockMap(obj.Program("stream_verdict"), obj.Map("sockets"), nil))
	say("reuseport", nolink.SetReuseport(obj.Program("reuseport"), rawConn(t, udpSocket(t, 0, true))))
	if atLeast(6, 6) {
		say("tcx link", outcome(obj.Program("tc_first").AttachTCX("lo", uapi.AttachTCXIngress,
			nil)))
	}
	if netfilter != nil {
		say("netfilter link",
			outcome(netfilter.AttachNetfilter(uapi.NetfilterIPv4, 0,
				&bpf.NetfilterOptions{Priority: 1})))
	}
	say("link by id", second(bpf.LinkFromID(1)))
	say("program by id", second(bpf.ProgramFromID(1)))
	say("map by id", second(bpf.MapFromID(1, 0)))
	say("flow dissector set", nolink.SetFlowDissector(obj.Program("dissector")))
}
