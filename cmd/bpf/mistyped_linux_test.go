package main

import (
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// TestMistyped: the error about a name with swapped letters proposes the right name. The oracles
// are the compiler, ip and the kernel, which gave the names.
func TestMistyped(t *testing.T) {
	testkit.Root(t)
	testkit.Netns(t)
	testkit.Run(t, "ip", "link", "add", "name", "eth0", "type", "veth", "peer", "name", "eth1")
	testkit.Run(t, "ip", "link", "property", "add", "dev", "eth0", "altname", "a-long-name-of-eth0")
	const data = "../../testdata/"
	for _, x := range []struct {
		near string
		args []string
	}{
		{"pass", []string{"attach", data + "attach.bpf.o", "psas", "xdp:eth0"}},
		{"pass", []string{"run", data + "attach.bpf.o", "--attach", "psas=xdp:eth0"}},
		{"xdp", []string{"attach", data + "attach.bpf.o", "pass", "xpd:eth0"}},
		{"eth0", []string{"attach", data + "attach.bpf.o", "pass", "xdp:eht0"}},
		{"eth0", []string{"attach", data + "attach.bpf.o", "pass", "xdp:eht0,link=no"}},
		{"a-long-name-of-eth0",
			[]string{"attach", data + "attach.bpf.o", "pass", "xdp:a-logn-name-of-eth0"}},
		{"eth0", []string{"attach", data + "net.bpf.o", "tc_first", "tc-ingress:eht0"}},
		{"eth0", []string{"attach", data + "net.bpf.o", "lwt_in", "lwt-in:10.0.0.0/8,dev=eht0"}},
		{"eth0", []string{"run", "--iface", "eht0"}},
		{"eth0", []string{"detach", "xdp:eht0"}},
		{"mode", []string{"attach", data + "attach.bpf.o", "pass", "xdp:eth0,mdoe=generic"}},
		{"cookie", []string{"attach", data + "uprobe.bpf.o", "auto_entry",
			"uprobe:libc.so.6:malloc,cookei=3"}},
		{"libc.so.6", []string{"attach", data + "uprobe.bpf.o", "auto_entry",
			"uprobe:lbic.so.6:malloc"}},
		{"sockets", []string{"attach", data + "net.bpf.o", "stream_verdict", "sockmap:scokets"}},
		{"cgroup_inet_ingress",
			[]string{"attach", data + "cgroup.bpf.o", "either",
				"cgroup:/,type=cgroup_inet_ingerss"}},
		{"--iface", []string{"run", "--ifcae", "eth0"}},
		{"--strict", []string{"check", "--stritc"}},
	} {
		out, err := command(t, x.args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "near: "+x.near) {
			t.Errorf("%q: %v, %s doesn't propose %s", x.args, err, out, x.near)
		}
	}
}
