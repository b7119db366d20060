package insn

import "encoding/binary"

// decodeS390X decodes an instruction of 2, 4 or 6 bytes, according to its first two bits.
func decodeS390X(code []byte) (i instruction, ok bool) {
	if len(code) == 0 {
		return i, false
	}
	i.size = [4]int{2, 4, 4, 6}[code[0]>>6]
	if code[0] == 0 || len(code) < i.size {
		return i, false
	}
	near := func() int64 { return 2 * int64(int16(binary.BigEndian.Uint16(code[2:]))) }
	// Conditional branches with mask 15 are always taken, with mask 0 never.
	always := func(f flow, mask byte) {
		switch {
		case mask == 15 && f == branch:
			i.flow = jump
		case mask == 15:
			i.flow = stop
		case mask != 0 && f == branch:
			i.flow = branch
		}
	}
	high, low := code[1]>>4, code[1]&15
	switch code[0] {
	case 0x07: // bcr; a target in register 0 means none
		if low != 0 {
			always(stop, high)
		}
	case 0x47: // bc
		always(stop, high)
	case 0xa7:
		i.target = near()
		switch low {
		case 4: // brc
			always(branch, high)
		case 5: // bras
			i.flow = call
		case 6, 7: // brct, brctg
			i.flow = branch
		}
	case 0x84, 0x85: // brxh, brxle
		i.flow, i.target = branch, near()
	case 0xc0:
		i.target = 2 * int64(int32(binary.BigEndian.Uint32(code[2:])))
		switch low {
		case 4: // brcl
			always(branch, high)
		case 5: // brasl
			i.flow = call
		}
	case 0xe3:
		if code[5] == 0x47 { // bic
			always(stop, high)
		}
	case 0xec:
		s390xCompare(code, &i, near())
	case 0xb2:
		if code[1] == 0xb2 { // lpswe
			i.flow = stop
		}
	}
	return i, true
}

// s390xCompare decodes the instructions that compare and branch.
func s390xCompare(code []byte, i *instruction, near int64) {
	mask := byte(0)
	switch code[5] {
	case 0x44, 0x45: // brxhg, brxlg
		i.flow, i.target = branch, near
	case 0x64, 0x65, 0x76, 0x77: // registers
		mask = code[4] >> 4
	case 0x7c, 0x7d, 0x7e, 0x7f: // a register and a constant
		mask = code[1] & 15
	case 0xe4, 0xe5, 0xf6, 0xf7: // registers, the target is in a third one
		if code[4]>>4&14 == 14 {
			i.flow = stop
		}
	case 0xfc, 0xfd, 0xfe, 0xff:
		if code[1]&14 == 14 {
			i.flow = stop
		}
	}
	switch {
	case mask&14 == 14:
		i.flow, i.target = jump, near
	case mask&14 != 0:
		i.flow, i.target = branch, near
	}
}
