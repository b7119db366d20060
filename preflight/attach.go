package preflight

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/glob"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// hookOptions are the configuration options that the kernel needs to attach a kind of program.
var hookOptions = [...]struct {
	option string
	auto   object.AutoAttach // AutoNone: any
	types  []uapi.ProgType   // nil: any
}{
	{"CONFIG_KPROBES", object.AutoKprobe, nil},
	{"CONFIG_KPROBES", object.AutoKsyscall, nil},
	{"CONFIG_FPROBE", object.AutoKprobeMulti, nil},
	{"CONFIG_FPROBE", object.AutoKprobeSession, nil},
	{"CONFIG_UPROBES", object.AutoUprobe, nil},
	{"CONFIG_UPROBES", object.AutoUprobeMulti, nil},
	{"CONFIG_UPROBES", object.AutoUSDT, nil},
	{"CONFIG_EVENT_TRACING", object.AutoTracepoint, nil},
	{"CONFIG_BPF_LSM", object.AutoNone, []uapi.ProgType{uapi.ProgLSM}},
	{"CONFIG_PERF_EVENTS", object.AutoNone, []uapi.ProgType{uapi.ProgPerfEvent}},
	{"CONFIG_CGROUP_BPF", object.AutoNone, []uapi.ProgType{uapi.ProgCgroupSKB, uapi.ProgCgroupSock,
		uapi.ProgCgroupDevice,
		uapi.ProgCgroupSockAddr, uapi.ProgCgroupSysctl, uapi.ProgCgroupSockOpt, uapi.ProgSockOps}},
	{"CONFIG_BPF_LIRC_MODE2", object.AutoNone, []uapi.ProgType{uapi.ProgLIRCMode2}},
	{"CONFIG_LWTUNNEL_BPF", object.AutoNone, []uapi.ProgType{uapi.ProgLWTIn, uapi.ProgLWTOut,
		uapi.ProgLWTXmit}},
	{"CONFIG_IPV6_SEG6_BPF", object.AutoNone, []uapi.ProgType{uapi.ProgLWTSeg6Local}},
}

// hook is a program and the function or event that its SEC() names.
type hook struct {
	prog *object.Program
	name string
	auto object.AutoAttach
}

// attachTargets adds needs for the targets that programs attach to and for the configuration
// options of their hooks.
func (c *checker) attachTargets() {
	c.eachProgram(func(p *plan.Program, _ []bool) {
		switch {
		case p.Type == uapi.ProgUnspec || p.Type == uapi.ProgStructOps && c.lacksStructOps():
			// reported already
		case p.Spec.Def != nil && p.Spec.Def.Flags&object.SecAttachBTF != 0 || p.Err != nil:
			c.btfTarget(p)
		}
	})
	var hooks []hook
	for _, p := range c.o.Programs {
		if !p.Autoload || p.Def == nil {
			continue
		}
		c.hookOption(p)
		if _, name, ok := strings.Cut(p.Sec, "/"); ok && name != "" {
			hooks = append(hooks, hook{p, name, p.Def.Auto})
		}
	}
	symbols, err := c.symbols(hooks)
	for _, h := range hooks {
		var (
			a      facts.Answer
			reason string
		)
		switch h.auto {
		case object.AutoKprobe, object.AutoKsyscall:
			a, reason = c.function(h.symbols(), symbols, err)
		case object.AutoKprobeMulti, object.AutoKprobeSession:
			a, reason = c.functionGlob(h.name)
		case object.AutoTracingMulti:
			a, reason = c.traceableGlob(h.name)
		case object.AutoTracepoint:
			a, reason = c.tracepoint(h.name)
		case object.AutoRawTracepoint:
			a, reason = c.rawTracepoint(h.name)
		default:
			continue
		}
		n := c.need(NeedTarget, h.prog.Sec, h.prog.Name)
		if n.Reason == "" || n.Answer == facts.Yes { // else the program does not even load
			n.Attach, n.Answer, n.Reason = true, a, reason
		}
	}
}

