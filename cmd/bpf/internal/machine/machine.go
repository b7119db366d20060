// Package machine disassembles machine code, in the syntax of GNU tools.
package machine

import (
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/arch/arm64/arm64asm"
	"golang.org/x/arch/loong64/loong64asm"
	"golang.org/x/arch/ppc64/ppc64asm"
	"golang.org/x/arch/riscv64/riscv64asm"
	"golang.org/x/arch/s390x/s390xasm"
	"golang.org/x/arch/x86/x86asm"
)

// Decoder decodes the machine code of one architecture.
type Decoder struct {
	// decode returns the text of the first instruction of code, which is at address pc, and its
	// length. name returns the name of what is at an address, "" if it has none.
	decode func(code []byte, pc uint64, name func(uint64) string) (text string, size int, err error)
	unit   int // bytes that are skipped if they are no instruction that the decoder knows
}

// For returns the decoder of an architecture by Go's name of it, nil if there is none.
func For(goarch string) *Decoder {
	switch goarch {
	case "amd64":
		return &Decoder{x86, 1}
	case "386":
		return &Decoder{x86of32, 1}
	case "arm64":
		return &Decoder{arm64, 4}
	case "loong64":
		return &Decoder{loong64, 4}
	case "ppc64":
		return &Decoder{ppc64(binary.BigEndian), 4}
	case "ppc64le":
		return &Decoder{ppc64(binary.LittleEndian), 4}
	case "riscv64":
		return &Decoder{riscv64, 2}
	case "s390x":
		return &Decoder{s390x, 2}
	}
	return nil
}

// Decode returns the text of the first instruction of code, which is at address pc, and its length.
// What is no instruction that the decoder knows is shown as bytes. name returns the name of what is
// at an address, "" if it has none; it may be nil. code must not be empty.
func (d *Decoder) Decode(code []byte, pc uint64, name func(uint64) string) (text string, size int) {
	if name == nil {
		name = func(uint64) string { return "" }
	}
	if d != nil {
		text, size, err := d.try(code, pc, name)
		if err == nil && size > 0 && size <= len(code) {
			return strings.TrimSpace(text), size
		}
	}
	unit := 4
	if d != nil {
		unit = d.unit
	}
	unit = min(unit, len(code))
	return bytesText(code[:unit]), unit
}

// try decodes an instruction. A decoder that panics on code that it doesn't know has failed.
func (d *Decoder) try(code []byte, pc uint64, name func(uint64) string) (text string, size int,
	err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoder failed: %v", p)
		}
	}()
	return d.decode(code, pc, name)
}

func bytesText(code []byte) string {
	var b strings.Builder
	b.WriteString(".byte")
	for i, c := range code {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " 0x%02x", c)
	}
	return b.String()
}

func x86(code []byte, pc uint64, name func(uint64) string) (string, int, error) {
	return x86of(64, code, pc, name)
}

func x86of32(code []byte, pc uint64, name func(uint64) string) (string, int, error) {
	return x86of(32, code, pc, name)
}

func x86of(mode int, code []byte, pc uint64, name func(uint64) string) (string, int, error) {
	inst, err := x86asm.Decode(code, mode)
	if err != nil {
		return "", 0, err
	}
	lookup := func(address uint64) (string, uint64) { return name(address), address }
	return x86asm.GNUSyntax(inst, pc, lookup), inst.Len, nil
}

// word is the length of instructions of architectures where all have the same.
const word = 4

func arm64(code []byte, pc uint64, name func(uint64) string) (string, int, error) {
	inst, err := arm64asm.Decode(code)
	if err != nil {
		return "", 0, err
	}
	return arm64asm.GNUSyntax(inst) + arm64Target(inst, pc, name), word, nil
}

// arm64Target returns where an instruction jumps to, as a comment.
func arm64Target(inst arm64asm.Inst, pc uint64, name func(uint64) string) string {
	for _, arg := range inst.Args {
		if distance, ok := arg.(arm64asm.PCRel); ok {
			return target(pc+uint64(int64(distance)), name)
		}
	}
	return ""
}

// target returns the name of an address, as a comment; "" if it has none.
func target(address uint64, name func(uint64) string) string {
	if n := name(address); n != "" {
		return " // " + n
	}
	return ""
}

func loong64(code []byte, _ uint64, _ func(uint64) string) (string, int, error) {
	inst, err := loong64asm.Decode(code)
	if err != nil {
		return "", 0, err
	}
	return loong64asm.GNUSyntax(inst), word, nil
}

func ppc64(order binary.ByteOrder) func([]byte, uint64, func(uint64) string) (string, int, error) {
	return func(code []byte, pc uint64, _ func(uint64) string) (string, int, error) {
		inst, err := ppc64asm.Decode(code, order)
		if err != nil {
			return "", 0, err
		}
		return ppc64asm.GNUSyntax(inst, pc), inst.Len, nil
	}
}

func riscv64(code []byte, _ uint64, _ func(uint64) string) (string, int, error) {
	inst, err := riscv64asm.Decode(code)
	if err != nil {
		return "", 0, err
	}
	return riscv64asm.GNUSyntax(inst), inst.Len, nil
}

func s390x(code []byte, pc uint64, _ func(uint64) string) (string, int, error) {
	inst, err := s390xasm.Decode(code)
	if err != nil {
		return "", 0, err
	}
	return s390xasm.GNUSyntax(inst, pc), inst.Len, nil
}
