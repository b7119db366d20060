package insn

import "encoding/binary"

// # x86
//
// An instruction is prefixes, an opcode of one of several maps, a ModRM byte that may ask for a SIB
// byte and a displacement, and an immediate (Intel SDM volume 2, chapter 2 and appendix A; AMD APM
// volume 3 for XOP). Only lengths and targets matter here. Unknown are the extensions of APX, and
// near branches with an operand-size prefix in 64-bit code, whose length differs between vendors.

// The kinds of opcodes: their operands and effect.
const (
	none     = '.'
	modRM    = 'm'
	imm8     = 'b'
	imm16    = 'w'
	immOp    = 'z' // 2 or 4 bytes, by the operand size
	immFull  = 'v' // 2, 4 or 8 bytes, by the operand size
	modRM8   = 'B' // ModRM and imm8
	modRMOp  = 'Z' // ModRM and immOp
	modRMReg = 'c' // ModRM that names registers whatever its mode
	offset   = 'o' // an address, by the address size
	enter    = 'e' // imm16 and imm8
	far      = 'f' // a segment and an address of the operand size
	cond8    = 'j' // conditional branch
	condOp   = 'n'
	jump8    = 'k'
	jumpOp   = 'J'
	callOp   = 'C'
	ret      = 'r'
	ret16    = 'R' // with imm16
	stops    = 's' // traps and returns from the kernel
	stopsM   = 'u' // with ModRM
	group3b  = 'g' // ModRM, and imm8 for two of the group
	group3   = 'G' // ModRM, and immOp for two of the group
	group4   = 'i'
	group5   = 'I'
	move     = 'M' // ModRM and imm8: mov, xabort
	moveOp   = 'N' // ModRM and immOp: mov, xbegin
	pop      = 'X' // ModRM, or the prefix of XOP
	vector   = 'V' // the prefix of VEX or EVEX
	extract  = 'q' // ModRM, and two imm8 with some prefixes
	popcnt   = 'F' // ModRM with the prefix F3
	map38    = '8'
	map3A    = 'A'
	prefix   = 'P'
	invalid  = 'x'
)

// map1 has the opcodes of one byte in 64-bit code.
const map1 = "mmmmbzxxmmmmbzxx" + // 0F leads to map2
	"mmmmbzxxmmmmbzxx" +
	"mmmmbzPxmmmmbzPx" +
	"mmmmbzPxmmmmbzPx" +
	"PPPPPPPPPPPPPPPP" + // REX
	"................" +
	"xxVmPPPPzZbB...." +
	"jjjjjjjjjjjjjjjj" +
	"BZxBmmmmmmmmmmmX" +
	"..........x....." +
	"oooo....bz......" +
	"bbbbbbbbvvvvvvvv" +
	"BBRrVVMNe.Rrsbxr" +
	"mmmmxxx.mmmmmmmm" +
	"jjjjbbbbCJxk...." +
	"P.PPs.gG......iI"

// map2 has the opcodes after 0F.
const map2 = "mmmmx..s..xsxm.B" + // 0F 0F is 3DNow!
	"mmmmmmmmmmmmmmmm" +
	"ccccxxxxmmmmmmmm" +
	"....ssx.8xAxxxxx" +
	"mmmmmmmmmmmmmmmm" +
	"mmmmmmmmmmmmmmmm" +
	"mmmmmmmmmmmmmmmm" +
	"BBBBmmm.qmxxmmmm" +
	"nnnnnnnnnnnnnnnn" +
	"mmmmmmmmmmmmmmmm" +
	"...mBmmm...mBmmm" +
	"mmmmmmmmFuBmmmmm" +
	"mmBmBBBm........" +
	"mmmmmmmmmmmmmmmm" +
	"mmmmmmmmmmmmmmmm" +
	"mmmmmmmmmmmmmmmx"

// kind32 returns the kind of an opcode of one byte in 32-bit code.
func kind32(op byte) byte {
	switch op {
	case 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0xce, 0xd6:
		return none
	case 0x82:
		return modRM8
	case 0x9a, 0xea:
		return far
	case 0xd4, 0xd5:
		return imm8
	}
	if op&0xf0 == 0x40 { // inc, dec
		return none
	}
	return map1[op]
}

