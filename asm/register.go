package asm

// Register is a register number, 0 to 15; r0 to r10 exist, r11 inside the compiler and the verifier only.
type Register uint8

// The registers: R0 holds results, R1 to R5 arguments, R6 to R9 are kept over calls, R10 is the frame pointer (RFP).
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

// What the source register of ld_imm64 says about its immediate (BPF_PSEUDO_*).
const (
	PseudoMapFD       Register = 1 // fd of a map
	PseudoMapValue    Register = 2 // fd of a map; second immediate: offset into the value of key 0
	PseudoBTFID       Register = 3 // BTF id of a kernel variable; second immediate: fd of the module's BTF
	PseudoFunc        Register = 4 // distance to a subprogram, in slots
	PseudoMapIdx      Register = 5 // index into fd_array
	PseudoMapIdxValue Register = 6 // index into fd_array; second immediate: offset into the value of key 0
)

// What the source register of a call says about its immediate.
const (
	CallHelper  Register = 0 // id of a helper
	CallSubprog Register = 1 // BPF_PSEUDO_CALL: distance to a subprogram, in slots
	CallKfunc   Register = 2 // BPF_PSEUDO_KFUNC_CALL: BTF id of a kernel function; off: index into fd_array
)

// Registers packs the two register numbers of an instruction: destination in the low nibble, source in the high one.
type Registers uint8

// Regs packs two register numbers.
func Regs(dst, src Register) Registers { return Registers(dst&0xf | src<<4) }

// Dst is the destination register.
func (r Registers) Dst() Register { return Register(r & 0xf) }

// Src is the source register.
func (r Registers) Src() Register { return Register(r >> 4) }

// swapped exchanges the nibbles: on big-endian machines the destination is in the high one.
func (r Registers) swapped() Registers { return r<<4 | r>>4 }
