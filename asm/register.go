package asm

// Register is a register number, 0 to 15. Programs use r0 to r10; only the compiler and the
// verifier use r11.
type Register uint8

// The registers. R0 holds the result of a call, R1 to R5 its arguments; calls preserve R6 to R9;
// R10 is the frame pointer (RFP).
const (
	R0 Register = iota
	R1
	R2
	R3
	R4
	R5
	R6
	R7
	R8
	R9
	R10
	R11
	RFP = R10
)

// Source registers of ld_imm64 (BPF_PSEUDO_*). They give the meaning of its immediate; imm2 is the
// immediate of the second slot.
const (
	PseudoMapFD       Register = 1 // fd of a map
	PseudoMapValue    Register = 2 // fd of a map; imm2: offset into the value of key 0
	PseudoBTFID       Register = 3 // BTF id of a kernel variable; imm2: fd of the module's BTF
	PseudoFunc        Register = 4 // distance to a subprogram, in slots
	PseudoMapIdx      Register = 5 // index into fd_array
	PseudoMapIdxValue Register = 6 // index into fd_array; imm2: offset into the value of key 0
)

// Source registers of a call. They give the meaning of its immediate.
const (
	CallHelper  Register = 0 // id of a helper
	CallSubprog Register = 1 // BPF_PSEUDO_CALL: distance to a subprogram, in slots
	CallKfunc   Register = 2 // BPF_PSEUDO_KFUNC_CALL: BTF id of a kfunc; off: index into fd_array
)

// Registers packs the two register numbers of an instruction: destination in the low nibble, source
// in the high one.
type Registers uint8

// Regs packs two register numbers.
func Regs(dst, src Register) Registers { return Registers(dst&0xf | src<<4) }

// Dst returns the destination register.
func (r Registers) Dst() Register { return Register(r & 0xf) }

// Src returns the source register.
func (r Registers) Src() Register { return Register(r >> 4) }

// swapped exchanges the nibbles: big-endian code has the destination in the high one.
func (r Registers) swapped() Registers { return r<<4 | r>>4 }