// x86 reads one instruction.
type x86 struct {
	code []byte
	at   int
	long bool // 64-bit code

	operand, address bool // prefixes 66 and 67
	repeat           byte // prefix F2 or F3
	lock             bool
	rex              byte

	bad bool
}

// decodeX86 decodes the instruction at the start of code.
func decodeX86(code []byte, long bool) (instruction, bool) {
	x := x86{code: code, long: long}
	i := x.decode()
	i.size = x.at
	return i, !x.bad && x.at <= len(code)
}

func (x *x86) byte() byte {
	if x.at >= len(x.code) {
		x.bad = true
		return 0
	}
	x.at++
	return x.code[x.at-1]
}

// peek returns the next byte.
func (x *x86) peek() byte {
	b := x.byte()
	x.at--
	return b
}

func (x *x86) skip(n int) { x.at += n }

func (x *x86) fail() instruction {
	x.bad = true
	return instruction{}
}

// opcode reads the prefixes and the first byte of the opcode, and returns its kind.
func (x *x86) opcode() (op, kind byte) {
	for !x.bad {
		op = x.byte()
		kind = map1[op]
		if !x.long {
			kind = kind32(op)
		}
		if kind != prefix {
			break
		}
		if x.rex != 0 { // only an opcode may follow it
			x.bad = true
		}
		switch op {
		case 0x66:
			x.operand = true
		case 0x67:
			x.address = true
		case 0xf0:
			x.lock = true
		case 0xf2, 0xf3:
			x.repeat = op
		}
		if op&0xf0 == 0x40 {
			x.rex = op
		}
	}
	return op, kind
}

func (x *x86) decode() instruction {
	op, kind := x.opcode()
	if op == 0x0f {
		op = x.byte()
		kind = map2[op]
		switch kind {
		case map38:
			x.byte()
			return x.operands(0, modRM)
		case map3A:
			x.byte()
			return x.operands(0, modRM8)
		}
	}
	if x.bad {
		return instruction{}
	}
	switch kind {
	case vector:
		return x.vector(op)
	case pop:
		if x.peek()&0x1f >= 8 {
			return x.vector(op)
		}
		kind = modRM
	}
	return x.operands(op, kind)
}

// operands reads the operands of an opcode.
func (x *x86) operands(op, kind byte) instruction {
	switch kind {
	case none:
	case modRM:
		x.modRM(false)
	case modRMReg:
		x.modRM(true)
	case modRM8:
		x.modRM(false)
		x.skip(1)
	case modRMOp:
		x.modRM(false)
		x.skip(x.operandSize())
	case imm8:
		x.skip(1)
	case immOp:
		x.skip(x.operandSize())
	case immFull:
		if x.rex&8 != 0 {
			x.skip(8)
		} else {
			x.skip(x.operandSize())
		}
	case offset:
		x.skip(x.addressSize())
	case enter:
		x.skip(3)
	case extract:
		x.modRM(false)
		if x.operand || x.repeat == 0xf2 {
			x.skip(2)
		}
	case popcnt:
		if x.repeat != 0xf3 {
			return x.fail()
		}
		x.modRM(false)
	default:
		return x.leaving(op, kind)
	}
	return instruction{}
}

// leaving reads the operands of opcodes that may transfer control, and of groups.
func (x *x86) leaving(op, kind byte) instruction {
	switch kind {
	case cond8:
		return x.relative(branch, 1)
	case condOp:
		return x.relative(branch, x.operandSize())
	case jump8:
		return x.relative(jump, 1)
	case jumpOp:
		return x.relative(jump, x.operandSize())
	case callOp:
		return x.relative(call, x.operandSize())
	case ret, stops:
		return instruction{flow: stop}
	case ret16:
		x.skip(2)
		return instruction{flow: stop}
	case stopsM:
		x.modRM(false)
		return instruction{flow: stop}
	case far:
		x.skip(x.operandSize() + 2)
		if op == 0xea { // not a call
			return instruction{flow: stop}
		}
		return instruction{}
	case move, moveOp:
		return x.move(kind)
	case group3b, group3:
		n := 1
		if kind == group3 {
			n = x.operandSize()
		}
		if m := x.modRM(false); m>>3&7 < 2 {
			x.skip(n)
		}
		return instruction{}
	case group4, group5:
		reg := x.modRM(false) >> 3 & 7
		switch {
		case reg == 7 || kind == group4 && reg > 1:
			return x.fail()
		case reg == 4 || reg == 5:
			return instruction{flow: stop}
		}
		return instruction{}
	}
	return x.fail()
}

