package hostile

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/uapi"
)

// Loads make files of which a few bytes request much work when the file is resolved, checked or
// listed, rather than read. n scales them.
var Loads = []Amplifier{
	{"programs that call one large function", func(n int) *File { return callers(n/4, n, 0) }},
	{"programs that call one function with much line info", func(n int) *File {
		return callers(n/4, n/8, n)
	}},
	{"calls of one function by relocation", func(n int) *File {
		var code []byte
		var rels [][2]uint64
		for i := range n {
			code = append(code, insn(0x85, 0x10, 0, -1)...)
			rels = append(rels, [2]uint64{uint64(8 * i), 2})
		}
		f := program(append(code, insn(0x95, 0, 0, 0)...))
		f.Sections = append(f.Sections,
			Section{Name: ".text", Type: elf64.SectionProgBits, Flags: elf64.FlagExec,
				Data: insn(0x95, 0, 0, 0)},
			Section{Name: ".relsocket", Type: elf64.SectionRel, Data: callRel(rels), Info: 1,
				EntSize: 16})
		f.Symbols = append(f.Symbols,
			Symbol{Name: "sub", Bind: elf64.BindGlobal, Type: elf64.SymbolFunc, Section: 2,
				Size: 8})
		return f
	}},
	{"branches", func(n int) *File {
		var code []byte
		for range n {
			code = append(code, insn(0x15, 0x01, 0, 7)...) // if r1 == 7 goto +0
		}
		return program(append(code, insn(0x95, 0, 0, 0)...))
	}},
	{"branches with a full stack", func(n int) *File {
		var code []byte
		for i := range 64 {
			// *(u64 *)(r10 - 8*i - 8) = i
			code = append(code, insn(0x7a, 0x0a, int16(-8*i-8), int32(i))...)
		}
		for i := range n {
			code = append(code, insn(0x7a, 0x0a, int16(-8*(i%64)-8), int32(i))...)
			code = append(code, insn(0x15, 0x01, 0, 7)...)
		}
		return program(append(code, insn(0x95, 0, 0, 0)...))
	}},
	{"loops in loops", func(n int) *File {
		var code []byte
		for i := range n {
			code = append(code, insn(0xb7, byte(i%6+1), 0, int32(i))...)
		}
		for i := range n {
			// if r1 == r2 goto back
			code = append(code, insn(0x1d, 0x21, int16(-min(n+i, 32000)), 0)...)
		}
		return program(append(code, insn(0x95, 0, 0, 0)...))
	}},
	{"CO-RE against one long name", func(n int) *File {
		return coreFile(n, func(b *btf.Builder) (btf.ID, string) {
			i := b.AddInt("int", 4, btf.Signed)
			s := b.AddStruct(strings.Repeat("s", 4*n), 4)
			b.AddMember(strings.Repeat("m", 4*n), i, 0, 0)
			return s, "0:0"
		})
	}},
	{"CO-RE through many members with long names", func(n int) *File {
		return coreFile(n, func(b *btf.Builder) (btf.ID, string) {
			id, access := b.AddInt("int", 4, btf.Signed), "0"
			for range 60 {
				s := b.AddStruct(strings.Repeat("s", n/8), 4)
				b.AddMember(strings.Repeat("m", n/8), id, 0, 0)
				id, access = s, access+":0"
			}
			return id, access
		})
	}},
	{"CO-RE against a struct of many members", func(n int) *File {
		return coreFile(n, func(b *btf.Builder) (btf.ID, string) {
			i := b.AddInt("int", 4, btf.Signed)
			s := b.AddStruct("s", 4)
			for k := range min(n, 60000) {
				b.AddMember(fmt.Sprint("m", k), i, 0, 0)
			}
			return s, fmt.Sprint("0:", min(n, 60000)-1)
		})
	}},
	{"missing externs with long names", func(n int) *File {
		b := btf.NewBuilder(nil)
		i := b.AddInt("int", 4, btf.Signed)
		var vars []btf.ID
		f := &File{}
		for k := range n / 8 {
			name := fmt.Sprintf("%s%d", strings.Repeat("x", 200), k)
			vars = append(vars, b.AddVar(name, btf.LinkageExtern, i))
			f.Symbols = append(f.Symbols, Symbol{Name: name, Bind: elf64.BindGlobal})
		}
		b.AddDatasec(".ksyms", 0)
		for _, v := range vars {
			b.AddSecVar(v, 0, 4)
		}
		f.Sections = withBTF(b).Sections
		return f
	}},
	{"slots of a map with a long name", func(n int) *File {
		name := strings.Repeat("m", 4*n)
		f := mapsFile(1, 8+8*n, func(b *btf.Builder, ptr func(uint32) btf.ID) btf.ID {
			typ, four := ptr(uint32(uapi.MapArrayOfMaps)), ptr(4)
			array := ptr(uint32(uapi.MapArray))
			inner := b.AddStruct("", 8)
			b.AddMember("type", array, 0, 0)
			b.AddMember("key_size", four, 0, 0)
			b.AddMember("value_size", four, 0, 0)
			values := b.AddArray(1, b.AddPtr(inner), 0)
			def := b.AddStruct("", 8)
			b.AddMember("type", typ, 0, 0)
			b.AddMember("values", values, 64, 0)
			return def
		}, name)
		var rels [][2]uint64
		for i := range n {
			rels = append(rels, [2]uint64{uint64(8 + 8*i), 1})
		}
		f.Sections = append(f.Sections,
			Section{Name: ".rel.maps", Type: elf64.SectionRel, Data: Rel(rels...), Info: 2,
				EntSize: 16})
		return f
	}},
	{"references to a map with a long name", func(n int) *File {
		f := mapsFile(1, 8, func(b *btf.Builder, ptr func(uint32) btf.ID) btf.ID {
			typ := ptr(uint32(uapi.MapArray))
			def := b.AddStruct("", 8)
			b.AddMember("type", typ, 0, 0)
			return def
		}, strings.Repeat("m", 4*n))
		var code []byte
		var rels [][2]uint64
		for i := range n {
			code = append(append(code, insn(0x18, 1, 0, 0)...), make([]byte, 8)...)
			rels = append(rels, [2]uint64{uint64(16 * i), 1})
		}
		code = append(code, insn(0x95, 0, 0, 0)...)
		f.Sections = append(f.Sections,
			Section{Name: "socket", Type: elf64.SectionProgBits, Flags: elf64.FlagExec, Data: code},
			Section{Name: ".relsocket", Type: elf64.SectionRel, Data: Rel(rels...), Info: 3,
				EntSize: 16})
		f.Symbols = append(f.Symbols,
			Symbol{Name: "p", Bind: elf64.BindGlobal, Type: elf64.SymbolFunc, Section: 3,
				Size: uint64(len(code))})
		return f
	}},
	{"one program with a long name among many", func(n int) *File {
		f := &File{Sections: []Section{{Name: "socket", Type: elf64.SectionProgBits,
			Flags: elf64.FlagExec}}}
		for i := range n {
			f.Sections[0].Data = append(f.Sections[0].Data, insn(0x95, 0, 0, 0)...)
			name := fmt.Sprint("p", i)
			if i == 0 {
				name = strings.Repeat("p", 8*n)
			}
			f.Symbols = append(f.Symbols,
				Symbol{Name: name, Bind: elf64.BindGlobal, Type: elf64.SymbolFunc, Section: 1,
					Value: uint64(8 * i), Size: 8})
		}
		return f
	}},
	{"jump tables over the same bytes", func(n int) *File {
		var code []byte
		var rels [][2]uint64
		f := program(nil)
		for i := range n {
			code = append(append(code, insn(0x18, 1, 0, 0)...), make([]byte, 8)...)
			rels = append(rels, [2]uint64{uint64(16 * i), uint64(2 + i)})
			f.Symbols = append(f.Symbols,
				Symbol{Name: "j", Bind: elf64.BindLocal, Type: elf64.SymbolObject, Section: 2,
					Value: uint64(8 * i), Size: uint64(8 * (n - i))})
		}
		code = append(code, insn(0x95, 0, 0, 0)...)
		f.Sections[0].Data, f.Symbols[0].Size = code, uint64(len(code))
		f.Sections = append(f.Sections,
			Section{Name: ".jumptables", Type: elf64.SectionProgBits, Data: make([]byte, 8*n)},
			Section{Name: ".relsocket", Type: elf64.SectionRel, Data: Rel(rels...), Info: 1,
				EntSize: 16})
		return f
	}},
	{"kconfig strings of 1 GiB", func(n int) *File {
		b := btf.NewBuilder(nil)
		char := b.AddInt("char", 1, btf.Char)
		one := b.AddVar("CONFIG_A", btf.LinkageExtern, b.AddArray(1, char, 1<<30))
		two := b.AddVar("CONFIG_B", btf.LinkageExtern, b.AddArray(1, char, 1<<30))
		b.AddDatasec(".kconfig", 4)
		b.AddSecVar(one, 0, 4)
		b.AddSecVar(two, 0, 4)
		f := withBTF(b)
		f.Symbols = append(f.Symbols, Symbol{Name: "CONFIG_A", Bind: elf64.BindWeak},
			Symbol{Name: "CONFIG_B", Bind: elf64.BindWeak})
		return f
	}},
}

