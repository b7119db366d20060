package asm

// Opcode is the first byte of an instruction: class, and operation or size and mode.
//
//	ALU, ALU64, JMP, JMP32:  operation (4 bits) | source (1 bit) | class (3 bits)
//	LD, LDX, ST, STX:        mode (3 bits) | size (2 bits) | class (3 bits)
type Opcode uint8

// Opcodes that have one form only.
const (
	OpLdImm64 Opcode = 0x18 // BPF_LD | BPF_IMM | BPF_DW, two slots
	OpGoto    Opcode = 0x05 // BPF_JMP | BPF_JA
	OpGotol   Opcode = 0x06 // BPF_JMP32 | BPF_JA
	OpGotox   Opcode = 0x0d // BPF_JMP | BPF_JA | BPF_X
	OpCall    Opcode = 0x85 // BPF_JMP | BPF_CALL
	OpCallx   Opcode = 0x8d // BPF_JMP | BPF_CALL | BPF_X
	OpExit    Opcode = 0x95 // BPF_JMP | BPF_EXIT
	OpMayGoto Opcode = 0xe5 // BPF_JMP | BPF_JCOND
)

// Class is the instruction class, the low three bits of an opcode.
type Class uint8

// Instruction classes.
const (
	ClassLD Class = iota
	ClassLDX
	ClassST
	ClassSTX
	ClassALU // 32 bits
	ClassJMP
	ClassJMP32
	ClassALU64
)

// Source selects the second operand of an ALU or jump instruction: Imm (K) or the source register
// (X).
type Source uint8

// Operand sources.
const (
	K Source = 0x00
	X Source = 0x08
)

// MemSize is the width of a memory access.
type MemSize uint8

// Memory access widths. The values are those of the opcode's size bits, not bytes.
const (
	W  MemSize = 0x00
	H  MemSize = 0x08
	B  MemSize = 0x10
	DW MemSize = 0x18
)

// Bytes returns the width in bytes: 1, 2, 4 or 8.
func (s MemSize) Bytes() int { return int("\x04\x02\x01\x08"[s>>3&3]) }

// MemSizeOf returns the MemSize of n bytes; ok is false unless n is 1, 2, 4 or 8.
func MemSizeOf(n int) (s MemSize, ok bool) {
	switch n {
	case 1:
		return B, true
	case 2:
		return H, true
	case 4:
		return W, true
	case 8:
		return DW, true
	}
	return 0, false
}

// Mode is the addressing mode of a load or store.
type Mode uint8

// Modes of loads and stores.
const (
	ModeIMM    Mode = 0x00
	ModeABS    Mode = 0x20
	ModeIND    Mode = 0x40
	ModeMEM    Mode = 0x60
	ModeMEMSX  Mode = 0x80
	ModeAtomic Mode = 0xc0
)

// ALUOp is the operation of an ALU or ALU64 instruction.
type ALUOp uint8

// ALU operations. SDIV, SMOD and the sign extending moves are Div, Mod and Mov with a non-zero
// offset.
const (
	Add  ALUOp = 0x00
	Sub  ALUOp = 0x10
	Mul  ALUOp = 0x20
	Div  ALUOp = 0x30
	Or   ALUOp = 0x40
	And  ALUOp = 0x50
	Lsh  ALUOp = 0x60
	Rsh  ALUOp = 0x70
	Neg  ALUOp = 0x80
	Mod  ALUOp = 0x90
	Xor  ALUOp = 0xa0
	Mov  ALUOp = 0xb0
	Arsh ALUOp = 0xc0
	End  ALUOp = 0xd0
)

// JumpOp is the operation of a JMP or JMP32 instruction.
type JumpOp uint8

// Jump operations.
const (
	JA    JumpOp = 0x00
	JEQ   JumpOp = 0x10
	JGT   JumpOp = 0x20
	JGE   JumpOp = 0x30
	JSET  JumpOp = 0x40
	JNE   JumpOp = 0x50
	JSGT  JumpOp = 0x60
	JSGE  JumpOp = 0x70
	Call  JumpOp = 0x80
	Exit  JumpOp = 0x90
	JLT   JumpOp = 0xa0
	JLE   JumpOp = 0xb0
	JSLT  JumpOp = 0xc0
	JSLE  JumpOp = 0xd0
	JCOND JumpOp = 0xe0
)

// AtomicOp is the immediate of an atomic instruction.
type AtomicOp int32

// Atomic operations. AtomicFetch may be added to the first four.
const (
	AtomicAdd     AtomicOp = 0x00
	AtomicOr      AtomicOp = 0x40
	AtomicAnd     AtomicOp = 0x50
	AtomicXor     AtomicOp = 0xa0
	AtomicFetch   AtomicOp = 0x01
	AtomicXchg    AtomicOp = 0xe1
	AtomicCmpxchg AtomicOp = 0xf1
	LoadAcquire   AtomicOp = 0x100
	StoreRelease  AtomicOp = 0x110
)

// AddrSpaceCast is the offset of a 64-bit register move that casts between address spaces
// (BPF_ADDR_SPACE_CAST).
const AddrSpaceCast = 1

// Class returns the class of the instruction.
func (o Opcode) Class() Class { return Class(o & 0x07) }

// Source returns the kind of the second operand of an ALU or jump instruction.
func (o Opcode) Source() Source { return Source(o & 0x08) }

// ALUOp returns the operation, if the class is ALU or ALU64.
func (o Opcode) ALUOp() ALUOp { return ALUOp(o & 0xf0) }

// JumpOp returns the operation, if the class is JMP or JMP32.
func (o Opcode) JumpOp() JumpOp { return JumpOp(o & 0xf0) }

// Size returns the width of the access, if the class is LD, LDX, ST or STX.
func (o Opcode) Size() MemSize { return MemSize(o & 0x18) }

// Mode returns the mode, if the class is LD, LDX, ST or STX.
func (o Opcode) Mode() Mode { return Mode(o & 0xe0) }

// IsALU reports whether the class is ALU or ALU64.
func (o Opcode) IsALU() bool { return o.Class() == ClassALU || o.Class() == ClassALU64 }

// IsJump reports whether the class is JMP or JMP32; calls and exit are of class JMP too.
func (o Opcode) IsJump() bool { return o.Class() == ClassJMP || o.Class() == ClassJMP32 }

// IsMemory reports whether the instruction is an LDX, ST or STX that reads or writes at a register
// plus Off.
func (o Opcode) IsMemory() bool { return o.Class() >= ClassLDX && o.Class() <= ClassSTX }
