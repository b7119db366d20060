package btf

import (
	"encoding/binary"
	"math/bits"
)

// byteOrder returns the host's byte order, or the other one.
func byteOrder(foreign bool) binary.ByteOrder {
	little := host.Uint16([]byte{1, 0}) == 1
	if little != foreign {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// swapWords reverses the bytes of each 4-byte word; up to 3 bytes at the end stay.
func swapWords(b []byte) {
	for ; len(b) >= 4; b = b[4:] {
		host.PutUint32(b, bits.ReverseBytes32(host.Uint32(b)))
	}
}

// swapSpec returns a copy of BTF in the other byte order. Types are words throughout (also those of
// unknown kinds: the format requires multiples of 4), strings are bytes, and a kind layout entry
// ends in a half-word. Ranges outside the data are left alone: parsing the copy will report them.
func swapSpec(raw []byte) []byte {
	d := append(make([]byte, 0, len(raw)), raw...)
	foreign := host.Uint16(d) == magicSwap
	word := func(off int) uint64 {
		if off+4 > len(d) {
			return 0
		}
		v := host.Uint32(d[off:])
		if foreign {
			v = bits.ReverseBytes32(v)
		}
		return uint64(v)
	}
	hdrLen, size := word(4), uint64(len(d))
	typeOff, typeLen := hdrLen+word(8), word(12)
	var layoutOff, layoutLen uint64
	if hdrLen >= headerFull {
		layoutOff, layoutLen = hdrLen+word(24), word(28)
	}
	host.PutUint16(d, bits.ReverseBytes16(host.Uint16(d)))
	swapWords(d[4:max(4, min(hdrLen, size))])
	if typeOff+typeLen <= size {
		swapWords(d[typeOff : typeOff+typeLen])
	}
	if layoutOff+layoutLen <= size && layoutOff >= typeOff+typeLen {
		for e := d[layoutOff : layoutOff+layoutLen]; len(e) >= layoutEntry; e = e[layoutEntry:] {
			e[2], e[3] = e[3], e[2]
		}
	}
	return d
}
