package insn

import "encoding/binary"

// decodeRISCV64 decodes an instruction of 2 or 4 bytes. Longer ones are unknown.
func decodeRISCV64(code []byte) (i instruction, ok bool) {
	if len(code) < 2 {
		return i, false
	}
	half := uint32(binary.LittleEndian.Uint16(code))
	if half&3 != 3 {
		return compressed(half), half != 0
	}
	if half&0x1f == 0x1f || len(code) < 4 {
		return i, false
	}
	word := binary.LittleEndian.Uint32(code)
	i.size = 4
	link := word>>7&31 != 0
	switch word & 0x7f {
	case 0x63: // branches
		i.flow = branch
		i.target = scatter(word, 12, bits{31, 12, 1}, bits{7, 11, 1}, bits{25, 5, 6}, bits{8, 1, 4})
	case 0x6f: // jal
		i.flow = jump
		if link {
			i.flow = call
		}
		i.target = scatter(word, 20, bits{31, 20, 1}, bits{12, 12, 8}, bits{20, 11, 1},
			bits{21, 1, 10})
	case 0x67: // jalr
		if !link {
			i.flow = stop
		}
	case 0x73:
		if funct3 := word >> 12 & 7; funct3 == 0 && word>>20 != 0 { // not ecall or a register
			i.flow = stop
		}
	}
	return i, true
}

// compressed decodes an instruction of 2 bytes.
func compressed(half uint32) instruction {
	i := instruction{size: 2}
	switch half&3<<3 | half>>13 {
	case 1<<3 | 5: // c.j
		i.flow = jump
		i.target = scatter(half, 11, bits{12, 11, 1}, bits{8, 10, 1}, bits{9, 8, 2}, bits{6, 7, 1},
			bits{7, 6, 1}, bits{2, 5, 1}, bits{11, 4, 1}, bits{3, 1, 3})
	case 1<<3 | 6, 1<<3 | 7: // c.beqz, c.bnez
		i.flow = branch
		i.target = scatter(half, 8, bits{12, 8, 1}, bits{5, 6, 2}, bits{2, 5, 1}, bits{10, 3, 2},
			bits{3, 1, 2})
	case 2<<3 | 4:
		rd, rs, linked := half>>7&31, half>>2&31, half>>12&1 != 0
		if rs == 0 && (!linked || rd == 0) { // c.jr, c.ebreak
			i.flow = stop
		}
	}
	return i
}

// bits are n bits of an instruction from one position on, which belong at another position of a
// number.
type bits struct{ from, to, n uint }

// scatter assembles a number whose sign is the given bit.
func scatter(word uint32, sign uint, parts ...bits) int64 {
	n := int64(0)
	for _, p := range parts {
		n |= int64(word>>p.from&(1<<p.n-1)) << p.to
	}
	return n << (63 - sign) >> (63 - sign)
}
