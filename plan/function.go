package plan

import (
	"sort"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/object"
)

// function is the state of one function of the object during a resolution: an entry program or a
// subprogram of .text.
type function struct {
	f     *object.Function
	code  []asm.Instruction // as compiled; a copy once CO-RE patches it
	owned bool              // code is a copy
	load  bool              // to be loaded: an autoloaded program, or any subprogram
	maybe bool              // may still be loaded: struct_ops maps turn programs on
	sub   bool

	scanned   bool
	refs      []ref
	probeRead bool  // calls bpf_probe_read_{kernel,user}[_str]
	poisons   []int // into plan.core: instructions without a counterpart in the target

	// position in the program being linked, valid while pass equals the resolver's
	pass  int32
	place int

	funcInfo, lineInfo infoRange
}

// ref is an instruction that refers to a subprogram: a call or the address of a callback.
type ref struct {
	insn int
	to   *function
	addr bool
}

// own makes code a private copy.
func (f *function) own() []asm.Instruction {
	if !f.owned {
		f.code = append(make([]asm.Instruction, 0, len(f.code)), f.code...)
		f.owned = true
	}
	return f.code
}

// index finds the subprogram that holds an instruction of .text. Functions are ordered by offset
// and may leave gaps: the remains of a weak function that a static linker overrode belong to no
// function.
type index struct {
	starts []uint64 // first instruction of each
	ends   []uint64
}

func (x *index) build(fs []*object.Function) {
	if len(fs) == 0 {
		return
	}
	b := make([]uint64, 2*len(fs))
	x.starts, x.ends = b[:len(fs):len(fs)], b[len(fs):]
	for i, f := range fs {
		x.starts[i] = f.Offset / 8
		x.ends[i] = f.Offset/8 + uint64(len(f.Insns))
	}
}

// find returns the position of the function that holds instruction insn of the section, or -1 if
// there is none.
func (x *index) find(insn int64) int {
	if insn < 0 {
		return -1
	}
	i := sort.Search(len(x.starts), func(i int) bool { return x.starts[i] > uint64(insn) }) - 1
	if i < 0 || uint64(insn) >= x.ends[i] {
		return -1
	}
	return i
}

// isSubprogCall reports whether in calls a BPF function (BPF_PSEUDO_CALL).
func isSubprogCall(in asm.Instruction) bool {
	return in.Op == asm.OpCall && in.Regs == asm.Regs(0, asm.CallSubprog) && in.Off == 0
}

// isHelperCall reports whether in calls a kernel helper by number.
func isHelperCall(in asm.Instruction) bool { return in.Op == asm.OpCall && in.Regs == 0 }

// scan finds the instructions that refer to subprograms, once per function. There are three forms
// (section 4.3 of libbpf's relocation): a call with a relocation refers to symbol value/8 + imm + 1
// (a global callee has imm -1, a static one is counted from the start of .text); an address refers
// to (symbol value + imm)/8, in bytes; a call without a relocation stays within its own section and
// counts from the instruction after it.
func (r *resolver) scan(f *function) error {
	if f.scanned {
		return nil
	}
	f.scanned = true
	rel := f.f.Relocs
	next := 0
	for i := 0; i < len(f.code); i++ {
		in := f.code[i]
		if in.Op != asm.OpCall && in.Op != asm.OpLdImm64 {
			continue
		}
		for next < len(rel) && rel[next].Insn < i {
			next++
		}
		var rl *object.Reloc
		if next < len(rel) && rel[next].Insn == i {
			rl = &rel[next]
		}
		var target int64
		addr := false
		switch {
		case rl != nil && rl.Kind == object.RelocSubprogAddr && in.Op == asm.OpLdImm64:
			target = int64(rl.SymValue+uint64(int64(in.Imm))) / 8
			addr = true
		case isSubprogCall(in):
			switch {
			case rl == nil:
				target = int64(f.f.Offset/8) + int64(i) + int64(in.Imm) + 1
			case rl.Kind == object.RelocExternCall:
				continue
			case rl.Kind == object.RelocCall:
				target = int64(rl.SymValue/8) + int64(in.Imm) + 1
			default:
				return r.failAt(f, i, CodeRelocation, "a call with a relocation against "+rl.Symbol+
					", which is not a function", nil)
			}
		case in.Op == asm.OpLdImm64 && rl == nil && in.IsPseudoFunc():
			return r.failAt(f, i, CodeRelocation,
				"the address of a function without a relocation that says which", nil)
		default:
			if isHelperCall(in) && in.Imm >= helperProbeReadUser &&
				in.Imm <= helperProbeReadKernelStr {
				f.probeRead = true
			}
			if in.Op == asm.OpLdImm64 {
				i++
			}
			continue
		}
		at := r.text.find(target)
		if at < 0 {
			return r.failAt(f, i, CodeRelocation, "calls code outside of any function of .text",
				nil)
		}
		f.refs = append(f.refs, ref{i, &r.subs[at], addr})
		if addr {
			i++
		}
	}
	return nil
}
