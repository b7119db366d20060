package preflight

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/maprules"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// Options changes what is checked. With nil or the zero value an object is checked as it would be
// loaded.
type Options struct {
	Kconfig   string    // configuration text that overrides the kernel's
	CustomBTF *btf.Spec // CO-RE target instead of the kernel's BTF
	// Capable answers whether the process that will load the object has a capability. If it is nil,
	// capabilities are listed but not judged.
	Capable func(uapi.Capability) facts.Answer
}

// checker is one check of one object.
type checker struct {
	o      *object.Object // the object as given
	loose  *object.Object // a copy in which nothing that may be missing stops the planning
	k      *target
	opts   *Options
	r      *Report
	byName map[needKey]int // index into r.Needs

	plan    *plan.Plan // nil if even the loose copy cannot be planned
	planErr error
	reached [][]bool // by program of the plan

	triedPrograms map[facts.ProgramTrial]tried

	places    map[*object.Function]*places
	bySection map[string][]*object.Function // see functions
	hasNeed   map[needUser]bool             // used for needs with many users

	externUsers map[*object.Extern][]string // see usersOf

	rules  *maprules.Kernel // see shapeOf
	shapes map[maprules.Map]shape
}

type needKey struct {
	kind NeedKind
	name string
}

// Check reports what o needs from k and which of it k has. Programs that would not be loaded
// (autoload off) need nothing. Check makes no system calls of its own; if k is a Prober, k does.
// The object is not changed.
func Check(o *object.Object, k facts.Kernel, opts *Options) *Report {
	if opts == nil {
		opts = &Options{}
	}
	c := &checker{
		o: o, k: newTarget(k), opts: opts,
		r:      &Report{Object: o.Name, NotChecked: notChecked[:]},
		byName: make(map[needKey]int, 5*len(o.Maps)),

		triedPrograms: make(map[facts.ProgramTrial]tried),
	}
	c.byteOrder()
	c.programs()
	c.maps()
	c.makePlan()
	c.kernelBTF()
	c.externs()
	c.attachTargets()
	c.flags()
	c.trials()
	c.jumpTables()
	c.instructions()
	c.helpers()
	c.poisons()
	c.license()
	c.locks()
	c.relocations()
	c.features()
	c.capabilities()
	slices.SortStableFunc(c.r.Needs, func(a, b Need) int { return cmp.Compare(a.Kind, b.Kind) })
	c.failedPlan()
	c.r.verdict()
	return c.r
}

// need finds or adds a need and notes its user. The pointer is valid until the next need is added.
func (c *checker) need(kind NeedKind, name, user string) *Need {
	key := needKey{kind, name}
	i, ok := c.byName[key]
	if !ok {
		i = len(c.r.Needs)
		c.byName[key] = i
		c.r.Needs = append(c.r.Needs, Need{Kind: kind, Name: name})
	}
	n := &c.r.Needs[i]
	if user != "" && !c.uses(i, n.Users, user) {
		n.Users = append(n.Users, user)
	}
	return n
}

// needUser is a user of the need at an index.
type needUser struct {
	need int
	user string
}

// uses reports whether user is among the users of a need. If there are many users, it looks in a
// map.
func (c *checker) uses(need int, users []string, user string) bool {
	const few = 32
	if len(users) < few {
		return slices.Contains(users, user)
	}
	if c.hasNeed == nil {
		c.hasNeed = make(map[needUser]bool, len(c.o.Maps))
	}
	if len(users) == few {
		for _, u := range users {
			c.hasNeed[needUser{need, u}] = true
		}
	}
	key := needUser{need, user}
	known := c.hasNeed[key]
	c.hasNeed[key] = true
	return known
}

// programs adds needs for program and attach types.
func (c *checker) programs() {
	for _, p := range c.o.Programs {
		if !p.Autoload {
			if p.Type != uapi.ProgStructOps {
				c.r.Skipped = append(c.r.Skipped, p.Name)
			}
			continue
		}
		if p.Type == uapi.ProgUnspec {
			n := c.need(NeedProgType, "of SEC(\""+p.Sec+"\")", p.Name)
			n.Answer, n.Reason = facts.No, "the section name says no program type; set one"
			if near := object.NearSec(p.Sec); near != "" {
				n.Reason += "; " + near
			}
			continue
		}
		c.programType(p.Type, p.Name)
		if p.ExpectedAttachType == 0 || p.Type == uapi.ProgStructOps {
			continue
		}
		n := c.need(NeedAttachType, p.ExpectedAttachType.String(), p.Name)
		n.Attach = !slices.Contains(attachChecked[:], p.Type) && (n.Attach || n.Reason == "")
		n.Answer, n.Reason = c.k.enumerator("bpf_attach_type", "", uint32(p.ExpectedAttachType))
		if d := p.Def; d != nil && d.Flags&object.SecExpAttachOpt != 0 && n.Answer == facts.No {
			n.Optional, n.Reason = true, n.Reason+"; it is left out"
		}
	}
}

// attachChecked are the program types whose attach type the kernel checks at load. For others it
// checks it at attach.
var attachChecked = [...]uapi.ProgType{uapi.ProgTracing, uapi.ProgLSM, uapi.ProgExt,
	uapi.ProgSyscall, uapi.ProgCgroupSKB, uapi.ProgCgroupSock,
	uapi.ProgCgroupSockAddr, uapi.ProgCgroupSockOpt, uapi.ProgSKLookup, uapi.ProgSKReuseport,
	uapi.ProgNetfilter}

