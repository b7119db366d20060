package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
)

// hookExamples has each kind as a user writes it, with every option that it takes. The parts of
// each hook are written by hand.
var hookExamples = []struct{ text, target string }{
	{"auto", ""},
	{"xdp:eth0,mode=native,link=no", "eth0"},
	{"xdp-native:eth0,link=yes", "eth0"},
	{"xdp-generic:eth0,link=no", "eth0"},
	{"tcx-ingress:eth0,place=first,revision=3,link=no", "eth0"},
	{"tcx-egress:eth0,place=before:7,revision=3,link=no", "eth0"},
	{"netkit-primary:nk0,place=after-link:7,revision=3,link=no", "nk0"},
	{"netkit-peer:nk0,place=last,revision=3,link=no", "nk0"},
	{"tc-ingress:eth0,handle=0x1,priority=50", "eth0"},
	{"tc-egress:eth0,handle=1,priority=65535", "eth0"},
	{"netfilter:ip6,input,-100,defrag=yes", "ip6,input,-100"},
	{"lwt-in:10.0.0.0/8,dev=eth0,via=10.0.0.1,metric=5,headroom=0", "10.0.0.0/8"},
	{"lwt-out:fd00::/64,dev=eth0,via=fd00::1,metric=5,headroom=0", "fd00::/64"},
	{"lwt-xmit:10.0.0.0/8,dev=eth0,via=10.0.0.1,metric=5,headroom=64", "10.0.0.0/8"},
	{"lwt-seg6local:fd00::1/128,dev=eth0,via=fd00::2,metric=5,headroom=0", "fd00::1/128"},
	{
		"cgroup:/sys/fs/cgroup/a=b,c,type=cgroup_inet_egress,preorder=yes,place=after:9,revision=1,link=no,mode=override",
		"/sys/fs/cgroup/a=b,c",
	},
	{"netns:/run/netns/blue", "/run/netns/blue"},
	{"flow_dissector", ""},
	{"sockmap:sockets,type=sk_skb_verdict,link=no", "sockets"},
	{"lirc:/dev/lirc0", "/dev/lirc0"},
	{"kprobe:vfs_read+0x4,cookie=1,mode=legacy", "vfs_read+0x4"},
	{"kretprobe:vfs_read,cookie=1,mode=perf", "vfs_read"},
	{"kprobe.multi:tcp_*", "tcp_*"},
	{"kretprobe.multi:tcp_*", "tcp_*"},
	{"kprobe.session:tcp_*", "tcp_*"},
	{"ksyscall:getppid,cookie=1", "getppid"},
	{"kretsyscall:getppid,cookie=1", "getppid"},
	{"uprobe:/a:b/libc.so.6:malloc+4,pid=1,cookie=0xffffffffffffffff,refctr=8,mode=link",
		"/a:b/libc.so.6:malloc+4"},
	{"uretprobe:libc.so.6:malloc,pid=1,cookie=2,refctr=8,mode=default", "libc.so.6:malloc"},
	{"uprobe.multi:libc.so.6:mem*,pid=1", "libc.so.6:mem*"},
	{"uretprobe.multi:libc.so.6:mem*,pid=1", "libc.so.6:mem*"},
	{"uprobe.session:libc.so.6:mem*,pid=1", "libc.so.6:mem*"},
	{"usdt:libc.so.6:libc:setjmp,pid=1,cookie=2", "libc.so.6:libc:setjmp"},
	{"tp:sched/sched_switch,cookie=2", "sched/sched_switch"},
	{"raw_tp:sched_switch,cookie=2", "sched_switch"},
	{"perf:sched:sched_switch,pid=1,cookie=2,period=1000,frequency=0", "sched:sched_switch"},
	{"trace:vfs_read,cookie=2", "vfs_read"},
	{"trace", ""},
	{"trace.multi:veth:veth_*", "veth:veth_*"},
	{"lsm:file_open,cookie=2", "file_open"},
	{"lsm", ""},
	{"freplace:/sys/fs/bpf/program:part", "/sys/fs/bpf/program:part"},
	{"iter,map=numbers,cgroup=/sys/fs/cgroup,order=self,tid=0,pid=0", ""},
	{"struct_ops", ""},
}