// btfTarget reports whether the kernel has the type or function that a program is verified against.
// The plan has looked it up.
func (c *checker) btfTarget(p *plan.Program) {
	n := c.need(NeedTarget, p.Spec.Sec, p.Spec.Name)
	switch {
	case p.Spec.Type == uapi.ProgExt || p.Spec.AttachProgFD > 0:
		n.Answer, n.Reason = facts.Unknown, "attaches to another BPF program"
	case p.Err == nil:
		n.Answer, n.Reason = facts.Yes, p.Target
	case isNotFound(p.Err) || auto(p.Spec) == object.AutoTracingMulti:
		n.Answer, n.Reason = c.absent(reasonOf(p.Err))
	default:
		n.Answer, n.Reason = facts.No, reasonOf(p.Err)
	}
}

func isNotFound(err error) bool {
	e := new(plan.Error)
	return errors.As(err, &e) && e.Code == plan.CodeNotFound
}

// lacksStructOps reports whether a struct_ops type is missing, so that its programs have no map.
func (c *checker) lacksStructOps() bool {
	return slices.ContainsFunc(c.r.Needs, func(n Need) bool {
		return n.Kind == NeedStructOps && n.Answer != facts.Yes
	})
}

// auto returns how a program attaches by its SEC().
func auto(p *object.Program) object.AutoAttach {
	if p.Def == nil {
		return object.AutoNone
	}
	return p.Def.Auto
}

// reasonOf returns the reason in an error without the name of its subject.
func reasonOf(err error) string {
	if e := new(plan.Error); errors.As(err, &e) && e.Text != "" {
		return e.Text
	}
	return err.Error()
}

// absent returns the answer for something that neither vmlinux nor a module has. A recording
// without modules cannot rule it out.
func (c *checker) absent(reason string) (facts.Answer, string) {
	if modules, err := c.k.Modules(); c.k.prober == nil && err == nil && len(modules) == 0 {
		return facts.Unknown, reason + "; no modules are recorded, one may have it"
	}
	return facts.No, reason
}

// syscallPrefixes are the prefixes of the entry points of system calls, by architecture.
var syscallPrefixes = [...]string{"__x64_sys_", "__arm64_sys_", "__s390x_sys_", "__riscv_sys_",
	"__loongarch_sys_", "__ia32_sys_", "__se_sys_"}

// symbols returns the names of the functions, one of which the kernel must have.
func (h hook) symbols() []string {
	switch h.auto {
	case object.AutoKprobe:
		name, _, _ := strings.Cut(h.name, "+")
		return []string{name}
	case object.AutoKsyscall:
		return syscallSymbols(h.name)
	}
	return nil
}

func syscallSymbols(name string) []string {
	var list []string
	for _, prefix := range syscallPrefixes {
		list = append(list, prefix+name)
	}
	return list
}

// symbols looks up the functions of all hooks in one pass.
func (c *checker) symbols(hooks []hook) (map[string]uint64, error) {
	var names []string
	for _, h := range hooks {
		names = append(names, h.symbols()...)
	}
	if len(names) == 0 {
		return nil, nil
	}
	addrs, _, err := c.k.Ksyms(names)
	if errors.Is(err, facts.ErrHidden) {
		err = nil // only the names count
	}
	return addrs, err
}

// function answers whether the kernel has one of the functions: by its symbols, else by its BTF,
// which lacks some functions.
func (c *checker) function(names []string, symbols map[string]uint64, err error) (facts.Answer,
	string) {
	if err == nil {
		for _, name := range names {
			if _, ok := symbols[name]; ok {
				return facts.Yes, name + " is in kallsyms"
			}
		}
		return c.absent(names[0] + " is not in kallsyms")
	}
	for _, name := range names {
		if where, ok := c.findType(name, btf.KindFunc); ok {
			return facts.Yes, name + " is in the BTF of " + where
		}
	}
	return facts.Unknown,
		names[0] + " is not in the kernel's BTF, which does not have every function"
}

// functionGlob answers whether a function of the kernel or of a module matches a pattern.
func (c *checker) functionGlob(pattern string) (facts.Answer, string) {
	s := c.k.vmlinux()
	if s == nil {
		return facts.Unknown, "the kernel has no BTF"
	}
	specs := []*btf.Spec{s}
	if modules, err := c.k.Modules(); err == nil {
		for _, m := range modules {
			specs = append(specs, m.BTF)
		}
	}
	for _, s := range specs {
		if name, ok := matchFunction(s, pattern, anyFunction); ok {
			return facts.Yes, name + " is in the kernel's BTF"
		}
	}
	return facts.Unknown,
		"no function in the kernel's BTF matches, but it does not have every function"
}

