package feature

import (
	"os"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/kernel"
)

// setting is a sysctl that says how BPF is used.
type setting struct {
	key, path string
	texts     []string // by value
	unknown   string
}

var settings = [...]setting{
	{
		"unprivileged_bpf_disabled", "/proc/sys/kernel/unprivileged_bpf_disabled",
		[]string{
			"bpf() syscall for unprivileged users is enabled",
			"bpf() syscall restricted to privileged users (without recovery)",
			"bpf() syscall restricted to privileged users (admin can change)",
		},
		"bpf() restriction has unknown value",
	},
	{
		"bpf_jit_enable", "/proc/sys/net/core/bpf_jit_enable",
		[]string{
			"JIT compiler is disabled", "JIT compiler is enabled",
			"JIT compiler is enabled with debugging traces in kernel logs",
		},
		"JIT-compiler status has unknown value",
	},
	{
		"bpf_jit_harden", "/proc/sys/net/core/bpf_jit_harden",
		[]string{
			"JIT compiler hardening is disabled",
			"JIT compiler hardening is enabled for unprivileged users",
			"JIT compiler hardening is enabled for all users",
		},
		"JIT hardening status has unknown value",
	},
	{
		"bpf_jit_kallsyms", "/proc/sys/net/core/bpf_jit_kallsyms",
		[]string{
			"JIT compiler kallsyms exports are disabled",
			"JIT compiler kallsyms exports are enabled for root",
		},
		"JIT kallsyms exports status has unknown value",
	},
	{
		"bpf_jit_limit", "/proc/sys/net/core/bpf_jit_limit", nil,
		"Global memory limit for JIT compiler for unprivileged users is",
	},
}

// configOptions are the kernel's options that matter to BPF.
func configOptions() []string {
	return strings.Fields(`BPF BPF_SYSCALL HAVE_EBPF_JIT BPF_JIT BPF_JIT_ALWAYS_ON
DEBUG_INFO_BTF DEBUG_INFO_BTF_MODULES CGROUPS CGROUP_BPF CGROUP_NET_CLASSID SOCK_CGROUP_DATA
BPF_EVENTS KPROBE_EVENTS UPROBE_EVENTS TRACING FTRACE_SYSCALLS FUNCTION_ERROR_INJECTION
BPF_KPROBE_OVERRIDE NET XDP_SOCKETS LWTUNNEL_BPF NET_ACT_BPF NET_CLS_BPF NET_CLS_ACT
NET_SCH_INGRESS XFRM IP_ROUTE_CLASSID IPV6_SEG6_BPF BPF_LIRC_MODE2 BPF_STREAM_PARSER
NETFILTER_XT_MATCH_BPF TEST_BPF HZ`)
}

// system prints settings and configuration; as macros only what C code may need.
func (p *report) system(facts *kernel.Facts) {
	p.section("system_config", "Misc kernel config items", "Scanning system configuration...")
	config, err := facts.Kconfig()
	if err != nil {
		config = nil
	}
	text := string(config)
	if p.macros {
		if hz := value(text, "CONFIG_HZ"); hz != "" {
			p.r.Printf("#define %sCONFIG_HZ %s\n", p.prefix, hz)
		}
		return
	}
	for _, s := range settings {
		p.setting(&s)
	}
	if config == nil && p.r.JSON == nil {
		p.r.Printf("skipping kernel config, can't open file: %v\n", err)
	}
	for _, option := range configOptions() {
		option = "CONFIG_" + option
		v := value(text, option)
		switch {
		case p.r.JSON != nil:
			p.r.JSON.Key(option)
			if v == "" {
				p.r.JSON.Null()
			} else {
				p.r.JSON.String(v)
			}
		case config == nil:
		case v == "":
			p.r.Printf("%s is not set\n", option)
		default:
			p.r.Printf("%s is set to %s\n", option, v)
		}
	}
}

func (p *report) setting(s *setting) {
	n := int64(-1)
	if data, err := os.ReadFile(s.path); err == nil {
		if v, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil {
			n = v
		}
	}
	switch {
	case p.r.JSON != nil:
		p.r.JSON.IntKey(s.key, n)
	case n < 0:
		p.r.Printf("Unable to retrieve %s\n", s.key)
	case n < int64(len(s.texts)):
		p.r.Printf("%s\n", s.texts[n])
	case s.texts == nil:
		p.r.Printf("%s %d bytes\n", s.unknown, n)
	default:
		p.r.Printf("%s %d\n", s.unknown, n)
	}
}
