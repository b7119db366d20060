// Package asm is the BPF instruction set: instructions as the raw 8 bytes that the compiler wrote,
// typed views of them, and the text that llvm-objdump prints. It changes only the bits that it is
// asked to change, makes no system call and builds on every OS.
package asm

// Forms of instructions and where their operands are. "dst" and "src" are the two nibbles of Regs,
// "off" is Off, "imm" is Imm, "imm2" is Imm of the second slot. Bits that a line does not name are
// reserved: they are zero today, and this package keeps them.
//
//	form                      class        op/mode      operands               text
//	ALU, register             ALU64, ALU   op|X         dst, src               r1 += r2, w1 += w2
//	ALU, immediate            ALU64, ALU   op|K         dst, imm (sign ext.)   r1 += 0x5
//	  signed division         ALU64, ALU   DIV, MOD     off = 1                r1 s/= r2, r1 s%= 0x5
//	  negation                ALU64, ALU   NEG|K        dst                    r1 = -r1
//	  move, sign extending    ALU64, ALU   MOV|X        off = 8, 16 (32)       r1 = (s8)r2
//	  address space cast      ALU64        MOV|X        off = 1, imm = to<<16 | from
//	                                                                           r1 = addr_space_cast(r2, 0x0, 0x1)
//	  per-CPU address         ALU64        MOV|X        off = -1: made by the verifier only
//	  byte order              ALU          END|K, END|X imm = 16, 32, 64       r1 = le16 r1 (K), r1 = be16 r1 (X)
//	  byte swap               ALU64        END|K        imm = 16, 32, 64       r1 = bswap16 r1
//	jump                      JMP          JA|K         off                    goto +0x5
//	jump, long                JMP32        JA|K         imm                    gotol +0x12345
//	jump, indirect            JMP          JA|X         dst                    gotox r1
//	jump, conditional         JMP, JMP32   op|X         dst, src, off          if r1 == r2 goto +0x5
//	                          JMP, JMP32   op|K         dst, imm, off          if w1 == 0x1 goto +0x5
//	may_goto                  JMP          JCOND|K      src = 0, off           may_goto +0x5
//	call of a helper          JMP          CALL|K       src = 0, imm = id      call 0x10
//	call of a subprogram      JMP          CALL|K       src = 1, imm = distance from the next slot, in slots
//	                                                                           call -0x1
//	call of a kfunc           JMP          CALL|K       src = 2, imm = BTF id, off = index into fd_array, 0: vmlinux
//	call through a register   JMP          CALL|X       dst                    callx r1
//	return                    JMP          EXIT|K                              exit
//	load                      LDX          MEM|size     dst, src + off         r1 = *(u32 *)(r2 + 0x4)
//	load, sign extending      LDX          MEMSX|size   dst, src + off         r1 = *(s32 *)(r2 + 0x4)
//	store                     STX          MEM|size     dst + off, src         *(u32 *)(r1 + 0x4) = r2
//	store, immediate          ST           MEM|size     dst + off, imm         *(u32 *)(r1 + 0x4) = 0x5
//	atomic                    STX          ATOMIC|W,DW  dst + off, src, imm = AtomicOp
//	  add, or, and, xor                                 imm = op               lock *(u64 *)(r1 + 0x0) += r2
//	  the same, fetching                                imm = op|1             r2 = atomic_fetch_add((u64 *)(r1 + 0x0), r2)
//	  exchange                                          imm = 0xe1             r2 = xchg_64(r1 + 0x0, r2)
//	  compare and exchange                              imm = 0xf1             r0 = cmpxchg_64(r1 + 0x0, r0, r2)
//	load-acquire              STX          ATOMIC|size  dst, src + off, imm = 0x100
//	                                                                           r1 = load_acquire((u64 *)(r2 + 0x0))
//	store-release             STX          ATOMIC|size  dst + off, src, imm = 0x110
//	                                                                           store_release((u64 *)(r1 + 0x0), r2)
//	packet load (classic BPF) LD           ABS|B,H,W    imm; r6 holds the skb  r0 = *(u16 *)skb[0xc]
//	                          LD           IND|B,H,W    src                    r0 = *(u16 *)skb[r2]
//	64-bit immediate          LD           IMM|DW       two slots; dst, value = imm2<<32 | imm; the second slot's other bits are 0
//	  a number                                          src = 0                r1 = 0x100000000 ll
//	  a map                                             src = 1 (fd), 5 (index into fd_array)
//	  a byte of a map's value                           src = 2 (fd), 6 (index); imm2 = offset
//	  a kernel variable                                 src = 3; imm = BTF id, imm2 = fd of a module's BTF, 0: vmlinux
//	  a subprogram's address                            src = 4; imm = distance from the next slot, in slots
//	                                                    src != 0               ld_pseudo	r1, 0x2, 0x0
//
// Distances of jumps count 8-byte slots from the instruction's end, as the kernel counts them.

