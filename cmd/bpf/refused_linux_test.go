package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
)

// TestTaken: an interface that has an XDP program says by which link of which process or pin, and
// the command that it names frees the interface. The oracle is this process and its pins, and the
// kernel, which then attaches.
func TestTaken(t *testing.T) {
	testkit.Root(t)
	testkit.Netns(t)
	const data = "../../testdata/attach.bpf.o"
	testkit.Run(t, "ip", "link", "add", "name", "eth0", "type", "veth", "peer", "name", "eth1")
	o, err := bpf.Open(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	obj, err := bpf.Load(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	l, err := obj.Program("pass").AttachXDP("eth0", nil)
	if err != nil {
		t.Fatal(err)
	}
	info, err := l.Info()
	if err != nil {
		t.Fatal(err)
	}
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	held := fmt.Sprintf("xdp on eth0 is taken: program %d (pass) by link %d", info.ProgramID, info.ID)
	process := fmt.Sprintf(" of %s(%d)", strings.TrimSpace(string(comm)), os.Getpid())
	detach := fmt.Sprintf("; bpf detach %d detaches it", info.ID)
	taken := func(want string) {
		t.Helper()
		for _, args := range [][]string{
			{"attach", data, "pass", "xdp:eth0"}, {"attach", data, "pass", "xdp:eth0,link=no"},
			{"run", "--iface", "eth0"},
		} {
			if out, err := verb(args...); err == nil || err.Error() != want {
				t.Errorf("%q: %v, want %s\n%s", args, err, want, out)
			}
		}
	}
	taken(held + process + detach)
	pin := filepath.Join(testkit.BPFFS(t), "taken")
	if err := l.Pin(pin); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(pin)
	taken(held + process + ", pinned at " + pin + detach)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	taken(held + ", pinned at " + pin + detach)
	if out, err := verb("detach", fmt.Sprint(info.ID)); err != nil {
		t.Errorf("detach: %v\n%s", err, out)
	}
	if out, err := verb("run", "--iface", "eth0", "--for", "10ms"); err != nil {
		t.Errorf("after detach: %v\n%s", err, out)
	}
}

// TestRefused: what is mistyped is refused in one line, before anything is loaded, with what to
// write. The oracle is the text of the help.
func TestRefused(t *testing.T) {
	testkit.Root(t)
	testkit.Netns(t)
	dir := t.TempDir()
	source := filepath.Join(dir, "hello.bpf.c")
	if err := os.WriteFile(source, []byte("int x;\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	bad := testkit.Compile(t, `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("kprob/vfs_read") int section(void *ctx) { return 0; }
SEC("raw_tp/sys_entr") int tracepoint(void *ctx) { return 0; }
SEC("uretprobe/readline") int line(void *ctx) { return 0; }
SEC("raw_tp/sys_enter") int fine(void *ctx) { return 0; }
char _license[] SEC("license") = "GPL";
`)
	const data = "../../testdata/"
	says := func(want string, args ...string) {
		t.Helper()
		out, err := verb(args...)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(out, "attached") {
			t.Errorf("%q: %v, not %q\n%s", args, err, want, out)
		}
	}
	for _, args := range [][]string{{"run"}, {"check"}, {"plan"}, {"attach"}} {
		args = append(args, source)
		if args[0] == "attach" {
			args = append(args, "x", "xdp:lo")
		}
		says("hello.bpf.c is C source: compile it first: bpf gen "+source, args...)
	}
	says(`there is no option "mod"; near: mode; write xdp:IFACE[,mode=MODE][,link=yes|no]`,
		"attach", data+"attach.bpf.o", "pass", "xdp:lo,mod=generic")
	says(`there is no option "zzzz"; write xdp:IFACE`,
		"attach", data+"attach.bpf.o", "pass", "xdp:lo,zzzz=1")
	says(`there is no option "pidd"; near: pid; write uprobe:FILE:FUNC`,
		"run", data+"uprobe.bpf.o", "--attach", "auto_entry=uprobe:libc.so.6:malloc,pidd=1")
	says(`there is no option "typ"; near: type; write cgroup:DIR`,
		"attach", data+"cgroup.bpf.o", "either", "cgroup:/sys/fs/cgroup,typ=x")
	says("near: kprobe; --skip section leaves the program out", "run", bad)
	says("near: sys_enter); --attach tracepoint=raw_tp:NAME names another target, "+
		"--skip tracepoint leaves the program out", "run", bad, "--skip", "section")
	says("--attach line=uretprobe:FILE:readline, completes it", "run", bad, "--skip", "section",
		"--skip", "tracepoint")
	if out, err := verb("run", bad, "--keep-going", "--for", "10ms"); err != nil ||
		strings.Count(out, "left out: ") != 3 || !strings.Contains(out, "attached fine") {
		t.Errorf("--keep-going: %v\n%s", err, out)
	}
	// An interface may have such a name.
	testkit.Run(t, "ip", "link", "add", "name", "d,mod=x", "type", "veth", "peer", "name", "d1")
	if out, err := verb("attach", data+"attach.bpf.o", "pass", "xdp:d,mod=x", "--for",
		"1ms"); err != nil {
		t.Errorf("an interface d,mod=x: %v\n%s", err, out)
	}
}
