package plan

import (
	"errors"
	"sort"
	"strconv"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/btf/core"
	"github.com/purebpf/bpf/object"
)

// coreSection is one section of CO-RE records in .BTF.ext and the functions of the ELF section to
// which the records apply.
type coreSection struct {
	ext   *btf.ExtSection
	funcs []*function // ordered by offset
}

// coreRecord is one resolved CO-RE relocation.
type coreRecord struct {
	fn     *object.Function
	insn   int
	result core.Result
	poison bool
	err    error // with Options.KeepGoing: why it could not be resolved
}

// locateCore finds the functions to which each section of CO-RE records applies.
func (r *resolver) locateCore() error {
	o := r.o
	if o.Ext == nil || o.BTF == nil || len(o.Ext.Core) == 0 {
		return nil
	}
	r.coreSecs = make([]coreSection, len(o.Ext.Core))
	var programs sectionIndex
	for i := range o.Ext.Core {
		e := &o.Ext.Core[i]
		if e.Name == "" {
			return r.fail("BTF", ".BTF.ext", CodeInvalid, "CO-RE records of section "+
				strconv.Itoa(i)+" have no section name", nil)
		}
		r.coreSecs[i].ext = e
		r.coreSecs[i].funcs = r.functionsOf(e.Name, &programs)
	}
	return nil
}

// functionsOf returns the functions of the first ELF section of that name.
func (r *resolver) functionsOf(section string, programs *sectionIndex) (fs []*function) {
	if len(r.subs) > 0 && r.subs[0].f.Section == section {
		fs = make([]*function, len(r.subs))
		for i := range r.subs {
			fs[i] = &r.subs[i]
		}
		return fs
	}
	first := programs.find(section, len(r.progs), func(i int) string {
		return r.progs[i].f.Section
	})
	if first < 0 {
		return nil
	}
	for i := first; i < len(r.progs) && r.progs[i].f.SecIndex == r.progs[first].f.SecIndex; i++ {
		fs = append(fs, &r.progs[i])
	}
	return fs
}

// wantCore adds the names of the root types of all relocations that will be resolved against the
// kernel.
func (r *resolver) wantCore(w *wanted) {
	last := btf.ID(0)
	for _, s := range r.coreSecs {
		f := 0
		for i := range s.ext.Count {
			rel := s.ext.CoreRelo(i)
			if core.Kind(rel.Kind) == core.TypeIDLocal || rel.Type == last {
				continue
			}
			fn := s.at(&f, rel.InsnOff)
			if fn == nil || !fn.maybe {
				continue
			}
			last = rel.Type
			if t, ok := r.o.BTF.Type(rel.Type); ok && t.Name() != "" {
				w.add(t.Name(), t.Kind())
			}
		}
	}
}

// at returns the function that holds byte offset off of the section. *f is the position of the last
// result, since records are mostly in ascending order.
func (s *coreSection) at(f *int, off uint32) *function {
	holds := func(i int) bool {
		return i < len(s.funcs) && uint64(off) >= s.funcs[i].f.Offset &&
			uint64(off) < s.funcs[i].end()
	}
	if !holds(*f) {
		*f = sort.Search(len(s.funcs), func(i int) bool { return s.funcs[i].end() > uint64(off) })
	}
	if !holds(*f) {
		return nil
	}
	return s.funcs[*f]
}

func (f *function) end() uint64 { return f.f.Offset + uint64(len(f.f.Insns))*8 }

// relocateCore resolves the CO-RE relocations of every function that may be loaded and patches
// private copies of the code. It skips relocations in code that belongs to no function (an
// overridden weak one).
func (r *resolver) relocateCore() error {
	var res *core.Resolver
	for _, s := range r.coreSecs {
		f := 0
		for i := range s.ext.Count {
			rel := s.ext.CoreRelo(i)
			fn := s.at(&f, rel.InsnOff)
			if fn == nil || !fn.load {
				continue
			}
			if rel.InsnOff%8 != 0 {
				return r.failAt(fn, -1, CodeInvalid, "CO-RE record "+strconv.Itoa(i)+" is at byte "+
					strconv.FormatUint(uint64(rel.InsnOff), 10)+", between instructions", nil)
			}
			if res == nil {
				t, err := r.coreTarget()
				if err != nil {
					return r.tolerate(r.fail("", "", CodeNotFound,
						"CO-RE relocations need kernel BTF", err))
				}
				res = t.NewResolver(r.o.BTF)
				r.p.core = make([]coreRecord, 0, r.coreCount())
			}
			access, ok := r.o.BTF.Name(rel.AccessOff)
			insn := int((uint64(rel.InsnOff) - fn.f.Offset) / 8)
			if !ok {
				return r.failAt(fn, insn, CodeInvalid, "CO-RE record has no access string", nil)
			}
			relo := core.Relo{Kind: core.Kind(rel.Kind), Type: rel.Type, Access: access}
			out, err := res.Resolve(relo)
			if !fn.owned {
				if err := r.spend(fn.f.Name, 8*len(fn.code)); err != nil {
					return err
				}
			}
			code := fn.own()
			poison := err == nil && out.Poisons(code[insn])
			if err == nil {
				err = out.Patch(code, insn)
			}
			if err != nil {
				if err := r.tolerate(r.failAt(fn, insn, coreCode(err), "", err)); err != nil {
					return err
				}
				if r.budget.unsaid > 0 {
					err = errUnsaid
				}
				r.p.core = append(r.p.core, coreRecord{
					fn:     fn.f,
					insn:   insn,
					result: core.Result{Relo: relo},
					err:    err,
				})
				continue
			}
			if poison {
				fn.poisons = append(fn.poisons, len(r.p.core))
				if r.mayTell() {
					r.event(EventPoisoned, fn.f.Name, "instruction "+strconv.Itoa(insn)+
						": CO-RE relocation "+
						out.Spec()+" has no counterpart in this kernel")
				}
			}
			r.p.core = append(r.p.core, coreRecord{fn: fn.f, insn: insn, result: out,
				poison: poison})
		}
	}
	return nil
}

func (r *resolver) coreCount() int {
	n := 0
	for _, s := range r.coreSecs {
		if len(s.funcs) > 0 {
			n += s.ext.Count
		}
	}
	return n
}

// errUnsaid replaces errors that exceed the budget for texts.
var errUnsaid = errors.New("left out: too many such errors")

// coreCode returns the errno of a failed CO-RE relocation.
func coreCode(err error) Code {
	var e *core.Error
	if errors.As(err, &e) {
		return Code(e.Errno)
	}
	return CodeInvalid
}
