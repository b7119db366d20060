package core

import (
	"math"

	"github.com/purebpf/bpf/asm"
)

// PoisonImm is the number of the helper that poisoned instructions call. No kernel has it; if a
// verifier log mentions it, an unresolved CO-RE relocation can be reached.
const PoisonImm = 195896080 // 0xbad2310

// poison returns the instruction that the verifier refuses if it is reachable.
func poison() asm.Instruction { return asm.EmitCall(PoisonImm) }

// Poisons reports whether Patch will poison this instruction: the target lacks the field or type,
// or the instruction is a load or store whose width cannot be adapted.
func (r Result) Poisons(insn asm.Instruction) bool {
	return r.Poison || r.badWidth && insn.Op.IsMemory()
}

// Widths returns the number of bytes of a load or store of the field in the object's types and in
// the target's; 0 where that does not apply.
func (r Result) Widths() (local, target uint64) { return r.oldSize, r.newSize }

// Patch writes the result into insns[i], an ALU operation with an immediate, a load, a store or a
// ld_imm64 (which takes two slots), or poisons it. The instruction must be one that the compiler
// made for this relocation: it holds LocalValue where compilers agree on it. libbpf:
// bpf_core_patch_insn.
func (r Result) Patch(insns []asm.Instruction, i int) error {
	if i < 0 || i >= len(insns) {
		return r.errorf(einval, "instruction %d is past the end", i)
	}
	wide := insns[i].IsLdImm64()
	if wide && i+1 >= len(insns) {
		return r.errorf(einval, "instruction %d is half a ld_imm64", i)
	}
	if r.Poison {
		poisonAt(insns, i, wide)
		return nil
	}
	insn := &insns[i]
	switch insn.Op.Class() {
	case asm.ClassALU, asm.ClassALU64:
		if insn.Op.Source() != asm.K {
			return r.errorf(einval, "instruction %d takes its operand from a register", i)
		}
		if r.strict && uint64(int64(insn.Imm)) != r.LocalValue {
			return r.mismatch(i, uint64(int64(insn.Imm)))
		}
		insn.Imm = int32(r.Value)
	case asm.ClassLDX, asm.ClassST, asm.ClassSTX:
		return r.patchMemory(insns, i)
	case asm.ClassLD:
		if !wide || insn.Src() != 0 || insn.Off != 0 || insns[i+1].Op != 0 ||
			insns[i+1].Regs != 0 || insns[i+1].Off != 0 {
			return r.errorf(einval, "instruction %d is not a plain ld_imm64", i)
		}
		if old := insn.Imm64(insns[i+1]); r.strict && old != r.LocalValue {
			return r.mismatch(i, old)
		}
		asm.SetImm64(insns[i:], r.Value)
	default:
		return r.errorf(einval, "instruction %d (opcode %#02x) cannot hold a CO-RE value",
			i, uint8(insn.Op))
	}
	return nil
}

func (r Result) patchMemory(insns []asm.Instruction, i int) error {
	insn := &insns[i]
	if r.strict && uint64(int64(insn.Off)) != r.LocalValue {
		return r.mismatch(i, uint64(int64(insn.Off)))
	}
	if r.Value > math.MaxInt16 {
		return r.errorf(erange, "offset %d does not fit instruction %d", r.Value, i)
	}
	if r.badWidth {
		poisonAt(insns, i, false)
		return nil
	}
	if r.oldSize != r.newSize {
		if w := insn.Op.Size().Bytes(); uint64(w) != r.oldSize {
			return r.errorf(einval, "instruction %d moves %d bytes, the field has %d",
				i, w, r.oldSize)
		}
		size, ok := asm.MemSizeOf(int(min(r.newSize, 1<<16)))
		if !ok {
			return r.errorf(einval, "instruction %d cannot move the %d bytes of the target's field",
				i, r.newSize)
		}
		insn.Op = insn.Op&^asm.Opcode(asm.DW) | asm.Opcode(size)
	}
	insn.Off = int16(r.Value)
	return nil
}

func poisonAt(insns []asm.Instruction, i int, wide bool) {
	insns[i] = poison()
	if wide {
		insns[i+1] = poison()
	}
}

func (r Result) mismatch(i int, have uint64) error {
	return r.errorf(einval, "instruction %d holds %d, the compiler should have put %d there",
		i, int64(have), int64(r.LocalValue))
}

func (r Result) errorf(errno int, format string, args ...any) error {
	err := errorf(errno, format, args...).(*Error)
	err.Spec = r.Spec()
	return err
}
