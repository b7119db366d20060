package main

import (
	"slices"
	"strings"

	"github.com/purebpf/bpf"
)

// twins are two programs of different kinds at the same tracepoint or function. Many tools have
// both, so that their loader can choose the one that the kernel supports.
type twins struct{ first, second string }

// place returns the tracepoint or function that a section names, and the kind of program that
// attaches there; "" for other sections.
func place(section string) (at, kind string) {
	kind, target, _ := strings.Cut(section, "/")
	kind, _, _ = strings.Cut(kind, ".") // .s, .w
	switch kind {
	case "tp", "tracepoint":
		_, name, ok := strings.Cut(target, "/")
		if !ok {
			return "", ""
		}
		return "tracepoint " + name, "tp"
	case "raw_tp", "raw_tracepoint":
		return "tracepoint " + target, "raw_tp"
	case "tp_btf":
		return "tracepoint " + target, kind
	case "fentry", "kprobe":
		return "function " + target, kind
	case "fexit", "kretprobe":
		return "return of " + target, kind
	}
	return "", ""
}

// twinsOf finds twins among programs: those of BTF kinds come first.
func twinsOf(programs []*bpf.Program) (list []twins) {
	type named struct{ program, kind string }
	seen := map[string]named{}
	for _, p := range programs {
		at, kind := place(p.Section())
		other, ok := seen[at]
		switch {
		case at == "":
		case !ok:
			seen[at] = named{p.Name(), kind}
		case other.kind == kind:
		case kind == "tp_btf" || kind == "fentry" || kind == "fexit":
			list = append(list, twins{p.Name(), other.program})
		default:
			list = append(list, twins{other.program, p.Name()})
		}
	}
	return list
}

// tellTwins says which programs are twins, and what to type to leave one of each out.
func (r *runner) tellTwins(programs []*bpf.Program) {
	list := twinsOf(programs)
	if len(list) == 0 {
		return
	}
	var pairs, flags []string
	for _, t := range list {
		pairs = append(pairs, t.first+" and "+t.second)
		if flag := "--skip " + t.second; !slices.Contains(flags, flag) {
			flags = append(flags, flag)
		}
	}
	r.say("%s run at the same place: what both count is counted twice; %s leaves one of each out",
		strings.Join(pairs, ", "), strings.Join(flags, " "))
}
