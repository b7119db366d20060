package asm

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// LengthError reports code that is not a whole number of instruction slots. Length is in bytes.
type LengthError struct{ Length int }

func (e *LengthError) Error() string {
	return fmt.Sprintf("code of %d bytes is not a whole number of 8-byte instructions: %d bytes "+
		"are left over at offset %#x",
		e.Length, e.Length%Size, e.Length-e.Length%Size)
}

// isLittle reports whether order is little endian.
func isLittle(order binary.ByteOrder) bool {
	switch order {
	case binary.LittleEndian:
		return true
	case binary.BigEndian:
		return false
	}
	return order.Uint16([]byte{1, 0}) == 1 // NativeEndian
}

func hostLittle() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }

// Decode copies code in the given byte order into instructions. The error is a *LengthError.
func Decode(raw []byte, order binary.ByteOrder) ([]Instruction, error) {
	if len(raw)%Size != 0 {
		return nil, &LengthError{len(raw)}
	}
	out := make([]Instruction, len(raw)/Size)
	DecodeInto(out, raw, order)
	return out, nil
}

// DecodeInto decodes as many whole instructions as raw has and dst has room for, and returns their
// number.
func DecodeInto(dst []Instruction, raw []byte, order binary.ByteOrder) int {
	n := min(len(dst), len(raw)/Size)
	little := isLittle(order)
	if little && hostLittle() {
		copy(hostBytes(dst[:n]), raw)
		return n
	}
	for i := range n {
		dst[i] = get(raw[i*Size:], little)
	}
	return n
}

// View returns raw as instructions without copying, so that both share memory. It returns false if
// the bytes are not laid out as this machine lays out instructions: the byte order differs, the
// machine is big endian, the address is not a multiple of 4, or the length is not a multiple of 8.
// Use Decode then.
func View(raw []byte, order binary.ByteOrder) ([]Instruction, bool) {
	if !hostLittle() || !isLittle(order) || len(raw)%Size != 0 {
		return nil, false
	}
	if len(raw) == 0 {
		return []Instruction{}, true
	}
	p := unsafe.Pointer(unsafe.SliceData(raw))
	if uintptr(p)%unsafe.Alignof(Instruction{}) != 0 {
		return nil, false
	}
	return unsafe.Slice((*Instruction)(p), len(raw)/Size), true
}

// Append encodes instructions in the given byte order and appends them to dst.
func Append(dst []byte, order binary.ByteOrder, insns ...Instruction) []byte {
	little := isLittle(order)
	if little && hostLittle() {
		return append(dst, hostBytes(insns)...)
	}
	for _, i := range insns {
		if little {
			dst = append(dst, byte(i.Op), byte(i.Regs))
			dst = binary.LittleEndian.AppendUint16(dst, uint16(i.Off))
			dst = binary.LittleEndian.AppendUint32(dst, uint32(i.Imm))
		} else {
			dst = append(dst, byte(i.Op), byte(i.Regs.swapped()))
			dst = binary.BigEndian.AppendUint16(dst, uint16(i.Off))
			dst = binary.BigEndian.AppendUint32(dst, uint32(i.Imm))
		}
	}
	return dst
}

// Raw returns insns as the bytes that this machine's kernel reads. On little-endian machines they
// share memory with insns; on big-endian ones they are a copy with swapped register nibbles.
func Raw(insns []Instruction) []byte {
	if hostLittle() {
		return hostBytes(insns)
	}
	return Append(make([]byte, 0, len(insns)*Size), binary.BigEndian, insns...)
}

// get decodes one instruction. raw has at least 8 bytes.
func get(raw []byte, little bool) Instruction {
	_ = raw[7]
	if little {
		return Instruction{
			Op:   Opcode(raw[0]),
			Regs: Registers(raw[1]),
			Off:  int16(binary.LittleEndian.Uint16(raw[2:])),
			Imm:  int32(binary.LittleEndian.Uint32(raw[4:])),
		}
	}
	return Instruction{
		Op:   Opcode(raw[0]),
		Regs: Registers(raw[1]).swapped(),
		Off:  int16(binary.BigEndian.Uint16(raw[2:])),
		Imm:  int32(binary.BigEndian.Uint32(raw[4:])),
	}
}

// hostBytes returns insns as bytes, sharing their memory.
func hostBytes(insns []Instruction) []byte {
	if len(insns) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(insns))), len(insns)*Size)
}