// insn returns one instruction: opcode, registers (source in the high half), offset, immediate.
func insn(op, regs byte, off int16, imm int32) []byte {
	b := []byte{op, regs, byte(off), byte(off >> 8)}
	return binary.LittleEndian.AppendUint32(b, uint32(imm))
}

// callRel is Rel for relocations of calls (R_BPF_64_32).
func callRel(pairs [][2]uint64) []byte {
	b := Rel(pairs...)
	for i := 8; i < len(b); i += 16 {
		b[i] = 10
	}
	return b
}

// program returns a file with the one program p in section 1.
func program(code []byte) *File {
	return &File{
		Sections: []Section{{Name: "socket", Type: elf64.SectionProgBits, Flags: elf64.FlagExec,
			Data: code}},
		Symbols: []Symbol{{Name: "p", Bind: elf64.BindGlobal, Type: elf64.SymbolFunc, Section: 1,
			Size: uint64(len(code))}},
	}
}

// callers returns n programs that all call one function of size instructions, which has lines line
// records.
func callers(n, size, lines int) *File {
	f := &File{}
	b := btf.NewBuilder(nil)
	proto := b.AddFuncProto(0)
	sub := b.AddFunc("sub", btf.LinkageGlobal, proto)
	main := b.AddFunc("p", btf.LinkageGlobal, proto)
	socket, text, line := b.AddString("socket"), b.AddString(".text"),
		b.AddString(strings.Repeat("line", 200))
	code := make([]byte, 0, 16*n)
	var rels [][2]uint64
	var infos, mainLines []uint32
	f.Symbols = append(f.Symbols,
		Symbol{Name: "sub", Bind: elf64.BindGlobal, Type: elf64.SymbolFunc, Section: 2,
			Size: uint64(8 * (size + 1))})
	for i := range n {
		f.Symbols = append(f.Symbols,
			Symbol{Name: "p", Bind: elf64.BindGlobal, Type: elf64.SymbolFunc, Section: 3,
				Value: uint64(16 * i), Size: 16})
		rels = append(rels, [2]uint64{uint64(16 * i), 1})
		code = append(append(code, insn(0x85, 0x10, 0, -1)...), insn(0x95, 0, 0, 0)...)
		infos = append(infos, uint32(16*i), uint32(main))
		mainLines = append(mainLines, uint32(16*i), 0, line, 1)
	}
	body := make([]byte, 0, 8*size+8)
	for range size {
		body = append(body, insn(0xb7, 0, 0, 0)...)
	}
	body = append(body, insn(0x95, 0, 0, 0)...)
	var subLines []uint32
	for i := range lines {
		subLines = append(subLines, uint32(8*(i%max(size, 1))), 0, line, 1)
	}
	f.Sections = withBTF(b).Sections
	f.Sections = append(f.Sections,
		Section{Name: ".text", Type: elf64.SectionProgBits, Flags: elf64.FlagExec, Data: body},
		Section{Name: "socket", Type: elf64.SectionProgBits, Flags: elf64.FlagExec, Data: code},
		Section{Name: ".relsocket", Type: elf64.SectionRel, Data: callRel(rels), Info: 3,
			EntSize: 16})
	if lines > 0 {
		f.Sections = append(f.Sections,
			Section{Name: ".BTF.ext", Type: elf64.SectionProgBits, Data: ext(
				extInfo{8, []extSec{{text, []uint32{0, uint32(sub)}}, {socket, infos}}},
				extInfo{16, []extSec{{text, subLines}, {socket, mainLines}}},
				extInfo{16, nil})})
	}
	return f
}

