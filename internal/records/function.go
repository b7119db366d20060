package records

import (
	"slices"
	"sort"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/object"
)

// function is a function of the object, prepared for the analysis.
type function struct {
	f      *object.Function
	proto  btf.Type // FUNC_PROTO; void if there is none
	core   btf.ExtSection
	line   btf.ExtSection
	starts []int32 // first instructions of the basic blocks
	block  []int32 // of each instruction, the block that it starts, or -1
	loops  []bool  // by block: it may run again
	calls  []int32 // functions that it refers to
	emits  bool    // it, or what it calls, may output a record
}

// prepare lists the functions of the object: the programs, then the subprograms.
func (m *machine) prepare() {
	o := m.o
	for _, p := range o.Programs {
		m.funcs = append(m.funcs, function{f: &p.Function})
	}
	for _, f := range o.Subprogs {
		m.funcs = append(m.funcs, function{f: f})
	}
	for i := range m.funcs {
		f := &m.funcs[i]
		if o.Ext == nil || o.BTF == nil {
			continue
		}
		at := uint32(f.f.Offset)
		if x := section(o.Ext.Func, f.f.Section); x.Count > 0 {
			if j := x.First(at); j < x.Count && x.InsnOff(j) == at {
				if t, ok := o.BTF.Type(x.FuncInfo(j).Type); ok && t.Kind() == btf.KindFunc {
					if p, ok := o.BTF.Type(t.Ref()); ok && p.Kind() == btf.KindFuncProto {
						f.proto = p
					}
				}
			}
		}
		f.core = section(o.Ext.Core, f.f.Section)
		f.line = section(o.Ext.Line, f.f.Section)
	}
	m.findEmitters()
}

func section(list []btf.ExtSection, name string) btf.ExtSection {
	for _, s := range list {
		if s.Name == name {
			return s
		}
	}
	return btf.ExtSection{}
}

// findEmitters marks the functions from which a helper that outputs records can be reached.
func (m *machine) findEmitters() {
	for i := range m.funcs {
		f := &m.funcs[i]
		if m.steps += len(f.f.Insns); m.steps > maxSteps {
			m.stop("the programs have too many instructions")
			return
		}
		for j := 0; j < len(f.f.Insns); j++ {
			in := f.f.Insns[j]
			switch {
			case in.IsHelperCall():
				f.emits = f.emits || outputs(in.Imm)
			case in.IsLdImm64():
				if r := reloc(f.f, j); r != nil && r.Kind == object.RelocSubprogAddr {
					f.calls = append(f.calls, m.subprogram(r.SymValue+uint64(int64(in.Imm))))
				}
				j++
			case in.IsPseudoCall():
				f.calls = append(f.calls, m.callee(f.f, j))
			}
		}
	}
	for again, round := true, 0; again && round < maxDepth; round++ {
		again = false
		for i := range m.funcs {
			for _, c := range m.funcs[i].calls {
				if c >= 0 && m.funcs[c].emits && !m.funcs[i].emits {
					m.funcs[i].emits, again = true, true
				}
			}
		}
	}
}

// reloc returns the relocation of an instruction, nil if it has none.
func reloc(f *object.Function, insn int) *object.Reloc {
	i := sort.Search(len(f.Relocs), func(i int) bool { return f.Relocs[i].Insn >= insn })
	if i == len(f.Relocs) || f.Relocs[i].Insn != insn {
		return nil
	}
	return &f.Relocs[i]
}

// callee returns the function that an instruction calls, -1 if there is none.
func (m *machine) callee(f *object.Function, insn int) int32 {
	in := f.Insns[insn]
	r := reloc(f, insn)
	switch {
	case r == nil:
		return m.subprogram(f.Offset + uint64(int64(insn+1)+int64(in.Imm))*asm.Size)
	case r.Kind == object.RelocCall:
		return m.subprogram(r.SymValue + uint64(int64(in.Imm)+1)*asm.Size)
	}
	return -1
}

