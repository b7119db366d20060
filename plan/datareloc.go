package plan

import (
	"strconv"
	"unsafe"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/object"
)

// A poisoned instruction calls one of these helper numbers. The verifier quotes the number if it
// can reach the instruction, and the difference from the base says which map or extern is missing.
// The numbers are libbpf's, so that tools which explain logs know them.
const (
	PoisonMapBase   = 2001000000 // + position in Object.Maps
	PoisonKfuncBase = 2002000000 // + position in Object.Externs
)

// The budget that each fix-up and each poison takes.
const (
	fixupSize  = int(unsafe.Sizeof(Fixup{}))
	poisonSize = int(unsafe.Sizeof(Poison{}))
)

// relocateData writes everything but file descriptors into p: map references, global data, kconfig,
// ksyms, kfuncs, jump tables. References to maps become Fixups.
func (r *resolver) relocateData(p *Program) error {
	fixups, poisons := 0, 0
	for _, s := range p.Subprogs {
		fixups += len(s.Func.Relocs)
		poisons += len(s.fn.poisons)
	}
	if fixups == 0 && poisons == 0 {
		return nil
	}
	if err := r.spend(p.Name, fixupSize*fixups+poisonSize*poisons); err != nil {
		return err
	}
	p.Fixups = make([]Fixup, 0, fixups)
	for i, s := range p.Subprogs {
		for _, at := range s.fn.poisons {
			c := &r.p.core[at]
			text := "CO-RE relocation"
			if r.mayTell() {
				text += " " + c.result.Spec()
				r.budget.words -= len(text)
			}
			p.poison(s.Start+c.insn, PoisonCORE, text, nil)
		}
		for j := range s.Func.Relocs {
			if err := r.relocate(p, i, &s.Func.Relocs[j]); err != nil {
				return err
			}
		}
	}
	if len(p.Fixups) == 0 {
		p.Fixups = nil
	}
	return nil
}

func (p *Program) poison(insn int, kind PoisonKind, text string, err error) {
	p.Poisons = append(p.Poisons, Poison{insn, kind, text, err})
}

// relocate applies one relocation of p's subprogram number sub.
func (r *resolver) relocate(p *Program, sub int, rl *object.Reloc) error {
	s := &p.Subprogs[sub]
	at := s.Start + rl.Insn
	if rl.Insn < 0 || rl.Insn >= len(s.fn.code) {
		return r.failAt(s.fn, rl.Insn, CodeRelocation, "relocation against "+rl.Symbol+
			" is outside of the function", nil)
	}
	in := &p.Insns[at]
	wide := rl.Kind != object.RelocCall && rl.Kind != object.RelocExternCall
	if wide && (in.Op != asm.OpLdImm64 || rl.Insn+1 >= len(s.fn.code)) {
		if in.Op == asm.OpCall {
			return nil // CO-RE has poisoned it
		}
		return r.failAt(s.fn, rl.Insn, CodeRelocation, "relocation against "+rl.Symbol+
			" needs a ld_imm64", nil)
	}
	switch rl.Kind {
	case object.RelocMap:
		m := r.mapOf(rl.Map)
		if m == nil || m.Skip {
			return r.poisonMap(p, at, rl.Map)
		}
		in.SetSrc(asm.PseudoMapFD)
		p.Fixups = append(p.Fixups, Fixup{Insn: at, Kind: FixMapFD, Map: m})
	case object.RelocData:
		m := r.mapOf(rl.Map)
		if m == nil || m.Skip {
			return r.poisonMap(p, at, rl.Map)
		}
		off := uint32(in.Imm) + uint32(rl.SymValue)
		if rl.Map == r.o.Arena {
			off += uint32(r.arenaOff)
		}
		r.mapValue(p, at, m, int32(off))
	case object.RelocExternLd64:
		return r.relocateExternLoad(p, s.fn, at, rl)
	case object.RelocExternCall:
		return r.relocateExternCall(p, s.fn, at, rl)
	case object.RelocInsnArray:
		m, err := r.jumpTable(p, sub, rl)
		if err != nil {
			return err
		}
		in.Off = 0
		in.SetSrc(asm.PseudoMapValue)
		p.Fixups = append(p.Fixups, Fixup{Insn: at, Kind: FixMapFD, Map: m})
	case object.RelocCall, object.RelocSubprogAddr: // already linked
	default:
		return r.failAt(s.fn, rl.Insn, CodeRelocation, "relocation of unknown kind "+
			strconv.Itoa(int(rl.Kind))+" against "+rl.Symbol, nil)
	}
	return nil
}

