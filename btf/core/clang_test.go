package core

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/testkit"
)

// The oracle of this file is clang: the value that it put into an instruction equals the one that
// we compute from the local type.

// held returns the value that an instruction holds for a relocation.
func held(insns []asm.Instruction, i int) uint64 {
	switch insn := insns[i]; {
	case insn.IsLdImm64():
		return insn.Imm64(insns[i+1])
	case insn.Op.IsMemory():
		return uint64(int64(insn.Off))
	default:
		return uint64(int64(insn.Imm))
	}
}

// compareWithClang counts the relocations of each kind and reports those whose instruction holds
// another value. Clang loads bitfields with a greater width than needed, so for these the offset,
// size and left shift together must denote the same bits.
func compareWithClang(t *testing.T, name string, o *testObject, count *[kindCount]int) {
	t.Helper()
	type load struct{ off, size, shift *uint64 }
	type field struct {
		section string
		Relo
	}
	clang, our := map[field]*load{}, map[field]*load{}
	put := func(loads map[field]*load, r testRelo, v uint64) {
		key := field{r.section, Relo{Type: r.Type, Access: r.Access}}
		l := loads[key]
		if l == nil {
			l = new(load)
			loads[key] = l
		}
		switch r.Kind {
		case FieldByteOffset:
			l.off = &v
		case FieldByteSize:
			l.size = &v
		case FieldLShiftU64:
			l.shift = &v
		}
	}
	for _, r := range o.relos(t) {
		var s spec
		if err := s.parse(o.btf, r.Relo); err != nil {
			t.Errorf("%s: %s #%d: %v", name, r.section, r.index, err)
			continue
		}
		f, err := s.fact(o.btf.Order())
		if err != nil {
			t.Errorf("%s: %s #%d: %v", name, r.section, r.index, err)
			continue
		}
		count[r.Kind]++
		got := held(o.insns[r.section], r.insn)
		if f.strict && got != f.value {
			t.Errorf("%s: %s #%d: %s: clang put %d, we compute %d",
				name, r.section, r.index, s.String(), got, f.value)
		}
		if r.Kind.class() == classField {
			put(clang, r, got)
			put(our, r, f.value)
		}
	}
	// where returns the bit of the field that the left shift moves to the top; the right one in
	// little-endian, the left one in big-endian.
	where := func(l *load) uint64 {
		if o.btf.Order() == binary.ByteOrder(binary.BigEndian) {
			return *l.off*8 + *l.shift - (8-*l.size)*8
		}
		return *l.off*8 + 64 - *l.shift
	}
	for key, l := range clang {
		if l.off == nil || l.size == nil || l.shift == nil {
			continue
		}
		if got, want := where(our[key]), where(l); got != want {
			t.Errorf("%s: %s: clang's load and shift find bit %d, ours bit %d", name,
				Describe(o.btf, Relo{FieldByteOffset, key.Type, key.Access}), want, got)
		}
		if l := our[key]; *l.size > 8 || *l.off%*l.size != 0 {
			t.Errorf("%s: %s: we load %d bytes at %d", name,
				Describe(o.btf, Relo{FieldByteOffset, key.Type, key.Access}), *l.size, *l.off)
		}
	}
}

// TestClangCorpus checks all relocations of the corpus.
func TestClangCorpus(t *testing.T) {
	var count [kindCount]int
	for _, obj := range testkit.Corpus(t) {
		if o := readObject(t, obj); o.ext != nil {
			compareWithClang(t, testkit.CorpusName(obj), o, &count)
		}
	}
	for k, n := range count {
		t.Logf("%-14s %5d", Kind(k), n)
		if n == 0 {
			t.Errorf("no relocation of kind %s", Kind(k))
		}
	}
}

// bitfields has bitfields at every position that matters for a load, and reads all facts about
// them.
const bitfields = `
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
enum tone { LOW = -3, HIGH = 1 };
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bits {
	u8 a : 1, b : 2, c : 5;
	signed char d : 3;
	u16 e : 9, f : 7;
	short g : 11;
	u32 h : 1, i : 30;
	int j : 20;
	u64 k : 33, l : 31, m : 1;
	long long n : 63;
	_Bool o : 1;
	enum tone p : 5;
	u32 plain;
	short s;
	struct { u32 inner : 7; u64 pad : 50; u32 last : 3; };
};
#pragma clang attribute pop
#define ask(f) do { *out++ = __builtin_preserve_field_info(p->f, 0); *out++ = __builtin_preserve_field_info(p->f, 1); \
	*out++ = __builtin_preserve_field_info(p->f, 2); *out++ = __builtin_preserve_field_info(p->f, 3); \
	*out++ = __builtin_preserve_field_info(p->f, 4); *out++ = __builtin_preserve_field_info(p->f, 5); } while (0)
void facts(struct bits *p, volatile u64 *out)
{
	ask(a); ask(b); ask(c); ask(d); ask(e); ask(f); ask(g); ask(h); ask(i); ask(j); ask(k); ask(l); ask(m); ask(n); ask(o); ask(p);
	ask(plain); ask(s); ask(inner); ask(pad); ask(last);
}
`

// TestClangBitfields does the same in both byte orders for bitfields, whose position in a register
// depends on the order.
func TestClangBitfields(t *testing.T) {
	for _, arch := range []string{"bpfel", "bpfeb"} {
		t.Run(arch, func(t *testing.T) {
			var count [kindCount]int
			o := readObject(t, testkit.Compile(t, bitfields, "-target", arch))
			if big := o.btf.Order() == binary.ByteOrder(
				binary.BigEndian); big != (arch == "bpfeb") {
				t.Fatalf("byte order is %v", o.btf.Order())
			}
			compareWithClang(t, arch, o, &count)
			for _, k := range []Kind{FieldByteOffset, FieldByteSize, FieldLShiftU64, FieldRShiftU64,
				FieldSigned} {
				if count[k] < 10 {
					t.Errorf("only %d relocations of kind %s", count[k], k)
				}
			}
		})
	}
}

// TestObjectsAreFresh compiles the sources of the committed objects again. The oracle is clang.
func TestObjectsAreFresh(t *testing.T) {
	for _, name := range []string{"two_kernel", "two_program"} {
		source := filepath.Join("testdata", name+".c")
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		fresh := readObject(t, testkit.Compile(t, string(text), "-Itestdata"))
		committed := readObject(t, filepath.Join("testdata", name+".bpf.o"))
		if fresh.btf.Len() != committed.btf.Len() {
			t.Errorf("%s: %d types when compiled now, %d in the object",
				source, fresh.btf.Len(), committed.btf.Len())
		}
		for sec, insns := range fresh.insns {
			if !bytes.Equal(asm.Raw(insns), asm.Raw(committed.insns[sec])) {
				t.Errorf("%s: section %s compiles to other code than is in the object (testdata/build.sh)", source, sec)
			}
		}
	}
}
