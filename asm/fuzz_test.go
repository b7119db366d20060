package asm_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/purebpf/bpf/asm"
)

var leOrder = binary.LittleEndian

// FuzzInstructions checks these properties: decoding and encoding give the same bytes in both byte
// orders, printing never panics, and a listing ends and has the offset of every byte at most once.
func FuzzInstructions(f *testing.F) {
	for _, triple := range bothOrders {
		raw, _ := section(f, assemble(f, triple, program), ".text")
		f.Add(raw, uint64(8), uint64(24))
	}
	f.Add([]byte{0x18, 1, 0, 0, 1, 0, 0, 0}, uint64(3), ^uint64(0))
	f.Fuzz(func(t *testing.T, raw []byte, sym1, sym2 uint64) {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			insns, err := asm.Decode(raw, order)
			if (err != nil) != (len(raw)%8 != 0) {
				t.Fatalf("Decode of %d bytes: %v", len(raw), err)
			}
			if err == nil && !bytes.Equal(asm.Append(nil, order, insns...), raw) {
				t.Fatalf("round trip changes % x", raw)
			}
			for rest := insns; len(rest) > 0; {
				text, slots := asm.AppendText(nil, rest)
				if len(text) == 0 || slots < 1 || slots > 2 || slots > len(rest) {
					t.Fatalf("%#v: %q, %d slots", rest[0], text, slots)
				}
				if rest[0].String() == "" {
					t.Fatalf("%#v prints nothing", rest[0])
				}
				rest = rest[slots:]
			}
			offsets := map[uint64]bool{}
			l := asm.Listing{Section: "s", Order: order,
				Symbols: []asm.Symbol{{Name: "a", Addr: sym1}, {Name: "b", Addr: sym2, Data: true}},
				Before: func(dst []byte, off uint64) []byte {
					if off >= uint64(len(raw)) || offsets[off] {
						t.Fatalf("offset %d of %d bytes, seen %v", off, len(raw), offsets[off])
					}
					offsets[off] = true
					return dst
				},
			}
			if err := l.WriteCode(io.Discard, raw); err != nil {
				t.Fatal(err)
			}
		}
	})
}
