package object_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/uapi"
)

// amplifiers make files in which a few bytes ask for much work or memory: many things that refer to one big thing, or sizes that
// nothing stands behind. n scales them.
var amplifiers = []struct {
	name string
	make func(n int) *elfFile
}{
	{"functions over the same code", func(n int) *elfFile {
		f := &elfFile{sections: []elfSection{{name: "socket", typ: elf64.SectionProgBits, flags: elf64.FlagExec, data: make([]byte, 8*n)}}}
		for i := range n {
			f.symbols = append(f.symbols, elfSymbol{name: "f", bind: elf64.BindGlobal, typ: elf64.SymbolFunc, section: 1, size: uint64(8 * (n - i))})
		}
		return f
	}},
	{"sections over the same code", func(n int) *elfFile {
		f := &elfFile{sections: []elfSection{{name: "socket", typ: elf64.SectionProgBits, flags: elf64.FlagExec, data: make([]byte, 64*n)}}}
		for i := range min(n, 60000) {
			f.sections = append(f.sections, elfSection{name: "xdp", typ: elf64.SectionProgBits, flags: elf64.FlagExec, size: uint64(64 * n), overlay: 1})
			f.symbols = append(f.symbols, elfSymbol{name: "f", bind: elf64.BindGlobal, typ: elf64.SymbolFunc, section: uint16(i + 2), size: 8})
		}
		return f
	}},
	{"data sections over the same bytes", func(n int) *elfFile {
		f := &elfFile{sections: []elfSection{{name: ".data", typ: elf64.SectionProgBits, data: make([]byte, 64*n)}}}
		for range min(n, 60000) {
			f.sections = append(f.sections, elfSection{name: ".data", typ: elf64.SectionProgBits, size: uint64(64 * n), overlay: 1})
		}
		return f
	}},
	{"huge .bss", func(n int) *elfFile {
		f := &elfFile{}
		for i := range min(n, 60000) {
			f.sections = append(f.sections, elfSection{name: fmt.Sprintf(".bss.%d", i), typ: elf64.SectionNoBits, size: 1<<32 - 1})
		}
		return f
	}},
	{"sections of one name with many variables", func(n int) *elfFile {
		b := btf.NewBuilder(nil)
		v := b.AddVar("v", btf.LinkageStatic, b.AddInt("int", 4, btf.Signed))
		b.AddDatasec(".bss", 4)
		for range n {
			b.AddSecVar(v, 0, 4)
		}
		f := withBTF(b)
		for range min(n, 60000) {
			f.sections = append(f.sections, elfSection{name: ".bss", typ: elf64.SectionNoBits, size: 4})
		}
		return f
	}},
	{"maps with one definition and long names", func(n int) *elfFile {
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
	{"maps with one definition of many fields", func(n int) *elfFile {
		return mapsFile(n, 8, func(b *btf.Builder, ptr func(uint32) btf.ID) btf.ID {
			two := ptr(2)
			outer := b.AddStruct("", 8)
			for range min(n, 60000) {
				b.AddMember("type", two, 0, 0)
			}
			return outer
		}, "m")
	}},
	{"one map listed many times", func(n int) *elfFile {
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
		f.sections = append(f.sections, elfSection{name: ".maps", typ: elf64.SectionProgBits, data: make([]byte, 8*n)})
		f.symbols = []elfSymbol{{name: "m", bind: elf64.BindGlobal, typ: elf64.SymbolObject, section: 2, size: 8}}
		return f
	}},
	{"externs of one name", func(n int) *elfFile {
		b := btf.NewBuilder(nil)
		v := b.AddVar("x", btf.LinkageExtern, b.AddInt("int", 4, btf.Signed))
		b.AddDatasec(".kconfig", 4)
		b.AddSecVar(v, 0, 4)
		f := withBTF(b)
		for range n {
			f.symbols = append(f.symbols, elfSymbol{name: "x", bind: elf64.BindWeak})
		}
		return f
	}},
	{"a kconfig string of 2 GiB", func(n int) *elfFile {
		b := btf.NewBuilder(nil)
		v := b.AddVar("x", btf.LinkageExtern, b.AddArray(1, b.AddInt("char", 1, btf.Char), 1<<31))
		b.AddDatasec(".kconfig", 4)
		b.AddSecVar(v, 0, 4)
		f := withBTF(b)
		f.symbols = append(f.symbols, elfSymbol{name: "x", bind: elf64.BindWeak})
		return f
	}},
	{"one kfunc of many parameters listed many times", func(n int) *elfFile {
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
		f.symbols = append(f.symbols, elfSymbol{name: "k", bind: elf64.BindGlobal})
		return f
	}},
	{"variables with one long name", func(n int) *elfFile {
		b := btf.NewBuilder(nil)
		i := b.AddInt("int", 4, btf.Signed)
		v := b.AddVar(strings.Repeat("n", 500), btf.LinkageGlobal, i)
		b.AddDatasec(".data", 4)
		for range n {
			b.AddSecVar(v, 0, 4)
		}
		f := withBTF(b)
		f.sections = append(f.sections, elfSection{name: ".data", typ: elf64.SectionProgBits, data: make([]byte, 4)})
		for range n {
			f.symbols = append(f.symbols, elfSymbol{name: strings.Repeat("n", 500), bind: elf64.BindGlobal, typ: elf64.SymbolObject, section: 2, size: 4})
		}
		return f
	}},
	{"struct_ops over the same bytes", func(n int) *elfFile {
		b := btf.NewBuilder(nil)
		v := b.AddVar("ops", btf.LinkageGlobal, b.AddStruct("ops", uint32(8*n)))
		b.AddDatasec(".struct_ops", uint32(8*n))
		for range n {
			b.AddSecVar(v, 0, uint32(8*n))
		}
		f := withBTF(b)
		f.sections = append(f.sections, elfSection{name: ".struct_ops", typ: elf64.SectionProgBits, data: make([]byte, 8*n)})
		f.symbols = []elfSymbol{{name: "ops", bind: elf64.BindGlobal, typ: elf64.SymbolObject, section: 2}}
		return f
	}},
	{"struct_ops of many members, backwards", func(n int) *elfFile {
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
		f.sections = append(f.sections,
			elfSection{name: ".struct_ops", typ: elf64.SectionProgBits, data: make([]byte, 8*n)},
			elfSection{name: "struct_ops", typ: elf64.SectionProgBits, flags: elf64.FlagExec, data: make([]byte, 8)},
			elfSection{name: ".rel.struct_ops", typ: elf64.SectionRel, data: rel(rels...), info: 2, entSize: 16})
		f.symbols = []elfSymbol{{name: "ops", bind: elf64.BindGlobal, typ: elf64.SymbolObject, section: 2}, {name: "p", bind: elf64.BindGlobal, typ: elf64.SymbolFunc, section: 3, size: 8}}
		return f
	}},
	{"relocations of overlapping functions, backwards", func(n int) *elfFile {
		code := make([]byte, 16*n)
		for i := range n {
			code[16*i] = 0x18
		}
		f := &elfFile{sections: []elfSection{
			{name: "socket", typ: elf64.SectionProgBits, flags: elf64.FlagExec, data: code},
			{name: ".data", typ: elf64.SectionProgBits, data: make([]byte, 8)},
		}}
		var rels [][2]uint64
		for i := range n {
			rels = append(rels, [2]uint64{uint64(16 * (n - 1 - i)), 1})
		}
		f.symbols = []elfSymbol{{name: "d", bind: elf64.BindGlobal, typ: elf64.SymbolObject, section: 2}}
		for i := range n {
			f.symbols = append(f.symbols, elfSymbol{name: "f", bind: elf64.BindGlobal, typ: elf64.SymbolFunc, section: 1, value: uint64(16 * i), size: uint64(16 * (n - i))})
		}
		f.sections = append(f.sections, elfSection{name: ".relsocket", typ: elf64.SectionRel, data: rel(rels...), info: 1, entSize: 16})
		return f
	}},
	{"slots of one map", func(n int) *elfFile {
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
		f.sections = append(f.sections,
			elfSection{name: "socket", typ: elf64.SectionProgBits, flags: elf64.FlagExec, data: make([]byte, 8)},
			elfSection{name: ".rel.maps", typ: elf64.SectionRel, data: rel(rels...), info: 2, entSize: 16})
		f.symbols = append(f.symbols, elfSymbol{name: "p", bind: elf64.BindGlobal, typ: elf64.SymbolFunc, section: 3, size: 8})
		return f
	}},
}

// withBTF is a file whose section 1 is b.
func withBTF(b *btf.Builder) *elfFile {
	raw := b.BytesOrder(binary.LittleEndian)
	if raw == nil {
		panic(b.Err())
	}
	return &elfFile{sections: []elfSection{{name: ".BTF", typ: elf64.SectionProgBits, data: raw}}}
}

// mapsFile is a file with n maps of one definition and of size bytes each, in section 2.
func mapsFile(n, size int, define func(b *btf.Builder, ptr func(uint32) btf.ID) btf.ID, name string) *elfFile {
	b := btf.NewBuilder(nil)
	b.AddInt("int", 4, btf.Signed)
	def := define(b, func(n uint32) btf.ID { return b.AddPtr(b.AddArray(1, 1, n)) })
	var vars []btf.ID
	f := &elfFile{}
	for i := range n {
		v := fmt.Sprint(name, i)
		vars = append(vars, b.AddVar(v, btf.LinkageGlobal, def))
		f.symbols = append(f.symbols, elfSymbol{name: v, bind: elf64.BindGlobal, typ: elf64.SymbolObject, section: 2, value: uint64(size * i), size: uint64(size)})
	}
	b.AddDatasec(".maps", uint32(size*n))
	for i, v := range vars {
		b.AddSecVar(v, uint32(size*i), uint32(size))
	}
	f.sections = append(withBTF(b).sections, elfSection{name: ".maps", typ: elf64.SectionProgBits, data: make([]byte, size*n)})
	return f
}

// TestAmplifiers wants time and memory to grow with the input, not faster. Oracle: the limits of meter, and the time of an input of an
// eighth of the size; other work on the machine is evened out by measuring again.
func TestAmplifiers(t *testing.T) {
	for _, tc := range amplifiers {
		m := newMeter()
		small, large := tc.make(2500).bytes(), tc.make(20000).bytes()
		best := [2]time.Duration{time.Hour, time.Hour}
		grows := func() bool {
			for i, raw := range [][]byte{small, large} {
				best[i] = min(best[i], m.parse(t, raw, func() string { return fmt.Sprintf("%s, %d bytes", tc.name, len(raw)) }))
			}
			return best[1] > 4*time.Duration(len(large)/len(small)+1)*best[0]+20*time.Millisecond
		}
		for tries := 0; grows() && !raceEnabled; tries++ {
			if tries == 20 {
				t.Errorf("%s: %v for %d bytes, %v for %d bytes", tc.name, best[0], len(small), best[1], len(large))
				break
			}
		}
		t.Logf("%-50s %8d bytes, %8v; %8d bytes, %8v; %d accepted, %.2f of the memory allowed", tc.name, len(small), best[0], len(large), best[1], m.accepted, m.worst)
	}
}
