package preflight

import (
	"slices"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/maprules"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// evidence is a part of a kernel's BTF that exists only if the kernel has the feature in question.
type evidence struct {
	kind btf.Kind // of the type
	name string   // of the type; "" for the unnamed enum that has the enumerator anchor
	part string   // member or enumerator
}

// anchor is the first enumerator of the enum of map flags, which has no name.
const anchor = "BPF_F_NO_PREALLOC"

// sleepFlag is where the kernel keeps BPF_F_SLEEPABLE of a program; it moved in 6.10.
var sleepFlag = [...]evidence{{btf.KindStruct, "bpf_prog_aux", "sleepable"},
	{btf.KindStruct, "bpf_prog", "sleepable"}}

// flag is a flag for loading a program or creating a map, with the evidence by which a kernel that
// is not running shows that it knows the flag.
type flag struct {
	name  string
	since string // first upstream kernel
	shown []evidence
}

func mapFlag(name, since string) flag {
	return flag{name, since, []evidence{{btf.KindEnum, "", name}}}
}

// programFlags are flags of BPF_PROG_LOAD. BPF_F_SLEEPABLE is in sleepables: not every program may
// have it.
var programFlags = [...]struct {
	bit uapi.ProgFlags
	flag
}{
	{uapi.FStrictAlignment, flag{"BPF_F_STRICT_ALIGNMENT", "4.12", nil}},
	{uapi.FAnyAlignment, flag{"BPF_F_ANY_ALIGNMENT", "5.0", nil}},
	{uapi.FTestRndHi32, flag{"BPF_F_TEST_RND_HI32", "5.3", nil}},
	{uapi.FTestStateFreq, flag{"BPF_F_TEST_STATE_FREQ", "5.4",
		[]evidence{{btf.KindStruct, "bpf_verifier_env", "test_state_freq"}}}},
	{uapi.FXDPHasFrags, flag{"BPF_F_XDP_HAS_FRAGS", "5.18",
		[]evidence{{btf.KindStruct, "bpf_prog_aux", "xdp_has_frags"}}}},
	{uapi.FXDPDevBoundOnly, flag{"BPF_F_XDP_DEV_BOUND_ONLY", "6.3",
		[]evidence{{btf.KindStruct, "bpf_prog_aux", "dev_bound"}}}},
	{uapi.FTestRegInvar, flag{"BPF_F_TEST_REG_INVARIANTS", "6.8",
		[]evidence{{btf.KindStruct, "bpf_verifier_env", "test_reg_invariants"}}}},
}

// sleepables are the programs that may sleep. The evidence for a kind is something that came in the
// same kernel. A row without a version is about something that no kernel up to 6.18 has; its
// evidence is something that every kernel with support must have.
var sleepables = [...]struct {
	typ     uapi.ProgType
	attach  []uapi.AttachType // nil: any
	since   string
	shown   []evidence
	targets bool // and only at some targets
}{
	{uapi.ProgTracing, []uapi.AttachType{uapi.AttachTraceFentry, uapi.AttachTraceFexit,
		uapi.AttachModifyReturn}, "5.10", sleepFlag[:], true},
	{uapi.ProgLSM, []uapi.AttachType{uapi.AttachLSMMac}, "5.10", sleepFlag[:], true},
	{uapi.ProgSyscall, nil, "5.14",
		[]evidence{{btf.KindEnum, "bpf_prog_type", "BPF_PROG_TYPE_SYSCALL"}}, false},
	{uapi.ProgTracing, []uapi.AttachType{uapi.AttachTraceIter}, "5.18",
		[]evidence{{btf.KindEnum, "bpf_func_id", "BPF_FUNC_copy_from_user_task"}}, false},
	{uapi.ProgKprobe, nil, "6.0",
		[]evidence{{btf.KindEnum, "bpf_func_id", "BPF_FUNC_tcp_raw_gen_syncookie_ipv4"}}, false},
	{uapi.ProgStructOps, nil, "6.3", []evidence{{btf.KindStruct, "bpf_prog_aux", "dev_bound"}},
		false},
	{uapi.ProgTracing, []uapi.AttachType{uapi.AttachTraceFsession, uapi.AttachTraceFentryMulti,
		uapi.AttachTraceFexitMulti,
		uapi.AttachTraceFsessionMulti}, "",
		[]evidence{{btf.KindEnum, "bpf_attach_type", "BPF_TRACE_FSESSION"}}, true},
	// see anyTracing
	{uapi.ProgTracing, []uapi.AttachType{uapi.AttachTraceRawTP}, "",
		[]evidence{{btf.KindEnum, "bpf_attach_type", "BPF_TRACE_FSESSION"}}, false},
	{uapi.ProgTracepoint, nil, "",
		[]evidence{{btf.KindEnum, "bpf_attach_type", "BPF_TRACE_FSESSION"}}, false},
	{uapi.ProgRawTracepoint, nil, "",
		[]evidence{{btf.KindEnum, "bpf_attach_type", "BPF_TRACE_FSESSION"}}, false},
}

// mapFlags are flags of BPF_MAP_CREATE.
var mapFlags = [...]struct {
	bit uapi.MapFlags
	flag
}{
	{uapi.FNoPrealloc, mapFlag("BPF_F_NO_PREALLOC", "4.6")},
	{uapi.FNoCommonLRU, mapFlag("BPF_F_NO_COMMON_LRU", "4.10")},
	{uapi.FNumaNode, mapFlag("BPF_F_NUMA_NODE", "4.14")},
	{uapi.FRdonly, mapFlag("BPF_F_RDONLY", "4.15")},
	{uapi.FWronly, mapFlag("BPF_F_WRONLY", "4.15")},
	{uapi.FStackBuildID, mapFlag("BPF_F_STACK_BUILD_ID", "4.17")},
	{uapi.FZeroSeed, mapFlag("BPF_F_ZERO_SEED", "5.0")},
	{uapi.FRdonlyProg, mapFlag("BPF_F_RDONLY_PROG", "5.2")},
	{uapi.FWronlyProg, mapFlag("BPF_F_WRONLY_PROG", "5.2")},
	{uapi.FClone, mapFlag("BPF_F_CLONE", "5.4")},
	{uapi.FMmapable, mapFlag("BPF_F_MMAPABLE", "5.5")},
	{uapi.FPreserveElems, mapFlag("BPF_F_PRESERVE_ELEMS", "5.10")},
	{uapi.FInnerMap, mapFlag("BPF_F_INNER_MAP", "5.10")},
	{uapi.FLink, mapFlag("BPF_F_LINK", "6.4")},
	{uapi.FSegvOnFault, mapFlag("BPF_F_SEGV_ON_FAULT", "6.9")},
	{uapi.FNoUserConv, mapFlag("BPF_F_NO_USER_CONV", "6.9")},
}

// Fields of BPF_MAP_CREATE and BPF_PROG_LOAD that not every kernel with BPF has.
var (
	fieldExtra = flag{"map_extra", "5.16",
		[]evidence{{btf.KindUnion, "bpf_attr", "map_extra"}}}
	fieldIfIndex = flag{"map_ifindex", "4.16",
		[]evidence{{btf.KindUnion, "bpf_attr", "map_ifindex"}}}
	fieldExclusive = flag{"excl_prog_hash", "6.18",
		[]evidence{{btf.KindUnion, "bpf_attr", "excl_prog_hash"}}}
	fieldDevice = flag{"prog_ifindex", "4.16",
		[]evidence{{btf.KindUnion, "bpf_attr", "prog_ifindex"}}}
)

// known answers from BTF, else by the version, whether a kernel knows a flag or field.
func (t *target) known(since string, shown []evidence) (facts.Answer, string) {
	told := false
	for _, e := range shown {
		has, asked := t.shows(e)
		if has {
			return facts.Yes, e.part + " is in the kernel's BTF"
		}
		told = told || asked
	}
	if told {
		return facts.No, sinceText(since) + "; no " + shown[0].part + " in the kernel's BTF"
	}
	switch v := t.Kernel.Version(); {
	case v == 0:
		return facts.Unknown, sinceText(since) + "; the kernel's version is not known"
	case facts.AtLeast(v, since):
		return facts.Yes, sinceText(since)
	}
	return facts.No, sinceText(since)
}

func sinceText(release string) string { return "since Linux " + release }

// shows looks for evidence; asked is false if the BTF cannot answer either way.
func (t *target) shows(e evidence) (has, asked bool) {
	s := t.vmlinux()
	if s == nil {
		return false, false
	}
	if e.name != "" {
		id, ok := s.FindByName(e.name, e.kind)
		if !ok {
			return false, false
		}
		typ, _ := s.Type(id)
		return facts.HasPart(s, typ, e.part), true
	}
	if t.flagEnum == 0 {
		t.flagEnum = findEnum(s, anchor)
	}
	typ, ok := s.Type(t.flagEnum)
	if !ok || t.flagEnum == noEnum {
		return false, false
	}
	return facts.HasPart(s, typ, e.part), true
}

// noEnum marks an enum that was looked for and not found.
const noEnum = ^btf.ID(0)

// findEnum returns the unnamed enum whose first enumerator is first.
func findEnum(s *btf.Spec, first string) btf.ID {
	for id := btf.ID(1); id < s.Len(); id++ {
		if t, ok := s.Type(id); ok && t.Kind().IsEnum() && t.NameOff() == 0 && t.Vlen() > 0 &&
			t.Enumerator(0).Name == first {
			return id
		}
	}
	return noEnum
}

// flags adds needs for the flags and fields with which programs and maps are loaded.
func (c *checker) flags() {
	for _, m := range c.o.Maps {
		if m.Autocreate {
			for ; m != nil; m = m.Inner {
				c.mapFlags(m)
			}
		}
	}
	c.eachProgram(func(p *plan.Program, _ []bool) {
		if p.Type != uapi.ProgUnspec {
			c.programFlags(p)
		}
	})
}

func (c *checker) programFlags(p *plan.Program) {
	kind := secKind(p.Spec)
	rest := p.Flags
	for i := range programFlags {
		f := &programFlags[i]
		if p.Flags&f.bit != 0 {
			c.flag(&f.flag, kind, p.Spec.Name)
			rest &^= f.bit
		}
	}
	if p.Flags&uapi.FSleepable != 0 {
		rest &^= uapi.FSleepable
		c.sleepable(p)
	}
	if rest != 0 {
		n := c.need(NeedFlag, "program flags 0b"+strconv.FormatUint(uint64(rest), 2), p.Spec.Name)
		n.Answer, n.Reason = facts.Unknown, "flags that are not known here"
	}
	if p.IfIndex != 0 {
		c.onDevice(c.flag(&fieldDevice, kind, p.Spec.Name))
	}
}

// secKind returns the part of a SEC() name that gives the kind of program: "tp.s".
func secKind(p *object.Program) string {
	kind, _, _ := strings.Cut(p.Sec, "/")
	return "SEC(\"" + kind + "\")"
}

// flag adds a need for a flag; where names what has it, such as a kind of program or map.
func (c *checker) flag(f *flag, where, user string) *Need {
	n := c.need(NeedFlag, f.name+" of "+where, user)
	if n.Reason == "" {
		n.Answer, n.Reason = c.k.known(f.since, f.shown)
	}
	return n
}

// sleepable answers whether a program of that kind and with that target may sleep.
func (c *checker) sleepable(p *plan.Program) {
	for i := range sleepables {
		row := &sleepables[i]
		if row.typ != p.Type || row.attach != nil &&
			!slices.Contains(row.attach, p.ExpectedAttachType) {
			continue
		}
		name := sleepableName(p)
		n := c.need(NeedFlag, name, p.Spec.Name)
		if n.Reason != "" {
			return
		}
		switch {
		case row.since == "" && p.ExpectedAttachType == uapi.AttachTraceRawTP &&
			p.Type == uapi.ProgTracing && c.anyTracing():
			n.Answer, n.Reason = facts.Yes, "kernels before 6.3 load it"
			return
		case row.since == "":
			n.Answer, n.Reason = c.newer(row.shown)
			return
		}
		n.Answer, n.Reason = c.k.known(row.since, row.shown)
		if n.Answer == facts.Yes && row.targets {
			n.Answer, n.Reason = c.sleepableTarget(p)
		}
		return
	}
	n := c.need(NeedFlag, "BPF_F_SLEEPABLE of "+secKind(p.Spec), p.Spec.Name)
	n.Answer, n.Reason = c.upTo618("programs of this type cannot sleep")
}

// anyTracing reports whether the kernel lets every tracing program sleep, as kernels did before 6.3
// brought sleeping to struct_ops and stricter checks.
func (c *checker) anyTracing() bool {
	yes, _ := c.k.known("5.10", sleepFlag[:])
	closer, _ := c.k.known("6.3", []evidence{{btf.KindStruct, "bpf_prog_aux", "dev_bound"}})
	return yes == facts.Yes && closer == facts.No
}

// sleepableName returns the name of the need, with the target if the answer depends on it.
func sleepableName(p *plan.Program) string {
	if p.AttachBTFID != 0 && p.Type != uapi.ProgStructOps &&
		p.ExpectedAttachType != uapi.AttachTraceIter &&
		p.ExpectedAttachType != uapi.AttachTraceRawTP {
		return "BPF_F_SLEEPABLE at " + p.Spec.Sec
	}
	return "BPF_F_SLEEPABLE of " + secKind(p.Spec)
}

// newer answers for programs that no kernel up to 6.18 allows to sleep.
func (c *checker) newer(shown []evidence) (facts.Answer, string) {
	const lack = "programs of this kind cannot sleep"
	for _, e := range shown {
		if has, asked := c.k.shows(e); asked && !has {
			return facts.No, lack
		}
	}
	return c.upTo618(lack)
}

// upTo618 returns no for the kernels that are known here and unknown for newer ones.
func (c *checker) upTo618(lack string) (facts.Answer, string) {
	if c.k.upTo618() {
		return facts.No, lack
	}
	return facts.Unknown, lack + " up to Linux 6.18; newer ones may"
}

// sleepableTarget answers whether the kernel lets programs sleep where p attaches. The kernel keeps
// lists of these places that are not in its BTF: functions with error injection, including all
// system calls, and LSM hooks that are called where sleeping is allowed.
func (c *checker) sleepableTarget(p *plan.Program) (facts.Answer, string) {
	if p.Type == uapi.ProgLSM {
		return facts.Unknown, "which LSM hooks may sleep is not in the kernel's BTF"
	}
	_, name, _ := strings.Cut(p.Spec.Sec, "/")
	set, known := c.option("CONFIG_FUNCTION_ERROR_INJECTION")
	call := false
	for _, prefix := range syscallPrefixes {
		call = call || strings.HasPrefix(name, prefix)
	}
	switch {
	case known && !set && p.ExpectedAttachType != uapi.AttachModifyReturn &&
		p.AttachModule == nil && call:
		return facts.No, "programs may sleep only in functions whose errors may be injected, and " +
			"CONFIG_FUNCTION_ERROR_INJECTION is not set"
	case known && set && call:
		return facts.Yes, "errors of system calls may be injected, so programs may sleep there"
	}
	return facts.Unknown, "in which functions programs may sleep is not in the kernel's BTF"
}

func (c *checker) mapFlags(m *object.Map) {
	flags := m.Flags
	if m.Kind == object.MapStructOps && m.StructOps != nil && m.StructOps.Link {
		flags |= uapi.FLink
	}
	where := m.Type.String()
	rest := flags
	for i := range mapFlags {
		f := &mapFlags[i]
		if flags&f.bit == 0 {
			continue
		}
		rest &^= f.bit
		n := c.flag(&f.flag, where, m.Name)
		takes, ruled := maprules.Takes(m.Type, f.bit, m.NumaNode)
		if f.bit == uapi.FLink {
			takes, ruled = m.Type == uapi.MapStructOps, true
		}
		if n.Answer == facts.Yes && ruled && !takes {
			n.Answer, n.Reason = c.upTo618(maprules.Name(m.Type) + " does not take it")
		}
		if f.bit == uapi.FNumaNode && n.Answer == facts.Yes &&
			m.NumaNode != 0 && m.NumaNode != maprules.AnyNode {
			n.Answer, n.Reason = facts.Unknown, "whether the machine has node "+
				strconv.FormatUint(uint64(m.NumaNode), 10)+" is not known"
		}
		if f.bit == uapi.FMmapable && m.Internal() {
			n.Optional = true // the feature has the reason
		}
	}
	if takes, ruled := maprules.Takes(m.Type, rest, m.NumaNode); rest != 0 && ruled && !takes {
		n := c.need(NeedFlag, maprules.FlagNames(rest)+" of "+where, m.Name)
		n.Answer, n.Reason = c.upTo618(maprules.Name(m.Type) + " does not take it")
	} else if rest != 0 {
		n := c.need(NeedFlag, maprules.FlagNames(rest)+" of "+where, m.Name)
		n.Answer, n.Reason = facts.Unknown, "flags that are not known here"
	}
	if m.Extra != 0 {
		c.flag(&fieldExtra, where, m.Name) // the value depends on the map's shape
	}
	if m.IfIndex != 0 {
		c.onDevice(c.flag(&fieldIfIndex, where, m.Name))
	}
	if m.ExclusiveTo != nil {
		c.flag(&fieldExclusive, where, m.Name)
	}
}

// onDevice weakens a yes, which also requires a network device and a driver that runs programs.
func (c *checker) onDevice(n *Need) {
	if n.Answer == facts.Yes {
		n.Answer, n.Reason = facts.Unknown,
			"whether the machine has the device and its driver takes programs and maps is not known"
	}
}
