package preflight

import (
	"sort"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/btf/core"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// coreTarget returns the target of CO-RE relocations, nil if there is none.
func (c *checker) coreTarget() *core.Target {
	if c.opts.CustomBTF != nil {
		return core.NewTarget(c.opts.CustomBTF, nil)
	}
	s := c.k.vmlinux()
	if s == nil {
		return nil
	}
	return core.NewTarget(s, func() ([]*btf.Spec, error) {
		modules, err := c.k.Modules()
		if err != nil {
			return nil, err
		}
		specs := make([]*btf.Spec, len(modules))
		for i, m := range modules {
			specs[i] = m.BTF
		}
		return specs, nil
	})
}

// relocations resolves every CO-RE relocation of functions that would be loaded. One that fails
// does not hide the others.
func (c *checker) relocations() {
	o := c.loose
	if o.Ext == nil || o.BTF == nil || len(o.Ext.Core) == 0 {
		return
	}
	t := c.coreTarget()
	if t == nil {
		return // the missing BTF is a separate need
	}
	n := 0
	for i := range o.Ext.Core {
		n += o.Ext.Core[i].Count
	}
	all := make([]core.Relo, 0, n)
	c.eachRelocation(func(_ *object.Function, _ int, r core.Relo) { all = append(all, r) })
	t.Prefetch(o.BTF, all)
	x := t.NewResolver(o.BTF)
	c.findPlaces()
	c.r.Relocations = make([]Relocation, 0, len(all))
	words := wordsFactor*int(min(o.FileSize, 1<<32)) + wordsMore
	c.eachRelocation(func(f *object.Function, insn int, r core.Relo) {
		rel := Relocation{Function: f.Name, Insn: insn}
		if words > 0 {
			rel.Spec, rel.Source = core.Describe(o.BTF, r), c.source(f, insn)
		} else {
			rel.Spec = "<" + r.Kind.String() + "> [" + strconv.FormatUint(uint64(r.Type), 10) + "]"
		}
		c.judge(&rel, f, insn, x, r)
		if words -= len(rel.Spec) + len(rel.Source) + len(rel.Reason); words < 0 {
			rel.Reason = ""
		}
		c.r.Relocations = append(c.r.Relocations, rel)
	})
}

// The texts of all relocations together may take a multiple of the bytes of the object's file plus
// a constant: many may share long names. After that, relocations are described by the number of
// their type.
const (
	wordsFactor = 2
	wordsMore   = 128 << 10
	longestName = 128 // of a type or a file
)

func shortened(name string) string {
	if len(name) > longestName {
		return name[:longestName] + "..."
	}
	return name
}

// judge resolves one relocation and determines its effect on the programs that contain it.
func (c *checker) judge(rel *Relocation, f *object.Function, insn int, x *core.Resolver,
	r core.Relo) {
	users, placed, live := c.placed(f, insn)
	rel.Users = users
	if c.plan != nil && !placed {
		rel.State = Unused
		return
	}
	res, err := x.Resolve(r)
	if err == nil {
		// A copy of one or two instructions shows whether the instruction fits.
		code := append([]asm.Instruction(nil), f.Insns[insn:min(insn+2, len(f.Insns))]...)
		err = res.Patch(code, 0)
	}
	if err != nil {
		rel.State, rel.Reason = Failed, strings.TrimPrefix(err.Error(), "CO-RE "+rel.Spec+": ")
		return
	}
	rel.Local, rel.Value = res.LocalValue, res.Value
	switch {
	case res.Poisons(f.Insns[insn]):
		rel.State, rel.Reason = Missing, c.missing(r, res)
		if c.plan == nil {
			rel.Reason += "; whether a check guards it is not known"
		} else if !live {
			rel.State = Guarded
		}
	case !res.Found:
		rel.State, rel.Reason = Absent, c.missing(r, res)
	case res.Value != res.LocalValue && r.Kind != core.TypeIDTarget:
		rel.State, rel.Reason = Moved, strconv.FormatUint(res.LocalValue, 10)+" became "+
			strconv.FormatUint(res.Value, 10)
	case widened(res) && f.Insns[insn].Op.IsMemory():
		local, target := res.Widths()
		rel.State, rel.Reason = Moved, "field of "+strconv.FormatUint(local, 10)+" bytes has "+
			strconv.FormatUint(target, 10)
	}
}

func widened(res core.Result) bool {
	local, target := res.Widths()
	return local != target
}

// missing returns what the target lacks.
func (c *checker) missing(r core.Relo, res core.Result) string {
	t, _ := c.loose.BTF.Type(r.Type)
	name := strings.ToLower(t.Kind().String()) + " " + shortened(btf.EssentialName(t.Name()))
	if res.Found {
		local, target := res.Widths()
		return "the field has " + strconv.FormatUint(target, 10) + " bytes instead of " +
			strconv.FormatUint(local, 10) + ", and reading it so would change its value"
	}
	if res.Candidates == 0 {
		return "there is no " + name
	}
	switch r.Kind {
	case core.EnumvalExists, core.EnumvalValue:
		return name + " has no such enumerator"
	case core.TypeExists, core.TypeSize, core.TypeIDTarget:
		return name + " is of another kind"
	case core.TypeMatches:
		return name + " is different"
	}
	return name + " has no such field, or one of another type"
}

// places lists where a function was linked to.
type places struct {
	users  []string // programs
	starts []place
}

type place struct {
	start   int
	reached []bool // of the program
}

// findPlaces records where the functions were linked to.
func (c *checker) findPlaces() {
	c.places = make(map[*object.Function]*places)
	c.eachProgram(func(p *plan.Program, reached []bool) {
		for _, s := range p.Subprogs {
			at := c.places[s.Func]
			if at == nil {
				at = &places{}
				c.places[s.Func] = at
			}
			if n := len(at.users); n == 0 || at.users[n-1] != p.Spec.Name {
				at.users = append(at.users, p.Spec.Name)
			}
			at.starts = append(at.starts, place{s.Start, reached})
		}
	})
}

// placed returns the programs that a function was linked into; live reports whether the instruction
// can be reached in one of them.
func (c *checker) placed(f *object.Function, insn int) (users []string, placed, live bool) {
	at := c.places[f]
	if at == nil {
		return nil, false, false
	}
	for _, p := range at.starts {
		if i := p.start + insn; i < len(p.reached) && p.reached[i] {
			live = true
			break
		}
	}
	return at.users, true, live
}

// eachRelocation calls each for all CO-RE records that belong to a function, in the object's order.
func (c *checker) eachRelocation(each func(f *object.Function, insn int, r core.Relo)) {
	o := c.loose
	for i := range o.Ext.Core {
		e := &o.Ext.Core[i]
		funcs := c.functions(e.Name)
		for j := range e.Count {
			rel := e.CoreRelo(j)
			access, _ := o.BTF.Name(rel.AccessOff)
			off := uint64(rel.InsnOff)
			at := sort.Search(len(funcs), func(i int) bool {
				return funcs[i].Offset+8*uint64(len(funcs[i].Insns)) > off
			})
			if at < len(funcs) && off >= funcs[at].Offset {
				f := funcs[at]
				each(f, int((off-f.Offset)/8), core.Relo{Kind: core.Kind(rel.Kind), Type: rel.Type,
					Access: access})
			}
		}
	}
}

// functions returns the functions of a section that would be loaded, by offset.
func (c *checker) functions(section string) []*object.Function {
	list, known := c.bySection[section]
	if known {
		return list
	}
	for _, p := range c.loose.Programs {
		if p.Section == section && (p.Autoload || p.Type == uapi.ProgStructOps) {
			list = append(list, &p.Function)
		}
	}
	for _, f := range c.loose.Subprogs {
		if f.Section == section {
			list = append(list, f)
		}
	}
	if c.bySection == nil {
		c.bySection = make(map[string][]*object.Function)
	}
	c.bySection[section] = list
	return list
}

// source returns the source line of an instruction, "file.c:12", or "" if it is not known.
func (c *checker) source(f *object.Function, insn int) string {
	o := c.loose
	off := uint32(f.Offset) + 8*uint32(insn)
	for i := range o.Ext.Line {
		e := &o.Ext.Line[i]
		if e.Name != f.Section {
			continue
		}
		at := e.First(off + 1)
		if at == 0 {
			return ""
		}
		l := e.LineInfo(at - 1)
		if uint64(l.InsnOff) < f.Offset {
			return ""
		}
		file, _ := o.BTF.Name(l.FileNameOff)
		if k := strings.LastIndexByte(file, '/'); k >= 0 {
			file = file[k+1:]
		}
		return shortened(file) + ":" + strconv.FormatUint(uint64(l.Line()), 10)
	}
	return ""
}
