package insn

import "encoding/binary"

// decodePPC64 decodes an instruction of 4 bytes, or of 8 with a prefix (Power10).
func decodePPC64(code []byte, big bool) (i instruction, ok bool) {
	if len(code) < 4 {
		return i, false
	}
	word := binary.LittleEndian.Uint32(code)
	if big {
		word = binary.BigEndian.Uint32(code)
	}
	i.size = 4
	link, absolute, always := word&1 != 0, word&2 != 0, word>>21&20 == 20
	switch word >> 26 {
	case 0:
		return i, false
	case 1:
		i.size = 8
		return i, len(code) >= 8
	case 16: // bc
		i.flow, i.target = branch, int64(int16(word&0xfffc))
		switch {
		case link:
			i.flow = call
		case always:
			i.flow = jump
		}
	case 18: // b
		i.flow, i.target = jump, int64(int32(word<<6)>>6&^3)
		if link {
			i.flow = call
		}
	case 19:
		switch word >> 1 & 0x3ff {
		case 16, 528, 560: // bclr, bcctr, bctar
			if always && !link {
				i.flow = stop
			}
		case 18, 82, 274: // rfid, rfscv, hrfid
			i.flow = stop
		}
	case 31:
		if to := word >> 21 & 31; word>>1&0x3ff == 4 && to == 31 { // trap
			i.flow = stop
		}
	}
	if absolute && (word>>26 == 16 || word>>26 == 18) {
		return i, false
	}
	return i, true
}
