package records

import (
	"math"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/object"
)

// jump continues at both ends of a jump, with what its condition says.
func (x *run) jump(i int, in asm.Instruction, d int, s *state) {
	if in.Op == asm.OpGoto || in.Op == asm.OpGotol {
		x.reach(i+1+d, s)
		return
	}
	conditional := in.Op != asm.OpMayGoto && in.Op.Source() == asm.K && in.Dst() <= asm.RFP
	if !conditional {
		x.reach(i+1, s)
		x.reach(i+1+d, s)
		return
	}
	v := s.regs[in.Dst()]
	imm := uint64(int64(in.Imm))
	if in.Op.Class() == asm.ClassJMP32 {
		imm = uint64(uint32(in.Imm))
		if v.kind == scalar && v.hi > math.MaxUint32 {
			x.reach(i+1, s)
			x.reach(i+1+d, s)
			return
		}
	}
	if not, ok := refine(v, in.Op.JumpOp(), imm, false); ok {
		s.regs[in.Dst()] = not
		x.reach(i+1, s)
	}
	if yes, ok := refine(v, in.Op.JumpOp(), imm, true); ok {
		s.regs[in.Dst()] = yes
		x.reach(i+1+d, s)
	}
}

// step runs one instruction that doesn't jump.
func (x *run) step(i int, in asm.Instruction, s *state) {
	dst, src := in.Dst(), in.Src()
	if dst > asm.RFP {
		return
	}
	switch class := in.Op.Class(); {
	case in.IsLdImm64():
		s.regs[dst] = x.load64(i, in)
	case in.IsCall():
		x.call(i, in, s)
	case in.Op == asm.OpCallx:
		clobber(s)
	case class == asm.ClassLD: // a load from a packet
		clobber(s)
		s.regs[0] = ofWidth(4)
	case class == asm.ClassLDX:
		if src <= asm.RFP {
			s.regs[dst] = x.load(i, in, s)
		}
	case in.IsAtomic():
		x.atomic(i, in, s)
	case class == asm.ClassSTX:
		if src <= asm.RFP {
			x.store(i, in, s, s.regs[src])
		}
	case class == asm.ClassST:
		x.store(i, in, s, constant(uint64(int64(in.Imm))))
	case in.Op.IsALU():
		x.alu(i, in, s)
	}
}

func clobber(s *state) {
	for r := range 6 {
		s.regs[r] = value{}
	}
}

// load64 returns the value of a 64-bit immediate.
func (x *run) load64(i int, in asm.Instruction) value {
	m := x.m
	if i+1 >= len(x.f.f.Insns) {
		return value{}
	}
	imm := in.Imm64(x.f.f.Insns[i+1])
	r := reloc(x.f.f, i)
	switch {
	case r == nil && in.Src() == 0:
		return constant(imm)
	case r == nil:
	case r.Kind == object.RelocMap && r.Map != nil:
		return m.mapValue(r.Map)
	case r.Kind == object.RelocData && r.Map != nil:
		off := r.SymValue + uint64(int64(in.Imm))
		if off > math.MaxInt32 {
			return value{}
		}
		return pointerTo(m.region(regionKey{regionData, r.Map, 0, 0}, site{x.fn, int32(i)}),
			int32(off))
	case r.Kind == object.RelocSubprogAddr:
		if fn := m.subprogram(r.SymValue + uint64(int64(in.Imm))); fn >= 0 {
			return value{kind: funcRef, ref: fn}
		}
	}
	return value{}
}

// address returns the region and offset that an instruction accesses relative to a register.
func (x *run) address(i int, base value, off int16) (v value, ok bool) {
	if base.kind != pointer {
		return value{}, false
	}
	v = add(base, constant(uint64(int64(off))))
	return v, v.kind == pointer
}