func TestParseHook(t *testing.T) {
	shown := map[string]bool{}
	for _, x := range hookExamples {
		h, err := parseHook(x.text)
		if err != nil {
			t.Errorf("%s: %v", x.text, err)
			continue
		}
		if !strings.HasPrefix(x.text, h.kind.name) || h.target != x.target {
			t.Errorf("%s: kind %s, target %q", x.text, h.kind.name, h.target)
		}
		if h.kind.attach == nil && h.kind.set == nil || slices.Contains(h.kind.options, "link") &&
			(h.kind.attach == nil || h.kind.set == nil) {
			t.Errorf("%s can't be attached to as its options say", h.kind.name)
		}
		shown[h.kind.name] = true
		for _, option := range h.kind.options {
			if findOption(option) == nil {
				t.Errorf("%s takes %s, which is no option", h.kind.name, option)
			}
			if x.text != h.kind.name && !strings.Contains(x.text, ","+option+"=") {
				t.Errorf("%s has no example of %s", h.kind.name, option)
			}
		}
	}
	for _, k := range hookKinds() {
		if !shown[k.name] {
			t.Errorf("%s has no example", k.name)
		}
	}

	h, err := parseHook("uprobe:/bin/sh:main+0x10,pid=42,cookie=0x20,refctr=8")
	if err != nil || h.pid != 42 || h.cookie != 32 || h.refctr != 8 || !h.link {
		t.Errorf("options: %+v, %v", h, err)
	}
	h, err = parseHook("tcx-ingress:lo,link=no,revision=5")
	if err != nil || h.link || h.revision != 5 {
		t.Errorf("options: %+v, %v", h, err)
	}

	for text, says := range map[string]string{
		"":                                 "there is no hook",
		"xpd:eth0":                         `there is no hook "xpd"`,
		"xdp":                              "write xdp:IFACE",
		"xdp:":                             "write xdp:IFACE",
		"auto:x":                           "write auto",
		"lsm:":                             "write lsm[:HOOK]",
		"iter:task":                        "write iter",
		"tp:sched/sched_switch,pid=4":      "tp takes no pid",
		"uprobe:sh:main,pid=-4":            "pid=N: invalid syntax",
		"uprobe:sh:main,cookie=1e99":       "cookie=N: invalid syntax",
		"tc-ingress:lo,priority=65536":     "priority=N: value out of range",
		"xdp:lo,link=maybe":                "neither yes nor no",
		"cgroup:/,type=no_such":            `there is no attach type "no_such"`,
		"tcx-ingress:lo,place=under:4":     `"under:4" is no place`,
		"tcx-ingress:lo,place=before:four": `id "four": invalid syntax`,
		"iter,order=random":                `"random" is no order`,
		"lwt-in:10.0.0.0/8,via=here":       "unable to parse IP",
	} {
		if _, err := parseHook(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v doesn't say %q", text, err, says)
		}
	}
}

// Oracle: the names in the SEC() table, which are libbpf's. Some hook attaches every program, or
// the command says what runs it.
func TestByHand(t *testing.T) {
	var none []string
	for i := range object.SecTable {
		def := &object.SecTable[i]
		hook, why := byHand(def)
		if (hook == "") == (why == "") {
			t.Errorf("%s: %q, %q", def.Pattern, hook, why)
		}
		if hook == "" {
			none = append(none, def.Pattern)
			continue
		}
		kind, _, _ := strings.Cut(strings.Split(hook, "[")[0], ":")
		if findHook(kind) == nil {
			t.Errorf("%s: there is no hook %q", def.Pattern, hook)
		}
	}
	want := []string{
		"socket", "sk_reuseport/migrate", "sk_reuseport", "action", "syscall", "xdp.frags/devmap",
		"xdp/devmap", "xdp.frags/cpumap", "xdp/cpumap",
		"struct_ops+", "struct_ops.s+",
	}
	if diff := cmp.Diff(want, none); diff != "" {
		t.Errorf("attached by no hook (-want +got):\n%s", diff)
	}
	tc := "tcx-egress:IFACE"
	if v := kernel.Running().Version(); v != 0 && v < kernel.VersionCode(6, 6, 0) {
		tc = "tc-egress:IFACE"
	}
	for section, want := range map[string]string{
		"tc/egress": tc, "uprobe.s+": "uprobe:FILE:FUNC[+OFFSET]",
		"uretprobe.multi.s+": "uretprobe.multi:FILE:PATTERN", "raw_tracepoint.w+": "raw_tp:NAME",
		"fexit.s+": "trace[:FUNC]", "fentry.multi.s+": "trace.multi:[MODULE:]PATTERN",
		"sk_skb/stream_parser": "sockmap:MAP", "cgroup/dev": "cgroup:DIR", "xdp.frags": "xdp:IFACE",
		"lsm_cgroup+": "cgroup:DIR", "lsm.s+": "lsm[:HOOK]",
	} {
		i := slices.IndexFunc(object.SecTable, func(d object.SecDef) bool {
			return d.Pattern == section
		})
		if hook, _ := byHand(&object.SecTable[i]); hook != want {
			t.Errorf("%s: %q, want %q", section, hook, want)
		}
	}
}
