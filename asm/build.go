package asm

// Constructors of instructions, for tests, probes and hand-written programs. They are named after
// the kernel's macros: Mov64Imm is BPF_MOV64_IMM.

// Alu64Imm returns the instruction dst op= imm on 64 bits (BPF_ALU64_IMM).
func Alu64Imm(op ALUOp, dst Register, imm int32) Instruction {
	return Instruction{Op: Opcode(ClassALU64) | Opcode(op), Regs: Regs(dst, 0), Imm: imm}
}

// Alu64Reg returns the instruction dst op= src on 64 bits (BPF_ALU64_REG).
func Alu64Reg(op ALUOp, dst, src Register) Instruction {
	return Instruction{Op: Opcode(ClassALU64) | Opcode(op) | Opcode(X), Regs: Regs(dst, src)}
}

// Alu32Imm returns the instruction dst op= imm on 32 bits; the upper half of dst becomes 0
// (BPF_ALU32_IMM).
func Alu32Imm(op ALUOp, dst Register, imm int32) Instruction {
	return Instruction{Op: Opcode(ClassALU) | Opcode(op), Regs: Regs(dst, 0), Imm: imm}
}

// Alu32Reg returns the instruction dst op= src on 32 bits; the upper half of dst becomes 0
// (BPF_ALU32_REG).
func Alu32Reg(op ALUOp, dst, src Register) Instruction {
	return Instruction{Op: Opcode(ClassALU) | Opcode(op) | Opcode(X), Regs: Regs(dst, src)}
}

// Mov64Imm returns the instruction dst = imm, sign extended (BPF_MOV64_IMM).
func Mov64Imm(dst Register, imm int32) Instruction { return Alu64Imm(Mov, dst, imm) }

// Mov64Reg returns the instruction dst = src (BPF_MOV64_REG).
func Mov64Reg(dst, src Register) Instruction { return Alu64Reg(Mov, dst, src) }

// Mov32Imm returns the instruction dst = imm on 32 bits (BPF_MOV32_IMM).
func Mov32Imm(dst Register, imm int32) Instruction { return Alu32Imm(Mov, dst, imm) }

// Mov32Reg returns the instruction dst = src on 32 bits (BPF_MOV32_REG).
func Mov32Reg(dst, src Register) Instruction { return Alu32Reg(Mov, dst, src) }

// LdxMem returns the instruction dst = *(size *)(src + off) (BPF_LDX_MEM).
func LdxMem(size MemSize, dst, src Register, off int16) Instruction {
	return Instruction{
		Op:   Opcode(ClassLDX) | Opcode(ModeMEM) | Opcode(size),
		Regs: Regs(dst, src),
		Off:  off,
	}
}

// StxMem returns the instruction *(size *)(dst + off) = src (BPF_STX_MEM).
func StxMem(size MemSize, dst, src Register, off int16) Instruction {
	return Instruction{
		Op:   Opcode(ClassSTX) | Opcode(ModeMEM) | Opcode(size),
		Regs: Regs(dst, src),
		Off:  off,
	}
}

// StMem returns the instruction *(size *)(dst + off) = imm (BPF_ST_MEM).
func StMem(size MemSize, dst Register, off int16, imm int32) Instruction {
	return Instruction{
		Op:   Opcode(ClassST) | Opcode(ModeMEM) | Opcode(size),
		Regs: Regs(dst, 0),
		Off:  off,
		Imm:  imm,
	}
}

// Atomic returns an atomic operation on *(size *)(dst + off) with src (BPF_ATOMIC_OP). For
// LoadAcquire the memory is src + off.
func Atomic(size MemSize, op AtomicOp, dst, src Register, off int16) Instruction {
	return Instruction{
		Op:   Opcode(ClassSTX) | Opcode(ModeAtomic) | Opcode(size),
		Regs: Regs(dst, src),
		Off:  off,
		Imm:  int32(op),
	}
}

// JmpImm returns the instruction "if dst op imm goto off", comparing 64 bits (BPF_JMP_IMM).
func JmpImm(op JumpOp, dst Register, imm int32, off int16) Instruction {
	return Instruction{Op: Opcode(ClassJMP) | Opcode(op), Regs: Regs(dst, 0), Off: off, Imm: imm}
}

// JmpReg returns the instruction "if dst op src goto off", comparing 64 bits (BPF_JMP_REG).
func JmpReg(op JumpOp, dst, src Register, off int16) Instruction {
	return Instruction{
		Op:   Opcode(ClassJMP) | Opcode(op) | Opcode(X),
		Regs: Regs(dst, src),
		Off:  off,
	}
}

// Jmp32Imm returns the instruction "if dst op imm goto off", comparing 32 bits (BPF_JMP32_IMM).
func Jmp32Imm(op JumpOp, dst Register, imm int32, off int16) Instruction {
	return Instruction{Op: Opcode(ClassJMP32) | Opcode(op), Regs: Regs(dst, 0), Off: off, Imm: imm}
}

// Jmp32Reg returns the instruction "if dst op src goto off", comparing 32 bits (BPF_JMP32_REG).
func Jmp32Reg(op JumpOp, dst, src Register, off int16) Instruction {
	return Instruction{
		Op:   Opcode(ClassJMP32) | Opcode(op) | Opcode(X),
		Regs: Regs(dst, src),
		Off:  off,
	}
}

// Goto returns a jump to the slot off slots past the next one (BPF_JMP_A).
func Goto(off int16) Instruction { return Instruction{Op: OpGoto, Off: off} }

// EmitCall returns a call of the helper with the given id (BPF_EMIT_CALL).
func EmitCall(id int32) Instruction { return Instruction{Op: OpCall, Imm: id} }

// CallRel returns a call of the subprogram off slots past the next slot (BPF_CALL_REL).
func CallRel(off int32) Instruction {
	return Instruction{Op: OpCall, Regs: Regs(0, CallSubprog), Imm: off}
}

// CallKfuncID returns a call of the kernel function with the given BTF id; off is the index of its
// module's BTF in fd_array, 0 for vmlinux.
func CallKfuncID(id int32, off int16) Instruction {
	return Instruction{Op: OpCall, Regs: Regs(0, CallKfunc), Off: off, Imm: id}
}

// ExitInsn returns the instruction exit, which returns R0 (BPF_EXIT_INSN).
func ExitInsn() Instruction { return Instruction{Op: OpExit} }

// LdImm64 returns the instruction dst = v (BPF_LD_IMM64), two slots.
func LdImm64(dst Register, v uint64) [2]Instruction {
	return ldImm64(dst, 0, uint32(v), uint32(v>>32))
}

// LdMapFD returns the instruction dst = the map behind fd (BPF_LD_MAP_FD), two slots.
func LdMapFD(dst Register, fd int) [2]Instruction {
	return ldImm64(dst, PseudoMapFD, uint32(fd), 0)
}

// LdMapValue returns the instruction dst = address of byte off in the value of key 0 of the map
// behind fd (BPF_LD_MAP_VALUE), two slots.
func LdMapValue(dst Register, fd int, off uint32) [2]Instruction {
	return ldImm64(dst, PseudoMapValue, uint32(fd), off)
}

// LdFunc returns the instruction dst = address of the subprogram off slots past the next slot, two
// slots.
func LdFunc(dst Register, off int32) [2]Instruction {
	return ldImm64(dst, PseudoFunc, uint32(off), 0)
}

func ldImm64(dst, src Register, lo, hi uint32) [2]Instruction {
	return [2]Instruction{{Op: OpLdImm64, Regs: Regs(dst, src), Imm: int32(lo)}, {Imm: int32(hi)}}
}