// move reads the operands of C6 and C7: mov, and for memory transactions xabort and xbegin.
func (x *x86) move(kind byte) instruction {
	m := x.modRM(false)
	switch {
	case m == 0xf8 && kind == moveOp:
		return x.relative(branch, x.operandSize())
	case m == 0xf8:
		x.skip(1)
	case m>>3&7 != 0:
		return x.fail()
	case kind == moveOp:
		x.skip(x.operandSize())
	default:
		x.skip(1)
	}
	return instruction{}
}

// relative reads a distance of n bytes, from the end of the instruction.
func (x *x86) relative(f flow, n int) instruction {
	if x.at+n > len(x.code) || x.long && x.operand && x.rex&8 == 0 && n > 1 {
		return x.fail()
	}
	b := x.code[x.at:]
	x.at += n
	i := instruction{flow: f}
	switch n {
	case 1:
		i.target = int64(int8(b[0]))
	case 2: // the target is truncated to 16 bits
		return x.fail()
	default:
		i.target = int64(int32(binary.LittleEndian.Uint32(b)))
	}
	i.target += int64(x.at)
	return i
}

func (x *x86) operandSize() int {
	if x.operand && x.rex&8 == 0 {
		return 2
	}
	return 4
}

// addressSize returns the size of an address in an instruction without ModRM.
func (x *x86) addressSize() int {
	n := 4
	if x.long {
		n = 8
	}
	if x.address {
		n /= 2
	}
	return n
}

// modRM reads a ModRM byte and the bytes that it requires. registers means that it requires none.
func (x *x86) modRM(registers bool) byte {
	m := x.byte()
	mode, rm := m>>6, m&7
	if mode == 3 || registers {
		return m
	}
	if x.address && !x.long { // 16-bit addresses
		switch {
		case mode == 1:
			x.skip(1)
		case mode == 2 || rm == 6:
			x.skip(2)
		}
		return m
	}
	base := rm
	if rm == 4 {
		base = x.byte() & 7 // SIB
	}
	switch {
	case mode == 1:
		x.skip(1)
	case mode == 2 || base == 5:
		x.skip(4)
	}
	return m
}

// vector reads an instruction of VEX (C4, C5), EVEX (62) or XOP (8F).
func (x *x86) vector(first byte) instruction {
	second := x.byte()
	if !x.long && first != 0x8f && second < 0xc0 { // les, lds, bound
		x.at--
		return x.operands(first, modRM)
	}
	if x.operand || x.repeat != 0 || x.lock || x.rex != 0 {
		return x.fail()
	}
	opcodes := second & 0x1f
	switch first {
	case 0xc5:
		opcodes = 1
	case 0x62:
		opcodes = second & 7
		if second&8 != 0 || x.byte()&4 == 0 { // APX
			return x.fail()
		}
		x.byte()
	default:
		x.byte()
	}
	op := x.byte()
	switch opcodes {
	case 1:
		switch kind := map2[op]; {
		case op == 0x77 && first != 0x62:
			return instruction{}
		case kind == modRM || kind == modRM8:
			return x.operands(op, kind)
		case op == 0x78 || op == 0x7a || op == 0x7b: // AVX-512
			return x.operands(op, modRM)
		}
	case 2:
		return x.operands(op, modRM)
	case 3, 8:
		return x.operands(op, modRM8)
	case 5, 6:
		if first == 0x62 {
			return x.operands(op, modRM)
		}
	case 9:
		return x.operands(op, modRM)
	case 10:
		x.modRM(false)
		x.skip(4)
		return instruction{}
	}
	return x.fail()
}
