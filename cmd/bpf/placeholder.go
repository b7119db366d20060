package main

import (
	"fmt"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
)

// placeholders returns the programs whose sections name a function dummy... that the kernel doesn't
// have: their object's own loader chooses the function. named are those of --attach.
func placeholders(o *object.Object, named func(*object.Program) bool) (list []*object.Program) {
	for _, p := range o.Programs {
		if !p.Autoload || named(p) || p.Def == nil {
			continue
		}
		_, function, _ := strings.Cut(p.Sec, "/")
		if p.Def.Auto == object.AutoTrace {
			function = p.AttachTarget
		} else if p.Def.Auto != object.AutoKprobe {
			continue
		}
		if strings.HasPrefix(function, "dummy") && !inKernel(p, function) {
			list = append(list, p)
		}
	}
	return list
}

// inKernel reports whether the kernel has a function, also if that can't be found out.
func inKernel(p *object.Program, function string) bool {
	if p.Def.Auto == object.AutoTrace {
		s, err := kernel.Running().BTF()
		if err != nil {
			return true
		}
		_, ok := s.FindByName(function, btf.KindFunc)
		return ok
	}
	addrs, _, err := kernel.Running().Ksyms([]string{function})
	_, ok := addrs[function]
	return ok || err != nil
}

// fillPlaceholders refuses programs that are for placeholders, or with --keep-going leaves them
// out.
func (r *runner) fillPlaceholders(o *object.Object, named func(*object.Program) bool) error {
	list := placeholders(o, named)
	if len(list) == 0 {
		return nil
	}
	var names, attach []string
	for _, p := range list {
		names = append(names, p.Name)
		hook, _ := byHand(p.Def)
		hook, _, _ = strings.Cut(strings.Replace(hook, "[", "", 1), ":")
		attach = append(attach, fmt.Sprintf("--attach %s=%s:FUNC", p.Name, hook))
	}
	if r.going {
		for _, p := range list {
			p.Autoload = false
			r.decided = append(r.decided, p.Name)
		}
		r.say("left out, since the object's own loader chooses their functions: %s",
			strings.Join(names, ", "))
		return nil
	}
	const most = 4
	more := ""
	if len(list) > most {
		more = fmt.Sprintf(" and %d more", len(list)-most)
		names, attach = names[:most], attach[:most]
	}
	return fmt.Errorf("%s: SEC(%q) is a placeholder: the object's own loader chooses the functions "+
		"of %s%s; name them (%s%s), or leave programs out (--skip %s)", o.Name, list[0].Sec,
		strings.Join(names, ", "), more, strings.Join(attach, " "), more, list[0].Name)
}
