package preflight

import (
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// features adds needs for the features used by the object that kernels gained over time. Most are
// optional: the loader works around their absence.
func (c *checker) features() {
	o := c.o
	ask := func(f facts.Feature, user string, required bool) {
		n := c.need(NeedFeature, f.String(), user)
		n.Answer, n.Reason = c.k.feature(f)
		n.Optional = !required
		if n.Answer != facts.Yes {
			n.Reason += "; without it " + f.Without()
		}
	}
	for _, m := range o.Maps {
		switch {
		case !m.Autocreate:
		case m.Kind == object.MapStructOps:
			ask(facts.BTFLoad, m.Name, true)
		case m.Internal():
			ask(facts.GlobalData, m.Name, true)
			if m.Flags&uapi.FMmapable != 0 {
				ask(facts.ArrayMmap, m.Name, false)
			}
			if m.Kind == object.MapRodata {
				ask(facts.ProgBindMap, m.Name, false)
			}
		case m.Type == uapi.MapArena && len(o.ArenaData) > 0:
			ask(facts.LdImm64FullRangeOff, m.Name, false)
		}
	}
	for _, p := range o.Programs {
		if !p.Autoload || p.Def == nil {
			continue
		}
		switch p.Def.Auto {
		case object.AutoKprobe, object.AutoUprobe, object.AutoTracepoint:
			ask(facts.PerfLink, p.Name, false)
		case object.AutoKsyscall:
			ask(facts.PerfLink, p.Name, false)
			ask(facts.SyscallWrapper, p.Name, false)
		case object.AutoUSDT:
			ask(facts.UprobeMultiLink, p.Name, false)
			ask(facts.BPFCookie, p.Name, false)
		}
	}
	if o.BTF != nil {
		c.btfFeatures(ask)
	}
}

// btfFeatures asks for the BTF kinds in the object.
func (c *checker) btfFeatures(ask func(f facts.Feature, user string, required bool)) {
	var seen [facts.NumFeatures]bool
	see := func(f facts.Feature, when bool) {
		if when && !seen[f] {
			seen[f] = true
			ask(f, "", false)
		}
	}
	for t := range c.o.BTF.Types() {
		switch t.Kind() {
		case btf.KindFunc:
			see(facts.BTFFunc, true)
			see(facts.BTFGlobalFunc, t.Linkage() == btf.LinkageGlobal)
		case btf.KindDatasec:
			see(facts.BTFDatasec, true)
			see(facts.BTFQmarkDatasec, strings.HasPrefix(t.Name(), "?"))
		case btf.KindFloat:
			see(facts.BTFFloat, true)
		case btf.KindDeclTag:
			see(facts.BTFDeclTag, true)
			see(facts.ArgCtxTag, t.Name() == "arg:ctx")
		case btf.KindTypeTag:
			see(facts.BTFTypeTag, true)
		case btf.KindEnum64:
			see(facts.BTFEnum64, true)
		}
	}
}

// capabilities lists the capabilities that the loading process needs.
func (c *checker) capabilities() {
	ask := func(list []uapi.Capability, user string) {
		for _, cap := range list {
			n := c.need(NeedCapability, cap.String(), user)
			if c.opts.Capable == nil {
				n.Optional, n.Reason = true, "of the process that loads"
				continue
			}
			switch n.Answer = c.opts.Capable(cap); n.Answer {
			case facts.Yes:
				n.Reason = "this process has it"
			case facts.No:
				n.Reason = "this process lacks it"
			default:
				n.Reason = "it is not known whether this process has it"
			}
		}
	}
	for _, m := range c.o.Maps {
		if m.Autocreate {
			ask(uapi.MapCaps(m.Type), m.Name)
		}
	}
	for _, p := range c.o.Programs {
		if p.Autoload {
			ask(uapi.ProgCaps(p.Type), p.Name)
		}
	}
	for _, e := range c.o.Externs {
		if e.Kind == object.ExternKsym && e.KsymType == 0 {
			ask([]uapi.Capability{uapi.CapSyslog}, e.Name)
		}
	}
}