// mapValue makes the instruction at load the address of a byte of m's value.
func (r *resolver) mapValue(p *Program, at int, m *Map, off int32) {
	p.Insns[at].SetSrc(asm.PseudoMapValue)
	p.Insns[at].Imm, p.Insns[at+1].Imm = 0, off
	p.Fixups = append(p.Fixups, Fixup{Insn: at, Kind: FixMapFD, Map: m})
}

// poisonMap replaces both halves of a reference to a map that is not created.
func (r *resolver) poisonMap(p *Program, at int, m *object.Map) error {
	bad := asm.Instruction{Op: asm.OpCall, Imm: int32(PoisonMapBase + m.Index)}
	p.Insns[at], p.Insns[at+1] = bad, bad
	var err error
	if pm := r.mapOf(m); pm != nil {
		err = pm.Err
	}
	text := "map " + m.Name
	r.budget.words -= len(text)
	p.poison(at, PoisonMap, text, err)
	if r.mayTell() {
		r.event(EventPoisoned, p.Name, "instruction "+strconv.Itoa(at)+" uses map "+m.Name+
			", which is not created")
	}
	return nil
}

// relocateExternLoad writes the address or value of an extern: a byte of the .kconfig map, a typed
// ksym, or 64 bits of address.
func (r *resolver) relocateExternLoad(p *Program, f *function, at int, rl *object.Reloc) error {
	x := r.extern(rl.Extern)
	if x == nil {
		return r.failAt(f, rl.Insn, CodeRelocation, "relocation against extern "+rl.Symbol+
			", which the object does not list", nil)
	}
	if rl.Extern.Kind == object.ExternKconfig {
		m := r.kconfigAt
		if m == nil {
			return r.failAt(f, rl.Insn, CodeRelocation, "extern "+rl.Extern.Name+
				" has no .kconfig map", nil)
		}
		if m.Skip {
			return r.poisonMap(p, at, m.Spec)
		}
		r.mapValue(p, at, m, int32(rl.Extern.Offset))
		return nil
	}
	if rl.Extern.KsymType == 0 || !x.Found {
		asm.SetImm64(p.Insns[at:at+2], x.Value)
		return nil
	}
	in := p.Insns[at : at+2]
	in[0].SetSrc(asm.PseudoBTFID)
	in[0].Imm, in[1].Imm = int32(x.ID), 0
	if x.Module != nil {
		p.Fixups = append(p.Fixups, Fixup{Insn: at, Kind: FixModuleBTFFD, Module: x.Module})
	}
	return nil
}

// relocateExternCall writes a kfunc call, or poison if the kernel lacks a weak kfunc.
func (r *resolver) relocateExternCall(p *Program, f *function, at int, rl *object.Reloc) error {
	x := r.extern(rl.Extern)
	if x == nil {
		return r.failAt(f, rl.Insn, CodeRelocation, "call of extern "+rl.Symbol+
			", which the object does not list", nil)
	}
	in := &p.Insns[at]
	if !x.Found {
		*in = asm.Instruction{Op: asm.OpCall, Imm: int32(PoisonKfuncBase + rl.Extern.Index)}
		text := "kfunc "
		if r.mayTell() {
			text += rl.Extern.Name
			r.budget.words -= len(text)
			r.event(EventPoisoned, p.Name, "instruction "+strconv.Itoa(at)+" calls "+text+
				", which this kernel lacks")
		}
		p.poison(at, PoisonKfunc, text, r.unsearched)
		return nil
	}
	in.SetSrc(asm.CallKfunc)
	in.Imm, in.Off = int32(x.ID), x.fdSlot
	if x.Module != nil {
		p.Modules = r.fdArray
	}
	return nil
}
