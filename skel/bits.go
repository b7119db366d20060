package skel

// Bits returns a bit field of width bits that begins off bits after the start of storage, as C lays
// it out on this machine: from the least significant bit of the first byte on, on big-endian
// machines from the most significant one.
func Bits(storage []byte, off, width uint) uint64 {
	var n uint64
	if bigEndian() {
		for i := range width {
			at := off + i
			n = n<<1 | uint64(storage[at/8]>>(7-at%8)&1)
		}
		return n
	}
	for i := uint(0); i < width; {
		at := off + i
		take := min(8-at%8, width-i)
		part := uint64(storage[at/8]>>(at%8)) & (1<<take - 1)
		n |= part << i
		i += take
	}
	return n
}

// SignedBits is Bits for a signed bit field.
func SignedBits(storage []byte, off, width uint) int64 {
	return int64(Bits(storage, off, width)<<(64-width)) >> (64 - width)
}

// SetBits sets a bit field to the lower width bits of value. The other bits of its bytes are
// written back as they were read, so SetBits is not atomic.
func SetBits(storage []byte, off, width uint, value uint64) {
	if bigEndian() {
		for i := range width {
			at := off + i
			mask := byte(1) << (7 - at%8)
			storage[at/8] &^= mask
			if value>>(width-1-i)&1 != 0 {
				storage[at/8] |= mask
			}
		}
		return
	}
	for i := uint(0); i < width; {
		at := off + i
		take := min(8-at%8, width-i)
		mask := byte((1<<take - 1) << (at % 8))
		storage[at/8] = storage[at/8]&^mask | byte(value>>i<<(at%8))&mask
		i += take
	}
}
