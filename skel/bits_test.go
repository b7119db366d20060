package skel_test

import (
	"encoding/binary"
	"math/rand"
	"testing"

	"github.com/purebpf/bpf/skel"
)

// TestBits: bit fields within a word are what shifting the word gives. Oracle: the machine's own
// loads of 64 bits, whose upper bits come first on big-endian machines.
func TestBits(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	big := binary.NativeEndian.Uint16([]byte{0, 1}) == 1
	for range 10000 {
		word, value := r.Uint64(), r.Uint64()
		width := 1 + uint(r.Intn(64))
		off := uint(r.Intn(int(65 - width)))
		shift := off
		if big {
			shift = 64 - off - width
		}
		mask := ^uint64(0) >> (64 - width)
		b := binary.NativeEndian.AppendUint64(nil, word)
		if got, want := skel.Bits(b, off, width), word>>shift&mask; got != want {
			t.Fatalf("%d bits from %d of %#x are %#x, want %#x", width, off, word, got, want)
		}
		signed := int64(word>>shift<<(64-width)) >> (64 - width)
		if got := skel.SignedBits(b, off, width); got != signed {
			t.Fatalf("%d bits from %d of %#x are %d, want %d", width, off, word, got, signed)
		}
		skel.SetBits(b, off, width, value)
		if got, want := binary.NativeEndian.Uint64(b),
			word&^(mask<<shift)|value&mask<<shift; got != want {
			t.Fatalf("%#x in %d bits from %d of %#x gives %#x, want %#x", value, width, off, word,
				got, want)
		}
	}
}
