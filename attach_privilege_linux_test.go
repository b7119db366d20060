package bpf

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/uapi"
)

// TestAttachWithoutPrivileges: attempts to attach by a process that has loaded its programs and then dropped all capabilities. The oracle
// is the kernel, which refuses those that take a capability of their own; the error names it. This test binary runs again as that process.
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
	for _, name := range []string{"cgroup link", "cgroup set", "cgroup query", "xdp netlink", "tc create", "tc destroy", "tc set", "tc detach", "tcx query"} {
		if name == "tcx query" && !atLeast(6, 6) {
			continue
		}
		text := said[name]
		words := "operation not permitted"
		if name == "cgroup set" {
			words = "invalid argument" // what the kernel says there
		}
		if !strings.Contains(text, words) || !strings.Contains(text, "CAP_NET_ADMIN") {
			t.Errorf("%s: %q", name, text)
		}
	}
	for _, name := range []string{"xdp query", "tc list", // anyone may ask
		"cgroup sock_create link", "xdp link", "netns link", "sockmap set", "reuseport", "tcx link", "netfilter link", "flow dissector set"} {
		if said[name] != "<nil>" && (atLeast(6, 6) || name != "tcx link" && name != "netfilter link") {
			t.Errorf("%s: %q", name, said[name])
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
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
	if dir == "" {
		testkit.Skip(t, "part of TestAttachWithoutPrivileges, which runs it")
	}
	// Not testkit.Netns: without capabilities there is no way back. The thread ends with the test.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	deviceUp(t, "lo")
	cgroup := load(t, only(open(t, "cgroup"), "ingress", "sock_create"), nil)
	obj := load(t, only(open(t, "net"), "xdp_pass", "tc_first", "lookup", "dissector", "stream_verdict", "reuseport"), nil)
	var netfilter *Program
	if atLeast(6, 4) {
		netfilter = load(t, only(open(t, "net"), "nf_accept"), nil).Program("nf_accept")
	}
	in := TCHook{Interface: "lo", Point: TCIngress}
	if err := in.Create(); err != nil {
		t.Fatal(err)
	}
	filter, err := obj.Program("tc_first").SetTC(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Another user has no capabilities, on any thread.
	if err := syscall.Setuid(65534); err != nil {
		t.Fatal(err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil { // else /proc/self is root's
		t.Fatal(err)
	}
	say := func(name string, err error) { fmt.Printf("%s => %v\n", name, err) }
	say("cgroup link", outcome(cgroup.Program("ingress").AttachCgroup(dir, nil)))
	say("cgroup set", cgroup.Program("ingress").SetCgroup(dir, nil))
	say("cgroup query", second(QueryCgroup(dir, 0, false)))
	say("xdp netlink", second(obj.Program("xdp_pass").SetXDP("lo", nil)))
	say("xdp query", second(QueryXDP("lo")))
	say("tc create", TCHook{Interface: "lo", Point: TCBoth}.Create())
	say("tc destroy", TCHook{Interface: "lo", Point: TCBoth}.Destroy())
	say("tc set", second(obj.Program("tc_first").SetTC(in, nil)))
	say("tc detach", filter.Detach())
	say("tc list", second(in.Filters()))
	say("tcx query", second(QueryInterface("lo", uapi.AttachTCXIngress)))
	// What is loaded may be attached elsewhere: loading took the capability.
	say("cgroup sock_create link", outcome(cgroup.Program("sock_create").AttachCgroup(dir, nil)))
	say("xdp link", outcome(obj.Program("xdp_pass").AttachXDP("lo", nil)))
	say("netns link", outcome(obj.Program("lookup").AttachNetns(ThreadNetns)))
	say("sockmap set", obj.Program("stream_verdict").SetSockMap(obj.Map("sockets")))
	say("reuseport", obj.Program("reuseport").SetReuseport(rawConn(t, udpSocket(t, 0, true))))
	if atLeast(6, 6) {
		say("tcx link", outcome(obj.Program("tc_first").AttachTCX("lo", uapi.AttachTCXIngress, nil)))
	}
	if netfilter != nil {
		say("netfilter link", outcome(netfilter.AttachNetfilter(&NetfilterOptions{Family: unix.NFPROTO_IPV4, Priority: 1})))
	}
	say("flow dissector set", obj.Program("dissector").SetFlowDissector())
}
