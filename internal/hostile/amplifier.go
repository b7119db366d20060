package hostile

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/uapi"
)

// Amplifier makes files of one kind.
type Amplifier struct {
	Name string
	Make func(n int) *File
}

// Amplifiers make files in which a few bytes request much work or memory: many things that refer to
// one big thing, or sizes without data behind them. n scales them.
var Amplifiers = []Amplifier{
	{"functions over the same code", func(n int) *File {
		f := &File{Sections: []Section{{Name: "socket", Type: elf64.SectionProgBits,
			Flags: elf64.FlagExec, Data: make([]byte, 8*n)}}}
		for i := range n {
			f.Symbols = append(f.Symbols,
				Symbol{Name: "f", Bind: elf64.BindGlobal, Type: elf64.SymbolFunc, Section: 1,
					Size: uint64(8 * (n - i))})
		}
		return f
	}},
	{"sections over the same code", func(n int) *File {
		f := &File{Sections: []Section{{Name: "socket", Type: elf64.SectionProgBits,
			Flags: elf64.FlagExec, Data: make([]byte, 64*n)}}}
		for i := range min(n, 60000) {
			f.Sections = append(f.Sections,
				Section{Name: "xdp", Type: elf64.SectionProgBits, Flags: elf64.FlagExec,
					Size: uint64(64 * n), Overlay: 1})
			f.Symbols = append(f.Symbols,
				Symbol{Name: "f", Bind: elf64.BindGlobal, Type: elf64.SymbolFunc,
					Section: uint16(i + 2), Size: 8})
		}
		return f
	}},
	{"data sections over the same bytes", func(n int) *File {
		f := &File{Sections: []Section{{Name: ".data", Type: elf64.SectionProgBits,
			Data: make([]byte, 64*n)}}}
		for range min(n, 60000) {
			f.Sections = append(f.Sections,
				Section{Name: ".data", Type: elf64.SectionProgBits, Size: uint64(64 * n),
					Overlay: 1})
		}
		return f
	}},
	{"huge .bss", func(n int) *File {
		f := &File{}
		for i := range min(n, 60000) {
			f.Sections = append(f.Sections,
				Section{Name: fmt.Sprintf(".bss.%d", i), Type: elf64.SectionNoBits,
					Size: 1<<32 - 1})
		}
		return f
	}},
	{"sections of one name with many variables", func(n int) *File {
		b := btf.NewBuilder(nil)
		v := b.AddVar("v", btf.LinkageStatic, b.AddInt("int", 4, btf.Signed))
		b.AddDatasec(".bss", 4)
		for range n {
			b.AddSecVar(v, 0, 4)
		}
		f := withBTF(b)
		for range min(n, 60000) {
			f.Sections = append(f.Sections,
				Section{Name: ".bss", Type: elf64.SectionNoBits, Size: 4})
		}
		return f
	}},
	{"maps with one definition and long names", func(n int) *File {
		return mapsFile(n, 8, func(b *btf.Builder, ptr func(uint32) btf.ID) btf.ID {
			array := ptr(uint32(uapi.MapArray))
			inner := b.AddStruct("", 8)
			b.AddMember("type", array, 0, 0)
			elem := b.AddPtr(inner)
			typ := ptr(uint32(uapi.MapArrayOfMaps))
			values := b.AddArray(1, elem, 0)
			outer := b.AddStruct("", 8)
			b.AddMember("type", typ, 0, 0)
			b.AddMember("values", values, 64, 0)
			return outer
		}, strings.Repeat("long", 10))
	}},
	{"maps with one definition of many fields", func(n int) *File {
		return mapsFile(n, 8, func(b *btf.Builder, ptr func(uint32) btf.ID) btf.ID {
			two := ptr(2)
			outer := b.AddStruct("", 8)
			for range min(n, 60000) {
				b.AddMember("type", two, 0, 0)
			}
			return outer
		}, "m")
	}},
	{"one map listed many times", func(n int) *File {
		b := btf.NewBuilder(nil)
		b.AddInt("int", 4, btf.Signed)
		ptr := b.AddPtr(b.AddArray(1, 1, 2))
		def := b.AddStruct("", 8)
		b.AddMember("type", ptr, 0, 0)
		v := b.AddVar("m", btf.LinkageGlobal, def)
		b.AddDatasec(".maps", uint32(8*n))
		for i := range n {
			b.AddSecVar(v, uint32(8*i), 8)
		}
		f := withBTF(b)
		f.Sections = append(f.Sections,
			Section{Name: ".maps", Type: elf64.SectionProgBits, Data: make([]byte, 8*n)})
		f.Symbols = []Symbol{{Name: "m", Bind: elf64.BindGlobal, Type: elf64.SymbolObject,
			Section: 2, Size: 8}}
		return f
	}},
	{"externs of one name", func(n int) *File {
		b := btf.NewBuilder(nil)
		v := b.AddVar("x", btf.LinkageExtern, b.AddInt("int", 4, btf.Signed))
		b.AddDatasec(".kconfig", 4)
		b.AddSecVar(v, 0, 4)
		f := withBTF(b)
		for range n {
			f.Symbols = append(f.Symbols, Symbol{Name: "x", Bind: elf64.BindWeak})
		}
		return f
	}},
	{"a kconfig string of 2 GiB", func(n int) *File {
		b := btf.NewBuilder(nil)
		v := b.AddVar("x", btf.LinkageExtern, b.AddArray(1, b.AddInt("char", 1, btf.Char), 1<<31))
		b.AddDatasec(".kconfig", 4)
		b.AddSecVar(v, 0, 4)
		f := withBTF(b)
		f.Symbols = append(f.Symbols, Symbol{Name: "x", Bind: elf64.BindWeak})
		return f
	}},
	{"one kfunc of many parameters listed many times", func(n int) *File {
		b := btf.NewBuilder(nil)
		b.AddInt("int", 4, btf.Signed)
		proto := b.AddFuncProto(0)
		for range n {
			b.AddParam("", 1)
		}
		fn := b.AddFunc("k", btf.LinkageExtern, proto)
		b.AddDatasec(".ksyms", 0)
		for range n {
			b.AddSecVar(fn, 0, 0)
		}
		f := withBTF(b)
		f.Symbols = append(f.Symbols, Symbol{Name: "k", Bind: elf64.BindGlobal})
		return f
	}},
	{"variables with one long name", func(n int) *File {
		b := btf.NewBuilder(nil)
		i := b.AddInt("int", 4, btf.Signed)
		v := b.AddVar(strings.Repeat("n", 500), btf.LinkageGlobal, i)
		b.AddDatasec(".data", 4)
		for range n {
			b.AddSecVar(v, 0, 4)
		}
		f := withBTF(b)
		f.Sections = append(f.Sections,
			Section{Name: ".data", Type: elf64.SectionProgBits, Data: make([]byte, 4)})
		for range n {
			f.Symbols = append(f.Symbols,
				Symbol{Name: strings.Repeat("n", 500), Bind: elf64.BindGlobal,
					Type: elf64.SymbolObject, Section: 2, Size: 4})
		}
		return f
	}},
	{"struct_ops over the same bytes", func(n int) *File {
		b := btf.NewBuilder(nil)
		v := b.AddVar("ops", btf.LinkageGlobal, b.AddStruct("ops", uint32(8*n)))
		b.AddDatasec(".struct_ops", uint32(8*n))
		for range n {
			b.AddSecVar(v, 0, uint32(8*n))
		}
		f := withBTF(b)
		f.Sections = append(f.Sections,
			Section{Name: ".struct_ops", Type: elf64.SectionProgBits, Data: make([]byte, 8*n)})
		f.Symbols = []Symbol{{Name: "ops", Bind: elf64.BindGlobal, Type: elf64.SymbolObject,
			Section: 2}}
		return f
	}},
	{"struct_ops of many members, backwards", func(n int) *File {
		n = min(n, 60000)
		b := btf.NewBuilder(nil)
		ptr := b.AddPtr(b.AddFuncProto(0))
		ops := b.AddStruct("ops", uint32(8*n))
		for i := range n {
			b.AddMember("f", ptr, uint32(64*i), 0)
		}
		v := b.AddVar("ops", btf.LinkageGlobal, ops)
		b.AddDatasec(".struct_ops", uint32(8*n))
		b.AddSecVar(v, 0, uint32(8*n))
		f := withBTF(b)
		var rels [][2]uint64
		for i := range n {
			rels = append(rels, [2]uint64{uint64(8 * (n - 1 - i)), 2})
		}
		f.Sections = append(f.Sections,
			Section{Name: ".struct_ops", Type: elf64.SectionProgBits, Data: make([]byte, 8*n)},
			Section{Name: "struct_ops", Type: elf64.SectionProgBits, Flags: elf64.FlagExec,
				Data: make([]byte, 8)},
			Section{Name: ".rel.struct_ops", Type: elf64.SectionRel, Data: Rel(rels...), Info: 2,
				EntSize: 16})
		f.Symbols = []Symbol{{Name: "ops", Bind: elf64.BindGlobal, Type: elf64.SymbolObject,
			Section: 2}, {Name: "p", Bind: elf64.BindGlobal, Type: elf64.SymbolFunc, Section: 3,
			Size: 8}}
		return f
	}},
	{"relocations of overlapping functions, backwards", func(n int) *File {
		code := make([]byte, 16*n)
		for i := range n {
			code[16*i] = 0x18
		}
		f := &File{Sections: []Section{
			{Name: "socket", Type: elf64.SectionProgBits, Flags: elf64.FlagExec, Data: code},
			{Name: ".data", Type: elf64.SectionProgBits, Data: make([]byte, 8)},
		}}
		var rels [][2]uint64
		for i := range n {
			rels = append(rels, [2]uint64{uint64(16 * (n - 1 - i)), 1})
		}
		f.Symbols = []Symbol{{Name: "d", Bind: elf64.BindGlobal, Type: elf64.SymbolObject,
			Section: 2}}
		for i := range n {
			f.Symbols = append(f.Symbols,
				Symbol{Name: "f", Bind: elf64.BindGlobal, Type: elf64.SymbolFunc, Section: 1,
					Value: uint64(16 * i), Size: uint64(16 * (n - i))})
		}
		f.Sections = append(f.Sections,
			Section{Name: ".relsocket", Type: elf64.SectionRel, Data: Rel(rels...), Info: 1,
				EntSize: 16})
		return f
	}},
	{"slots of one map", func(n int) *File {
		f := mapsFile(1, 8+8*n, func(b *btf.Builder, ptr func(uint32) btf.ID) btf.ID {
			proto := b.AddPtr(b.AddFuncProto(0))
			typ := ptr(uint32(uapi.MapProgArray))
			values := b.AddArray(1, proto, 0)
			def := b.AddStruct("", 8)
			b.AddMember("type", typ, 0, 0)
			b.AddMember("values", values, 64, 0)
			return def
		}, "m")
		var rels [][2]uint64
		for i := range n {
			rels = append(rels, [2]uint64{uint64(8 + 8*(n-1-i)), 2})
		}
		f.Sections = append(f.Sections,
			Section{Name: "socket", Type: elf64.SectionProgBits, Flags: elf64.FlagExec,
				Data: make([]byte, 8)},
			Section{Name: ".rel.maps", Type: elf64.SectionRel, Data: Rel(rels...), Info: 2,
				EntSize: 16})
		f.Symbols = append(f.Symbols,
			Symbol{Name: "p", Bind: elf64.BindGlobal, Type: elf64.SymbolFunc, Section: 3, Size: 8})
		return f
	}},
}