func (c *checker) programType(t uapi.ProgType, user string) {
	if n := c.need(NeedProgType, t.String(), user); n.Reason == "" {
		n.Answer, n.Reason = c.k.progType(t)
	}
}

// The analyses of all programs may take reachFactor times the bytes of the object's file, plus
// reachMore.
const (
	reachFactor = 9
	reachMore   = 384 << 10
)

// makePlan plans a copy of the object in which every extern is weak and no struct_ops type is
// missing.
func (c *checker) makePlan() {
	c.loose = c.o.Clone()
	for _, e := range c.loose.Externs {
		e.Weak = true
	}
	c.structOps()
	k := tolerant{c.k}
	c.plan, c.planErr = plan.Resolve(c.loose, k,
		&plan.Options{Kconfig: c.opts.Kconfig, CustomBTF: c.opts.CustomBTF, Foreign: true})
	if c.planErr != nil {
		c.plan = nil
		return
	}
	lazy, _ := c.k.feature(facts.ArgCtxTag) // added in the same release
	room := reachFactor*int(min(c.o.FileSize, 1<<32)) + reachMore
	c.reached = make([][]bool, len(c.plan.Programs))
	for i, p := range c.plan.Programs {
		c.reached[i] = reachable(p, c.o.Order, lazy == facts.Yes, &vagueness{
			image: c.vagueImage,
			load:  c.vagueLoads(p),
		}, &room)
	}
}

// structOps adds needs for the kernel's struct_ops types, and removes maps whose type is missing
// from the copy.
func (c *checker) structOps() {
	for i, m := range c.o.Maps {
		if m.Kind != object.MapStructOps || m.StructOps == nil || !m.Autocreate || c.o.BTF == nil {
			continue
		}
		t, _ := c.o.BTF.Type(m.StructOps.Type)
		name := btf.EssentialName(t.Name())
		n := c.need(NeedStructOps, name, m.Name)
		if s := c.k.vmlinux(); s == nil {
			n.Answer, n.Reason = facts.No, "the kernel has no BTF"
		} else {
			n.Answer, n.Reason = facts.No, "no struct bpf_struct_ops_"+name+
				" in the BTF of the kernel and its modules"
			if where, ok := c.findType("bpf_struct_ops_"+name, btf.KindStruct); ok {
				n.Answer, n.Reason = facts.Yes, "in the BTF of "+where
			}
		}
		if n.Answer != facts.Yes {
			c.loose.Maps[i].Autocreate = false
		}
		for _, s := range m.StructOps.Slots {
			if s.Program != nil {
				c.programType(s.Program.Type, s.Program.Name)
			}
		}
	}
}

// findType returns where a type is: in vmlinux or in a module's own BTF.
func (c *checker) findType(name string, kind btf.Kind) (where string, ok bool) {
	s := c.k.vmlinux()
	if s == nil {
		return "", false
	}
	if _, ok := s.FindByName(name, kind); ok {
		return "vmlinux", true
	}
	modules, err := c.k.Modules()
	if err != nil {
		return "", false
	}
	for _, m := range modules {
		if _, ok := m.BTF.FindOwn(name, kind); ok {
			return "module " + m.Name, true
		}
	}
	return "", false
}

// kernelBTF adds a need for kernel BTF if something needs it.
func (c *checker) kernelBTF() {
	user := func(name string) {
		n := c.need(NeedBTF, "vmlinux", name)
		if n.Answer, n.Reason = facts.Yes, "present"; c.k.vmlinux() == nil {
			n.Answer, n.Reason = facts.No, "CONFIG_DEBUG_INFO_BTF is not set"
			if err := c.k.specErr; err != nil {
				n.Reason = err.Error()
			}
		}
	}
	if c.o.Ext != nil && len(c.o.Ext.Core) > 0 && c.opts.CustomBTF == nil {
		user("CO-RE relocations")
	}
	for _, e := range c.o.Externs {
		if e.Kind == object.ExternKsym && e.KsymType != 0 {
			user(e.Name)
		}
	}
	for _, p := range c.o.Programs {
		if p.Autoload && p.Def != nil && p.Def.Flags&object.SecAttachBTF != 0 &&
			p.Type != uapi.ProgExt {
			user(p.Name)
		}
	}
	for _, m := range c.o.Maps {
		if m.Kind == object.MapStructOps && m.Autocreate {
			user(m.Name)
		}
	}
}

// failedPlan reports why nothing could be planned, unless that has been reported already.
func (c *checker) failedPlan() {
	if c.planErr == nil || c.r.Count(Failed) > 0 {
		return
	}
	for i := range c.r.Needs {
		if n := &c.r.Needs[i]; n.Answer == facts.No && n.Kind == NeedBTF {
			return
		}
	}
	c.r.Error = c.planErr.Error()
}

// eachProgram calls each for the programs of the plan, with the instructions that can be reached.
func (c *checker) eachProgram(each func(p *plan.Program, reached []bool)) {
	if c.plan == nil {
		return
	}
	for i, p := range c.plan.Programs {
		each(p, c.reached[i])
	}
}

// helperName returns a helper's name, or its number if the name is not known here.
func helperName(id uint32) string {
	if id < uint32(len(uapi.HelperNames)) && uapi.HelperNames[id] != "" {
		return uapi.HelperNames[id]
	}
	return "number " + strconv.FormatUint(uint64(id), 10)
}