func (x *run) load(i int, in asm.Instruction, s *state) value {
	width := in.Op.Size().Bytes()
	base := s.regs[in.Src()]
	x.typed(i, base, x.m.coreType(x.f, i), s)
	at, ok := x.address(i, base, in.Off)
	signed := in.Op.Mode() == asm.ModeMEMSX
	switch {
	case ok && base.flags&inner != 0 && width == 8:
		// A slot of a map of maps doesn't hold a pointer that programs can load.
		return value{}
	case !ok || at.flags&fixed == 0 || signed:
		v := ofWidth(width)
		if signed {
			v.hi = math.MaxUint64
		}
		return v
	}
	return x.m.read(s, at.ref, at.off, width)
}

func (x *run) store(i int, in asm.Instruction, s *state, v value) {
	base := s.regs[in.Dst()]
	x.typed(i, base, x.m.coreType(x.f, i), s)
	at, ok := x.address(i, base, in.Off)
	if !ok {
		return
	}
	width := in.Op.Size().Bytes()
	if width < 8 && v.isConst() {
		v.lo &= 1<<(8*width) - 1
		v.hi = v.lo
	}
	v.ref = keepRef(v)
	x.m.write(s, cellKey{region: at.ref, off: at.off, width: int32(width), kind: cellStore,
		varies: at.flags&fixed == 0, at: site{x.fn, int32(i)}}, v, 0)
}

// keepRef returns what of a value's ref is kept in memory: not a number's CO-RE type.
func keepRef(v value) int32 {
	if v.kind == scalar {
		return 0
	}
	return v.ref
}

func (x *run) atomic(i int, in asm.Instruction, s *state) {
	op := in.AtomicOp()
	if op == asm.LoadAcquire {
		s.regs[in.Dst()] = ofWidth(in.Op.Size().Bytes())
		return
	}
	v := number()
	x.store(i, in, s, v)
	switch {
	case op == asm.StoreRelease:
	case op == asm.AtomicCmpxchg:
		s.regs[0] = v
	case op&asm.AtomicFetch != 0 && in.Src() < asm.RFP:
		s.regs[in.Src()] = v
	}
}

// alu runs an arithmetic instruction.
func (x *run) alu(i int, in asm.Instruction, s *state) {
	dst := in.Dst()
	wide := in.Op.Class() == asm.ClassALU64
	op := in.Op.ALUOp()
	old := s.regs[dst]
	w := constant(uint64(int64(in.Imm)))
	if in.Op.Source() == asm.X && op != asm.End {
		if in.Src() > asm.RFP {
			return
		}
		w = s.regs[in.Src()]
	} else if op == asm.Mov || op == asm.Add {
		w.ref = int32(x.m.coreType(x.f, i))
	}
	if dst == asm.RFP {
		return
	}
	s.regs[dst] = x.result(i, in, op, wide, old, w, s)
}

func (x *run) result(i int, in asm.Instruction, op asm.ALUOp, wide bool, v, w value,
	s *state) value {
	switch {
	case op == asm.End:
		return between(0, width64(min(uint32(in.Imm), 64)))
	case op == asm.Mov && in.Off != 0: // sign extending, or a cast between address spaces
		return number()
	case op == asm.Mov && wide:
		return w
	case op == asm.Mov:
		return truncate(w)
	case op == asm.Add && wide:
		if v.kind == pointer {
			x.typed(i, v, w.localType(), s)
		} else if w.kind == pointer {
			x.typed(i, w, v.localType(), s)
		}
		return add(v, w)
	case op == asm.Sub && wide && w.isConst():
		w.lo = -w.lo
		w.hi = w.lo
		return add(v, w)
	case op == asm.Neg, in.Off != 0: // negation, signed division
		return number()
	}
	if !wide {
		v, w = truncate(v), truncate(w)
	}
	r := arithmetic(op, v, w, wide)
	if !wide {
		r = truncate(r)
	}
	if op == asm.And || op == asm.Or || op == asm.Xor {
		r.flags |= masked
	}
	return r
}