// traceableGlob answers whether a function matches "[module:]pattern". With a module, only its own
// functions count, not those of vmlinux. Every function that can be traced through BTF is in BTF.
func (c *checker) traceableGlob(target string) (facts.Answer, string) {
	s := c.k.vmlinux()
	if s == nil {
		return facts.No, "the kernel has no BTF"
	}
	where, pattern, ok := strings.Cut(target, ":")
	if !ok {
		where, pattern = "vmlinux", target
	}
	if where == "" {
		where = "vmlinux"
	}
	if where != "vmlinux" {
		modules, err := c.k.Modules()
		if err != nil {
			return facts.Unknown, err.Error()
		}
		i := slices.IndexFunc(modules, func(m *facts.Module) bool { return m.Name == where })
		if i < 0 {
			return c.absent("no module " + where + " with BTF is loaded")
		}
		s = modules[i].BTF
	}
	if name, ok := matchFunction(s, pattern, facts.Traceable); ok {
		return facts.Yes, name + " is in the BTF of " + where
	}
	if name, ok := matchFunction(s, pattern, anyFunction); ok {
		return facts.No, name + " can't be traced, by its arguments or its result"
	}
	return facts.No, "no function of the BTF of " + where + " matches"
}

// matchFunction returns the first function among the types of s itself, without its base, that
// matches a pattern and fits.
func matchFunction(
	s *btf.Spec, pattern string, fits func(*btf.Spec, btf.Type) bool,
) (string, bool) {
	for t := range s.Types() {
		if t.Kind() == btf.KindFunc && glob.Match(pattern, t.Name()) && fits(s, t) {
			return t.Name(), true
		}
	}
	return "", false
}

func anyFunction(*btf.Spec, btf.Type) bool { return true }

// tracepoint answers whether the kernel has the trace event "category/event". Each trace event
// leaves a typedef in BTF; those of system calls are derived from the calls' functions.
func (c *checker) tracepoint(name string) (facts.Answer, string) {
	category, event, ok := strings.Cut(name, "/")
	if !ok {
		return facts.No, "a tracepoint is category/name"
	}
	if category != "syscalls" {
		return c.rawTracepoint(event)
	}
	call := strings.TrimPrefix(strings.TrimPrefix(event, "sys_enter_"), "sys_exit_")
	if set, known := c.option("CONFIG_FTRACE_SYSCALLS"); known && !set {
		return facts.No, "CONFIG_FTRACE_SYSCALLS is not set"
	}
	for _, symbol := range append(syscallSymbols(call), "sys_"+call, "ksys_"+call) {
		if where, ok := c.findType(symbol, btf.KindFunc); ok {
			return facts.Yes, symbol + " is in the BTF of " + where
		}
	}
	return facts.Unknown, "no entry point of system call " + call +
		" is in the kernel's BTF, which does not have every function"
}

// rawTracepoint answers whether the kernel has a tracepoint, by its typedef in BTF.
func (c *checker) rawTracepoint(name string) (facts.Answer, string) {
	if c.k.vmlinux() == nil {
		return facts.Unknown, "the kernel has no BTF"
	}
	if where, ok := c.findType("btf_trace_"+name, btf.KindTypedef); ok {
		return facts.Yes, "btf_trace_" + name + " is in the BTF of " + where
	}
	return c.absent("no btf_trace_" + name + " in the BTF of the kernel and its modules")
}

// hookOption adds a need for the configuration option of a program's hook if the configuration is
// known.
func (c *checker) hookOption(p *object.Program) {
	for i := range hookOptions {
		h := &hookOptions[i]
		if h.auto != object.AutoNone && h.auto != p.Def.Auto || h.types != nil &&
			!slices.Contains(h.types, p.Type) {
			continue
		}
		set, known := c.option(h.option)
		if !known {
			continue
		}
		n := c.need(NeedKconfig, h.option, p.Name)
		n.Attach, n.Answer, n.Reason = true, facts.Yes, "is set"
		if !set {
			n.Answer, n.Reason = facts.No, "is not set"
		}
	}
}

// option reports whether an option is set in the kernel's configuration; known is false if the
// configuration cannot be read.
func (c *checker) option(name string) (set, known bool) {
	text, err := c.k.kconfig()
	if err != nil {
		return false, false
	}
	line := append([]byte(name), '=')
	return bytes.HasPrefix(text, line) || bytes.Contains(text, append([]byte{'\n'}, line...)), true
}