// Instruction is one 8-byte BPF instruction slot with all of its bits. The fields are host
// integers; Regs always holds the destination in its low nibble and the source in its high nibble,
// in either byte order. ld_imm64 takes two slots.
type Instruction struct {
	Op   Opcode
	Regs Registers
	Off  int16
	Imm  int32
}

// Size is the length of one instruction slot in bytes.
const Size = 8

// Dst returns the destination register.
func (i Instruction) Dst() Register { return i.Regs.Dst() }

// Src returns the source register. In ld_imm64 and calls it is a Pseudo or Call constant, which
// gives the meaning of the immediate.
func (i Instruction) Src() Register { return i.Regs.Src() }

// SetDst replaces the destination register.
func (i *Instruction) SetDst(r Register) { i.Regs = i.Regs&0xf0 | Registers(r&0xf) }

// SetSrc replaces the source register.
func (i *Instruction) SetSrc(r Register) { i.Regs = i.Regs&0x0f | Registers(r&0xf)<<4 }

// IsLdImm64 reports whether i is the first slot of a two-slot 64-bit load.
func (i Instruction) IsLdImm64() bool { return i.Op == OpLdImm64 }

// Slots returns the number of slots that i takes: 2 for ld_imm64, else 1.
func (i Instruction) Slots() int {
	if i.Op == OpLdImm64 {
		return 2
	}
	return 1
}

// IsCall reports whether i calls a helper, a kfunc or a subprogram. A call through a register
// (callx) does not count.
func (i Instruction) IsCall() bool { return i.Op == OpCall }

// IsHelperCall reports whether i calls the helper whose id is Imm.
func (i Instruction) IsHelperCall() bool { return i.Op == OpCall && i.Src() == CallHelper }

// IsPseudoCall reports whether i calls a subprogram (BPF_PSEUDO_CALL).
func (i Instruction) IsPseudoCall() bool { return i.Op == OpCall && i.Src() == CallSubprog }

// IsKfuncCall reports whether i calls a kernel function by BTF id (BPF_PSEUDO_KFUNC_CALL).
func (i Instruction) IsKfuncCall() bool { return i.Op == OpCall && i.Src() == CallKfunc }

// IsPseudoFunc reports whether i is the first slot of a load of a subprogram's address
// (BPF_PSEUDO_FUNC).
func (i Instruction) IsPseudoFunc() bool { return i.Op == OpLdImm64 && i.Src() == PseudoFunc }

// IsExit reports whether i is an exit.
func (i Instruction) IsExit() bool { return i.Op == OpExit }

// IsAtomic reports whether i is an atomic operation, load-acquire and store-release included.
func (i Instruction) IsAtomic() bool {
	return i.Op.Class() == ClassSTX && i.Op.Mode() == ModeAtomic
}

// AtomicOp returns the operation of an atomic instruction.
func (i Instruction) AtomicOp() AtomicOp { return AtomicOp(i.Imm) }

// JumpDistance returns the distance of a jump in slots, counted from the slot after it. Conditional
// jumps and may_goto have one too. ok is false for all other instructions, including calls, exit
// and gotox.
func (i Instruction) JumpDistance() (slots int32, ok bool) {
	switch {
	case i.Op == OpGotol:
		return i.Imm, true
	case i.Op == OpGoto, i.Op == OpMayGoto, i.Op.IsJump() && jumpText[i.Op.JumpOp()>>4] != "":
		return int32(i.Off), true
	}
	return 0, false
}

// Imm64 returns the 64-bit immediate of the ld_imm64 whose first slot is i and whose second is
// next.
func (i Instruction) Imm64(next Instruction) uint64 {
	return uint64(uint32(next.Imm))<<32 | uint64(uint32(i.Imm))
}

// SetImm64 writes the 64-bit immediate of the ld_imm64 that insns starts with. It panics if insns
// is shorter than two slots.
func SetImm64(insns []Instruction, v uint64) {
	insns[0].Imm, insns[1].Imm = int32(uint32(v)), int32(uint32(v>>32))
}
