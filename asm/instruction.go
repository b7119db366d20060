package asm

// Instruction is one 8-byte BPF instruction slot, every bit kept. The fields are host integers; Regs always holds the
// destination in its low and the source in its high nibble, whatever the byte order. ld_imm64 takes two slots.
type Instruction struct {
	Op   Opcode
	Regs Registers
	Off  int16
	Imm  int32
}

// Opcode is the first byte of an instruction: class, and operation or size and mode.
type Opcode uint8

// Registers packs the two register numbers of an instruction.
type Registers uint8
