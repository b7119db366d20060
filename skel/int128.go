package skel

import (
	"encoding/binary"
	"fmt"
)

// Uint128 is C's unsigned __int128, in the machine's byte order.
type Uint128 struct {
	_     [0]uint64
	bytes [16]byte
}

// Int128 is C's __int128, in the machine's byte order.
type Int128 struct {
	_     [0]uint64
	bytes [16]byte
}

// MakeUint128 returns high<<64 | low.
func MakeUint128(high, low uint64) Uint128 { return Uint128{bytes: make128(high, low)} }

// MakeInt128 returns high<<64 | low.
func MakeInt128(high int64, low uint64) Int128 { return Int128{bytes: make128(uint64(high), low)} }

// Parts returns the upper and the lower half.
func (n Uint128) Parts() (high, low uint64) { return parts128(n.bytes) }

// Parts returns the upper and the lower half.
func (n Int128) Parts() (high int64, low uint64) {
	h, low := parts128(n.bytes)
	return int64(h), low
}

// String returns the number in hexadecimal.
func (n Uint128) String() string { return text128(parts128(n.bytes)) }

// String returns the number in hexadecimal.
func (n Int128) String() string {
	high, low := parts128(n.bytes)
	if int64(high) >= 0 {
		return text128(high, low)
	}
	high, low = ^high, -low
	if low == 0 {
		high++
	}
	return "-" + text128(high, low)
}

func text128(high, low uint64) string {
	if high == 0 {
		return fmt.Sprintf("%#x", low)
	}
	return fmt.Sprintf("%#x%016x", high, low)
}

func make128(high, low uint64) (b [16]byte) {
	first, second := low, high
	if bigEndian() {
		first, second = high, low
	}
	binary.NativeEndian.PutUint64(b[:8], first)
	binary.NativeEndian.PutUint64(b[8:], second)
	return b
}

func parts128(b [16]byte) (high, low uint64) {
	first, second := binary.NativeEndian.Uint64(b[:8]), binary.NativeEndian.Uint64(b[8:])
	if bigEndian() {
		return first, second
	}
	return second, first
}

// bigEndian reports whether the machine stores the most significant byte first.
func bigEndian() bool { return binary.NativeEndian.Uint16([]byte{0, 1}) == 1 }