// coreFile returns a program of n moves with a CO-RE relocation each, against the type and access
// string that define makes.
func coreFile(n int, define func(b *btf.Builder) (btf.ID, string)) *File {
	b := btf.NewBuilder(nil)
	typ, access := define(b)
	section, path := b.AddString("socket"), b.AddString(access)
	var code []byte
	var records []uint32
	for i := range n {
		code = append(code, insn(0xb7, 1, 0, 0)...)
		// byte offset, existence
		records = append(records, uint32(8*i), uint32(typ), path, uint32(i%2*2))
	}
	f := withBTF(b)
	code = append(code, insn(0x95, 0, 0, 0)...)
	f.Sections = append(f.Sections,
		Section{Name: "socket", Type: elf64.SectionProgBits, Flags: elf64.FlagExec, Data: code},
		Section{Name: ".BTF.ext", Type: elf64.SectionProgBits,
			Data: ext(extInfo{8, nil}, extInfo{16, nil},
				extInfo{16, []extSec{{section, records}}})})
	f.Symbols = []Symbol{{Name: "p", Bind: elf64.BindGlobal, Type: elf64.SymbolFunc, Section: 2,
		Size: uint64(len(code))}}
	return f
}

type extSec struct {
	name  uint32
	words []uint32
}

type extInfo struct {
	size uint32
	secs []extSec
}

// ext encodes .BTF.ext of func_info, line_info and CO-RE records.
func ext(infos ...extInfo) []byte {
	le := binary.LittleEndian
	head := []byte{0x9f, 0xeb, 1, 0, 32, 0, 0, 0}
	var body []byte
	for _, x := range infos {
		start := len(body)
		body = le.AppendUint32(body, x.size)
		for _, s := range x.secs {
			body = le.AppendUint32(le.AppendUint32(body, s.name), uint32(len(s.words))*4/x.size)
			for _, w := range s.words {
				body = le.AppendUint32(body, w)
			}
		}
		if len(x.secs) == 0 {
			body = body[:start]
		}
		head = le.AppendUint32(le.AppendUint32(head, uint32(start)), uint32(len(body)-start))
	}
	return append(head, body...)
}