// subprogram returns the function that starts at an offset of .text, -1 if there is none.
func (m *machine) subprogram(off uint64) int32 {
	subs := m.o.Subprogs
	i := sort.Search(len(subs), func(i int) bool { return subs[i].Offset >= off })
	if i == len(subs) || subs[i].Offset != off {
		return -1
	}
	return int32(len(m.o.Programs) + i)
}

// divide finds the basic blocks of a function and puts them in an order in which, apart from loops,
// each comes after all that lead to it.
func (f *function) divide() {
	insns := f.f.Insns
	f.block = make([]int32, len(insns))
	mark := func(i int) {
		if i >= 0 && i < len(insns) {
			f.block[i] = 1
		}
	}
	mark(0)
	for i := 0; i < len(insns); i += insns[i].Slots() {
		in := insns[i]
		if d, ok := in.JumpDistance(); ok {
			mark(i + 1)
			mark(i + 1 + int(d))
		} else if in.IsExit() {
			mark(i + 1)
		}
	}
	f.order()
	for i := range f.block {
		f.block[i] = -1
	}
	for b, start := range f.starts {
		f.block[start] = int32(b)
	}
	f.findLoops()
}

// next returns the instructions that run after the basic block that starts at an instruction;
// there may be up to two.
func (f *function) next(start int) (to [2]int, n int) {
	insns := f.f.Insns
	for i := start; i < len(insns); i += insns[i].Slots() {
		in := insns[i]
		if i > start && f.block[i] > 0 {
			return [2]int{i}, 1
		}
		d, jumps := in.JumpDistance()
		switch {
		case in.Op == asm.OpGoto || in.Op == asm.OpGotol:
			return [2]int{i + 1 + int(d)}, 1
		case jumps:
			return [2]int{i + 1, i + 1 + int(d)}, 2
		case in.IsExit():
			return to, 0
		}
	}
	return to, 0
}

// order sets starts to the blocks that are reached, in reverse postorder. The blocks' first
// instructions are marked by 1 in block; those that have been visited become 2.
func (f *function) order() {
	type step struct{ start, done int }
	if len(f.block) == 0 {
		return
	}
	stack := []step{{start: 0}}
	f.block[0] = 2
	for len(stack) > 0 {
		s := &stack[len(stack)-1]
		to, n := f.next(s.start)
		if s.done == n {
			f.starts = append(f.starts, int32(s.start))
			stack = stack[:len(stack)-1]
			continue
		}
		t := to[s.done]
		s.done++
		if t >= 0 && t < len(f.block) && f.block[t] == 1 {
			f.block[t] = 2
			stack = append(stack, step{start: t})
		}
	}
	slices.Reverse(f.starts)
}

// findLoops marks the blocks that lie between a jump back, in the order of the blocks, and its
// target.
func (f *function) findLoops() {
	f.loops = make([]bool, len(f.starts))
	first := len(f.starts)
	for b := len(f.starts) - 1; b >= 0; b-- {
		to, n := f.next(int(f.starts[b]))
		for _, t := range to[:n] {
			if t >= 0 && t < len(f.block) && f.block[t] >= 0 {
				first = min(first, int(f.block[t]))
			}
		}
		f.loops[b] = first <= b
	}
}

// coreType returns the local type whose field an instruction accesses by a CO-RE relocation, 0 if
// it doesn't.
func (m *machine) coreType(f *function, insn int) btf.ID {
	if f.core.Count == 0 {
		return 0
	}
	at := uint32(f.f.Offset) + uint32(insn)*asm.Size
	i := f.core.First(at)
	if i == f.core.Count || f.core.InsnOff(i) != at {
		return 0
	}
	r := f.core.CoreRelo(i)
	access, _ := m.o.BTF.Name(r.AccessOff)
	if r.Kind != 0 || len(access) < 3 || access[:2] != "0:" { // 0 is a field's offset
		return 0
	}
	return r.Type
}