// withBTF returns a file whose section 1 is b.
func withBTF(b *btf.Builder) *File {
	raw := b.BytesOrder(binary.LittleEndian)
	if raw == nil {
		panic(b.Err())
	}
	return &File{Sections: []Section{{Name: ".BTF", Type: elf64.SectionProgBits, Data: raw}}}
}

// mapsFile returns a file with n maps of one definition and of size bytes each, in section 2.
func mapsFile(n, size int, define func(b *btf.Builder, ptr func(uint32) btf.ID) btf.ID,
	name string) *File {
	b := btf.NewBuilder(nil)
	b.AddInt("int", 4, btf.Signed)
	def := define(b, func(n uint32) btf.ID { return b.AddPtr(b.AddArray(1, 1, n)) })
	var vars []btf.ID
	f := &File{}
	for i := range n {
		v := fmt.Sprint(name, i)
		vars = append(vars, b.AddVar(v, btf.LinkageGlobal, def))
		f.Symbols = append(f.Symbols,
			Symbol{Name: v, Bind: elf64.BindGlobal, Type: elf64.SymbolObject, Section: 2,
				Value: uint64(size * i), Size: uint64(size)})
	}
	b.AddDatasec(".maps", uint32(size*n))
	for i, v := range vars {
		b.AddSecVar(v, uint32(size*i), uint32(size))
	}
	f.Sections = append(withBTF(b).Sections,
		Section{Name: ".maps", Type: elf64.SectionProgBits, Data: make([]byte, size*n)})
	return f
}
