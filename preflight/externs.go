package preflight

import (
	"errors"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
)

// externs adds needs for configuration options, kernel symbols and kfuncs.
func (c *checker) externs() {
	for i, e := range c.o.Externs {
		kind := NeedKsym
		switch {
		case e.Kind == object.ExternKconfig:
			kind = NeedKconfig
		case e.Func:
			kind = NeedKfunc
		}
		n := c.need(kind, e.Name, "")
		n.Optional = e.Weak
		n.Answer, n.Reason = c.extern(e, i)
		n.Users = c.usersOf(c.loose.Externs[i])
		switch {
		case n.Answer == facts.Yes || !e.Weak:
		case c.found(i) && !e.Func && e.KsymType != 0:
			n.Optional = len(n.Users) == 0
			n.Reason += "; the verifier refuses that even if it is weak"
		default:
			n.Reason += "; it is weak and becomes 0"
		}
	}
}

// extern answers whether the kernel has extern e, number i.
func (c *checker) extern(e *object.Extern, i int) (facts.Answer, string) {
	if a, reason, vague := c.vague(e); vague {
		if strings.HasPrefix(e.Name, "LINUX_") {
			return facts.Yes, "its value is not known here: " + reason
		}
		return a, reason
	}
	if c.plan == nil || i >= len(c.plan.Externs) {
		return facts.Unknown, "the object could not be planned"
	}
	x := &c.plan.Externs[i]
	if !x.Found {
		switch {
		case e.Kind == object.ExternKconfig:
			return facts.No, "not in the configuration"
		case e.KsymType == 0:
			return facts.No, "not in kallsyms"
		case e.Func:
			return facts.No, "no function of that name and type in the BTF of the " +
				"kernel and its modules"
		}
		return facts.No, "no variable of that name in the BTF of the kernel and its modules"
	}
	where := "vmlinux"
	if x.Module != nil {
		where = "module " + x.Module.Name
	}
	switch {
	case e.Kind == object.ExternKconfig:
		return facts.Yes, kconfigText(x)
	case e.KsymType == 0:
		return facts.Yes, "in kallsyms"
	case e.Func && !c.isKfunc(x):
		return facts.No, "a function of " + where + " that is not a kfunc"
	case !e.Func && c.unlisted(e.Name):
		return facts.No, "in the BTF of " + where +
			", but its address is not in kallsyms (CONFIG_KALLSYMS_ALL)"
	}
	return facts.Yes, "in the BTF of " + where
}

// found reports whether the plan found extern number i in the kernel.
func (c *checker) found(i int) bool {
	return c.plan != nil && i < len(c.plan.Externs) && c.plan.Externs[i].Found
}

// unlisted reports whether the verifier will not find a variable's address.
func (c *checker) unlisted(name string) bool {
	addrs, _, err := c.k.Ksyms([]string{name})
	if err != nil && !errors.Is(err, facts.ErrHidden) {
		return false
	}
	_, ok := addrs[name]
	return !ok
}

// kconfigText returns an option's value in words.
func kconfigText(x *plan.Extern) string {
	if x.Text != "" {
		return "is " + strconv.Quote(x.Text)
	}
	return "is " + strconv.FormatUint(x.Value, 10)
}

// vague answers for an extern about which the facts of the kernel say nothing.
func (c *checker) vague(e *object.Extern) (a facts.Answer, reason string, vague bool) {
	switch {
	case e.Kind == object.ExternKconfig && e.Name == "LINUX_KERNEL_VERSION":
		if c.k.Version() == 0 {
			return facts.Unknown, "the kernel's version is not known", true
		}
	case e.Kind == object.ExternKconfig && e.Name == "LINUX_HAS_BPF_COOKIE":
		a, reason := c.k.feature(facts.BPFCookie)
		return a, reason, a == facts.Unknown
	case e.Kind == object.ExternKconfig && e.Name == "LINUX_HAS_SYSCALL_WRAPPER":
		a, reason := c.k.feature(facts.SyscallWrapper)
		return a, reason, a == facts.Unknown
	case e.Kind == object.ExternKconfig && strings.HasPrefix(e.Name, "CONFIG_"):
		if _, err := c.k.kconfig(); err != nil && c.opts.Kconfig == "" {
			a := facts.No
			if notRecorded(err) {
				a = facts.Unknown
			}
			return a, err.Error(), true
		}
	case e.Kind == object.ExternKsym && e.KsymType == 0:
		if err := c.k.ksymsError(e.Name); err != nil {
			a := facts.No
			if notRecorded(err) {
				a = facts.Unknown
			}
			return a, err.Error(), true
		}
		if _, _, err := c.k.Ksyms([]string{e.Name}); errors.Is(err, facts.ErrHidden) {
			if c.k.prober == nil {
				return facts.Unknown, err.Error(), true
			}
			return facts.No, err.Error(), true
		}
	}
	return 0, "", false
}

// isKfunc reports whether the BTF in which a function was found marks it as a kfunc. For BTF
// without any such marks (before 6.9) it returns true.
func (c *checker) isKfunc(x *plan.Extern) bool {
	s := c.k.vmlinux()
	if x.Module != nil {
		s = x.Module.BTF
	}
	marks := false
	for _, id := range s.Named("bpf_kfunc") {
		t, _ := s.Type(id)
		if t.Kind() != btf.KindDeclTag {
			continue
		}
		marks = true
		if t.Ref() == x.ID {
			return true
		}
	}
	return !marks
}

// usersOf returns the programs whose instructions refer to an extern.
func (c *checker) usersOf(e *object.Extern) []string {
	if c.externUsers != nil {
		return c.externUsers[e]
	}
	c.externUsers = make(map[*object.Extern][]string)
	c.eachProgram(func(p *plan.Program, _ []bool) {
		for _, s := range p.Subprogs {
			for _, rl := range s.Func.Relocs {
				if rl.Extern == nil {
					continue
				}
				users := c.externUsers[rl.Extern]
				if n := len(users); n == 0 || users[n-1] != p.Spec.Name {
					c.externUsers[rl.Extern] = append(users, p.Spec.Name)
				}
			}
		}
	})
	return c.externUsers[e]
}

// vagueImage reports whether bytes of a map's image depend on facts that are not known.
func (c *checker) vagueImage(m *plan.Map, off, size uint64) bool {
	if m.Spec == nil || m.Spec.Kind != object.MapKconfig {
		return false
	}
	for _, e := range c.o.Externs {
		if e.Kind != object.ExternKconfig || off >= uint64(e.Offset)+uint64(e.Size) ||
			uint64(e.Offset) >= off+size {
			continue
		}
		if _, _, vague := c.vague(e); vague {
			return true
		}
	}
	return false
}

// vagueLoads returns the ld_imm64 instructions of p whose value depends on facts that are not
// known.
func (c *checker) vagueLoads(p *plan.Program) map[int]bool {
	var loads map[int]bool
	for _, s := range p.Subprogs {
		for i := range s.Func.Relocs {
			rl := &s.Func.Relocs[i]
			if rl.Kind != object.RelocExternLd64 || rl.Extern == nil ||
				rl.Extern.Kind != object.ExternKsym {
				continue
			}
			if a, _, vague := c.vague(rl.Extern); vague && a == facts.Unknown {
				if loads == nil {
					loads = make(map[int]bool)
				}
				loads[s.Start+rl.Insn] = true
			}
		}
	}
	return loads
}
