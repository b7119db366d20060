package asm_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/purebpf/bpf/asm"
)

// list prints .text of an object as llvm-objdump -d would.
func list(t testing.TB, obj string, noRaw bool) string {
	t.Helper()
	code, f := section(t, obj, ".text")
	l := asm.Listing{Section: ".text", Order: f.ByteOrder, NoRaw: noRaw}
	symbols, err := f.Symbols()
	if err != nil && err != elf.ErrNoSymbols {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if typ := elf.ST_TYPE(s.Info); int(s.Section) < len(f.Sections) &&
			f.Sections[s.Section].Name == ".text" && typ != elf.STT_SECTION {
			l.Symbols = append(l.Symbols, asm.Symbol{
				Name: s.Name,
				Addr: s.Value,
				Data: typ == elf.STT_OBJECT,
			})
		}
	}
	var out bytes.Buffer
	if err := l.WriteCode(&out, code); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// compareListing checks our listing of source against llvm-objdump's, with and without raw bytes,
// in both byte orders.
func compareListing(t *testing.T, source string) {
	t.Helper()
	for _, triple := range bothOrders {
		obj := assemble(t, triple, source)
		if got, want := list(t, obj, false), objdump(t, obj); got != want {
			t.Errorf("%s: %s\n%s", triple, firstDifference(got, want), source)
		}
		if got, want := list(t, obj, true), objdump(t, obj, "--no-show-raw-insn"); got != want {
			t.Errorf("%s without raw bytes: %s\n%s", triple, firstDifference(got, want), source)
		}
	}
}

// Oracle: llvm-objdump-19.
func TestListing(t *testing.T) {
	for _, source := range []string{
		program,
		// No symbol at the start; two at one address, one of them data; jumps to labels, next to
		// labels and out of the section.
		`.text
		 r1 = 0
		 goto +5
		b:
		a: .type b,@object
		 goto b
		 goto -0x30
		 may_goto +1
		 gotol +30000
		 if r1 > 1 goto -7
		last: exit
		end:`,
		// Runs of zeros, which are skipped from 8 on in multiples of 4; slots that are not
		// instructions; code at any offset.
		`.text
		f: r1 = 5
		 .quad 0
		 r2 = 6
		 .quad 0, 0
		 .byte 0,0,0
		 .quad 0
		 .byte 0
		 r1 = 4
		 .byte 0,0,0,0,0x18,1,0,0,1,0,0,0
		g: .byte 0,0,0,0,2,0,0,0
		h: r1 = 5
		 .byte 0x18,1,0,0,1,0,0,0,0,0,0,0,2,0`,
		// An ld_imm64 that contains the next symbol; data symbols; an incomplete last slot.
		`.text
		f: .byte 0x18,1,0,0,1,0,0,0,0,0,0,0,2,0
		d: .type d,@object
		 .byte 1,2,3,4,5,6,7,8,9,0x41,0x7e,0x7f,0x20,0x1f
		e: .type e,@object
		 .byte 0,0,0,0,0,0,0,0,0,0x41,0x42
		code: .byte 0,0,0,0,0,0,0,0,0,0x41,0x42`,
		// An ld_imm64 cut off by the end of the section.
		".text\n .byte 0x18,1,0,0,1,0,0,0,1,2,3,4,5,6,7",
		".text\n .byte 0x95",
	} {
		compareListing(t, source)
	}
}

// Oracle: llvm-objdump-19 on random bytes with random symbols. Bytes that could be an opcode whose
// text is newer than LLVM 19 (atomics and gotox) are left out; TestTextOfEveryEncoding has them.
func TestListingOfRandomBytes(t *testing.T) {
	for seed := range uint64(12) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var b strings.Builder
		b.WriteString(".text\n")
		for n := range 60 {
			switch rnd.IntN(5) {
			case 0:
				fmt.Fprintf(&b, "s%d:\n", rnd.IntN(50)*100+n)
			case 1:
				fmt.Fprintf(&b, ".type d%d,@object\nd%d:\n", n, n)
			case 2:
				fmt.Fprintf(&b, " .zero %d\n", rnd.IntN(20))
			}
			code := make([]byte, rnd.IntN(5)*8+max(0, rnd.IntN(20)-12))
			for i := range code {
				for ok := false; !ok; {
					code[i] = byte(rnd.Uint32())
					if i%8 > 1 && rnd.IntN(2) == 0 {
						code[i] = 0
					}
					if i%8 == 0 && rnd.IntN(4) == 0 {
						code[i] = 0x18
					}
					switch code[i] {
					case 0xc3, 0xcb, 0xd3, 0xdb, 0x0d:
					default:
						ok = true
					}
				}
			}
			b.WriteString(bytesSource(code))
		}
		compareListing(t, b.String())
	}
}

func TestListingHooks(t *testing.T) {
	code, _ := section(t, assemble(t, "bpfel",
		".text\nf: r1 = 1\n r2 = 2 ll\n .byte 0xff,0,0,0,0,0,0,1\n exit"), ".text")
	l := asm.Listing{Section: ".text", Order: leOrder, NoRaw: true,
		Before: func(dst []byte, off uint64) []byte { return fmt.Appendf(dst, "; at %d\n", off) },
		Comment: func(dst []byte, off uint64, i asm.Instruction) []byte {
			if i.IsLdImm64() {
				dst = fmt.Appendf(dst, "load at %d", off)
			}
			return dst
		},
	}
	var out bytes.Buffer
	if err := l.WriteCode(&out, code); err != nil {
		t.Fatal(err)
	}
	const want = "\nDisassembly of section .text:\n\n0000000000000000 <.text>:\n" +
		"; at 0\n       0:\tr1 = 0x1\n; at 8\n       1:\tr2 = 0x2 ll # load at 8\n; at 24\n       3:\t<unknown>\n; at 32\n       4:\texit\n"
	if out.String() != want {
		t.Errorf("%s\n%s", firstDifference(out.String(), want), out.String())
	}
}
