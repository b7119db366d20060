package plan

import (
	"strconv"
	"unsafe"

	"github.com/purebpf/bpf/asm"
)

// Linking of subprograms
//
// The kernel takes a program as one array of instructions. Functions of .text are therefore copied
// behind each entry program that reaches them: depth first, in order of the calls, each once. Calls
// then get the distance to the copy. CO-RE has already patched the copied code, and everything that
// refers to instruction positions (relocations, func_info, line_info, jump tables) is adjusted.

// linkPrograms builds the instructions of every program that is loaded.
func (r *resolver) linkPrograms() error {
	r.placeArena()
	n := 0
	r.planIndex = make([]int, len(r.progs))
	for i := range r.progs {
		r.planIndex[i] = -1
		if r.progs[i].load {
			n++
		} else {
			r.event(EventSkipped, r.o.Programs[i].Name, "autoload is off")
		}
	}
	if err := r.spend("", n*int(unsafe.Sizeof(Program{}))); err != nil {
		return err
	}
	r.p.Programs = make([]*Program, 0, n)
	block := make([]Program, n)
	for i := range r.progs {
		main := &r.progs[i]
		if !main.load {
			continue
		}
		r.planIndex[i] = len(r.p.Programs)
		p := &block[len(r.p.Programs)]
		p.Spec = r.o.Programs[i]
		p.Name = p.Spec.Name
		if err := r.link(p, main); err != nil {
			return err
		}
		r.p.Programs = append(r.p.Programs, p)
	}
	for _, p := range r.p.Programs {
		if err := r.relocateData(p); err != nil {
			return err
		}
	}
	return r.fixArgCtx()
}

// link places main and everything it reaches, then copies and connects the code.
func (r *resolver) link(p *Program, main *function) error {
	r.pass++
	if err := r.scan(main); err != nil {
		return err
	}
	cb, err := r.exceptionCallback(main)
	if err != nil {
		return err
	}
	if len(main.refs) == 0 && cb == nil {
		main.pass, main.place = r.pass, 0
		p.Subprogs = []Subprog{{Func: main.f, fn: main}}
		if main.owned {
			p.Insns = main.code
			main.owned = false // the next change makes another copy
		} else {
			if err := r.spend(p.Name, 8*len(main.code)); err != nil {
				return err
			}
			p.Insns = append(make([]asm.Instruction, 0, len(main.code)), main.code...)
		}
		return r.programInfo(p)
	}
	total := 0
	if err := r.placeFunc(p, main, &total); err != nil {
		return err
	}
	if cb != nil && cb.pass != r.pass {
		if err := r.placeFunc(p, cb, &total); err != nil {
			return err
		}
	}
	if r.linked += total; r.linked > maxLinked {
		return r.fail("program", p.Name, CodeTooBig, "with it all programs have more than "+
			strconv.Itoa(maxLinked)+" instructions", nil)
	}
	if err := r.spend(p.Name, 8*total); err != nil {
		return err
	}
	p.Insns = make([]asm.Instruction, 0, total)
	for _, s := range p.Subprogs {
		p.Insns = append(p.Insns, s.fn.code...)
	}
	for _, s := range p.Subprogs {
		for _, rf := range s.fn.refs {
			at := s.Start + rf.insn
			in := &p.Insns[at]
			if rf.addr {
				in.SetSrc(asm.PseudoFunc)
			}
			in.Imm = int32(rf.to.place - at - 1)
		}
	}
	return r.programInfo(p)
}

// placeFunc gives f the next free place, then does the same for everything f refers to, depth
// first.
func (r *resolver) placeFunc(p *Program, f *function, total *int) error {
	f.pass, f.place = r.pass, *total
	*total += len(f.code)
	if *total > maxInsns {
		return r.fail("program", p.Name, CodeTooBig, "with its subprograms it has more than "+
			strconv.Itoa(maxInsns)+" instructions", nil)
	}
	p.Subprogs = append(p.Subprogs, Subprog{Func: f.f, Start: f.place, fn: f})
	if err := r.scan(f); err != nil {
		return err
	}
	for _, rf := range f.refs {
		if rf.to.pass != r.pass {
			if err := r.placeFunc(p, rf.to, total); err != nil {
				return err
			}
		}
	}
	return nil
}

// These limits keep an object from making a plan arbitrarily larger than itself by many programs
// that call the same code.
const (
	maxInsns  = 1 << 21 // per program: no kernel accepts more than a million
	maxLinked = 1 << 24 // in all programs that call others
)
