package elf64_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// listing is the compared part of llvm-readelf's JSON about a file.
type listing struct {
	FileSummary struct{ File string }
	ElfHeader   struct {
		Ident struct {
			DataEncoding struct{ Value int }
		}
		Machine struct{ Value int }
		Flags   struct{ Value uint32 }
	}
	Sections    []struct{ Section section }
	Relocations []struct {
		SectionIndex int
		Relocs       []struct{ Relocation relocation }
	}
	Symbols []struct{ Symbol symbol }
}

type named struct {
	Name  string
	Value uint64
}

type section struct {
	Index            int
	Name             named
	Type             struct{ Value uint32 }
	Flags            struct{ Value uint64 }
	Address          uint64
	Offset           uint64
	Size             uint64
	Link             uint32
	Info             uint32
	AddressAlignment uint64
	EntrySize        uint64
}

type relocation struct {
	Offset uint64
	Type   struct{ Value uint32 }
	Symbol struct{ Value uint32 }
}

type symbol struct {
	Name    named
	Value   uint64
	Size    uint64
	Binding struct{ Value uint8 }
	Type    struct{ Value uint8 }
	Other   struct{ Value uint8 }
	Section struct{ Value uint16 }
}

// TestReadelf compares every section, symbol and relocation of the whole corpus with the output of
// llvm-readelf-19. Files are read with Parse and Read.
func TestReadelf(t *testing.T) {
	paths := testkit.Corpus(t)
	if raceEnabled { // the race detector makes reading llvm-readelf's 150 MB of JSON slow
		paths = slices.DeleteFunc(paths, func(p string) bool { return len(p)%8 != 0 })
	}
	relocs, symbols := 0, 0
	for batch := range slices.Chunk(paths, 40) {
		out := testkit.Run(t, "llvm-readelf-19",
			append([]string{"--elf-output-style=JSON", "-h", "-S", "-s", "-r"}, batch...)...)
		var want []listing
		if err := json.Unmarshal(out, &want); err != nil {
			t.Fatal(err)
		}
		if len(want) != len(batch) {
			t.Fatalf("llvm-readelf lists %d files of %d", len(want), len(batch))
		}
		for i, path := range batch {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f, err := elf64.Parse(raw)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			name := testkit.CorpusName(path)
			relocs += compareRels(t, name, want[i], f)
			symbols += compareSymbols(t, name, want[i], f)
			compareSections(t, name, want[i], f)

			piecemeal, err := elf64.Read(bytes.NewReader(raw), int64(len(raw)))
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			for i := range f.Sections {
				a, errA := f.Data(&f.Sections[i])
				b, errB := piecemeal.Data(&piecemeal.Sections[i])
				if errA != nil || errB != nil || !bytes.Equal(a, b) ||
					f.Sections[i].Name != piecemeal.Sections[i].Name {
					t.Errorf("%s: section %d differs when read piecemeal: %v, %v",
						name, i, errA, errB)
				}
			}
		}
	}
	t.Logf("%d files, %d relocations, %d symbols", len(paths), relocs, symbols)
	if relocs < 1000*len(paths)/2 || symbols < 20*len(paths) {
		t.Errorf("only %d relocations and %d symbols compared", relocs, symbols)
	}
}

func compareSections(t *testing.T, name string, want listing, f *elf64.File) {
	order := map[int]binary.ByteOrder{1: binary.LittleEndian,
		2: binary.BigEndian}[want.ElfHeader.Ident.DataEncoding.Value]
	if f.Order != order || int(f.Machine) != want.ElfHeader.Machine.Value ||
		f.Flags != want.ElfHeader.Flags.Value || f.Type != elf64.TypeRel {
		t.Errorf("%s: header %v %v %v %v, want %+v", name, f.Order, f.Machine, f.Flags, f.Type,
			want.ElfHeader)
	}
	if len(f.Sections) != len(want.Sections) {
		t.Errorf("%s: %d sections, want %d", name, len(f.Sections), len(want.Sections))
		return
	}
	for i, s := range f.Sections {
		var got section
		got.Index, got.Name.Name = s.Index, s.Name
		got.Type.Value, got.Flags.Value = uint32(s.Type), uint64(s.Flags)
		got.Address, got.Offset, got.Size, got.Link, got.Info = s.Addr, s.Offset, s.Size, s.Link,
			s.Info
		got.AddressAlignment, got.EntrySize = s.Align, s.EntSize
		w := want.Sections[i].Section
		w.Name.Value = 0
		if d := cmp.Diff(w, got); d != "" {
			t.Errorf("%s: section %d: -want +got\n%s", name, i, d)
		}
	}
}

func compareSymbols(t *testing.T, name string, want listing, f *elf64.File) int {
	i := slices.IndexFunc(f.Sections, func(s elf64.Section) bool {
		return s.Type == elf64.SectionSymTab
	})
	if i < 0 {
		t.Errorf("%s: no symbol table", name)
		return 0
	}
	syms, err := f.Symbols(&f.Sections[i])
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return 0
	}
	if syms.Len() != len(want.Symbols) {
		t.Errorf("%s: %d symbols, want %d", name, syms.Len(), len(want.Symbols))
		return 0
	}
	for i := range syms.Len() {
		s, ok := syms.At(i)
		if !ok {
			t.Errorf("%s: no symbol %d", name, i)
			continue
		}
		var got symbol
		got.Name.Name, _ = syms.Name(s)
		if s.Type() == elf64.SymbolSection {
			got.Name.Name = f.Sections[s.Section].Name // llvm-readelf shows the section's
		}
		got.Value, got.Size = s.Value, s.Size
		got.Binding.Value, got.Type.Value, got.Other.Value, got.Section.Value = uint8(s.Bind()),
			uint8(s.Type()), s.Other, uint16(s.Section)
		w := want.Symbols[i].Symbol
		w.Name.Value = 0
		if d := cmp.Diff(w, got); d != "" {
			t.Errorf("%s: symbol %d: -want +got\n%s", name, i, d)
		}
	}
	if _, ok := syms.At(syms.Len()); ok {
		t.Errorf("%s: a symbol past the last", name)
	}
	return syms.Len()
}

func compareRels(t *testing.T, name string, want listing, f *elf64.File) int {
	n, w := 0, want.Relocations
	for i := range f.Sections {
		s := &f.Sections[i]
		if s.Type != elf64.SectionRel {
			continue
		}
		rels, err := f.Rels(s)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(w) == 0 || w[0].SectionIndex != i || len(w[0].Relocs) != rels.Len() {
			t.Errorf("%s: section %d has %d relocations, want %+v", name, i, rels.Len(), w)
			return n
		}
		for j := range rels.Len() {
			r, x := rels.At(j), w[0].Relocs[j].Relocation
			if r.Offset != x.Offset || r.Type != x.Type.Value || r.Symbol != x.Symbol.Value {
				t.Errorf("%s: section %d relocation %d is %+v, want %+v", name, i, j, r, x)
			}
		}
		n += rels.Len()
		w = w[1:]
	}
	if len(w) != 0 {
		t.Errorf("%s: relocations of %d sections not read", name, len(w))
	}
	return n
}

// TestTruncated cuts a real object at every byte: the section headers are at its end, so nothing
// shorter may parse, and the error is a *FormatError whose offset is within the original file.
func TestTruncated(t *testing.T) {
	raw, err := os.ReadFile(testkit.CorpusObject(t, "tools/opensnoop.bpf.o"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range raw {
		_, err := elf64.Parse(raw[:n:n])
		var fe *elf64.FormatError
		if !errors.As(err, &fe) || fe.Offset > uint64(len(raw)) || fe.Msg == "" {
			t.Fatalf("%d of %d bytes: %v", n, len(raw), err)
		}
	}
	if _, err := elf64.Parse(raw); err != nil {
		t.Fatal(err)
	}
}

// TestHostileHeaders breaks one field at a time and checks that the error names the place. The
// oracle is the ELF specification, from which the offsets are taken.
func TestHostileHeaders(t *testing.T) {
	raw, err := os.ReadFile(testkit.CorpusObject(t, "tools/opensnoop.bpf.o"))
	if err != nil {
		t.Fatal(err)
	}
	shoff := binary.LittleEndian.Uint64(raw[40:])
	num := uint64(binary.LittleEndian.Uint16(raw[60:]))
	put := binary.LittleEndian
	for _, tc := range []struct {
		name   string
		edit   func(b []byte)
		offset uint64
	}{
		{"magic", func(b []byte) { b[0] = 0 }, 0},
		{"class", func(b []byte) { b[4] = 1 }, 4},
		{"encoding", func(b []byte) { b[5] = 3 }, 5},
		{"version", func(b []byte) { b[6] = 2 }, 6},
		{"no section headers", func(b []byte) { put.PutUint64(b[40:], 0) }, 40},
		{"section headers outside", func(b []byte) { put.PutUint64(b[40:], 1<<63) }, 1 << 63},
		{"section header size", func(b []byte) { put.PutUint16(b[58:], 40) }, 58},
		{"too many sections", func(b []byte) { put.PutUint16(b[60:], 0xfeff) }, shoff},
		{"too many sections, long form", func(b []byte) {
			put.PutUint16(b[60:], 0)
			put.PutUint64(b[shoff+32:], 1<<60)
		}, shoff},
		{"names index", func(b []byte) { put.PutUint16(b[62:], uint16(num)) }, 62},
		{"names index, long form", func(b []byte) {
			put.PutUint16(b[62:], 0xffff)
			put.PutUint32(b[shoff+40:], 1<<31)
		}, 62},
		{"name outside", func(b []byte) { put.PutUint32(b[shoff+64:], 1<<31) }, shoff + 64},
		{"names outside", func(b []byte) { put.PutUint64(b[shoff+64+24:], 1<<62) }, 1 << 62},
	} {
		b := bytes.Clone(raw)
		tc.edit(b)
		_, err := elf64.Parse(b)
		var fe *elf64.FormatError
		if !errors.As(err, &fe) || fe.Offset != tc.offset {
			t.Errorf("%s: %v, want offset %#x", tc.name, err, tc.offset)
		}
	}
}

// TestManySections reads section count and name index from the null section, as in files with
// 65,280 sections and more. The oracle is the same file in the short form.
func TestManySections(t *testing.T) {
	raw, err := os.ReadFile(testkit.CorpusObject(t, "tools/opensnoop.bpf.o"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := elf64.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	b, put := bytes.Clone(raw), binary.LittleEndian
	shoff := put.Uint64(b[40:])
	put.PutUint64(b[shoff+32:], uint64(put.Uint16(b[60:])))
	put.PutUint32(b[shoff+40:], uint32(put.Uint16(b[62:])))
	put.PutUint16(b[60:], 0)
	put.PutUint16(b[62:], 0xffff)
	got, err := elf64.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.Sections {
		if i > 0 && want.Sections[i].Name != got.Sections[i].Name {
			t.Errorf("section %d is %q, want %q", i, got.Sections[i].Name, want.Sections[i].Name)
		}
	}
}

// FuzzParse parses mutated files and calls every method of the File. Nothing may panic, and results
// must lie in the file.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"tools/bashreadline.bpf.o", "tools/opensnoop.bpf.o",
		"xdp/xdp-dispatcher.o", "selftests/test_xdp_noinline.bpf.o"} {
		raw, err := os.ReadFile(testkit.CorpusObject(f, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := elf64.Parse(raw)
		if err != nil {
			return
		}
		for i := range file.Sections {
			s := &file.Sections[i]
			b, err := file.Data(s)
			if err == nil && len(b) > len(raw) {
				t.Fatalf("section %d has %d bytes, the file %d", i, len(b), len(raw))
			}
			if rels, err := file.Rels(s); err == nil {
				for j := range rels.Len() {
					rels.At(j)
				}
			}
			if syms, err := file.Symbols(s); err == nil {
				for j := range min(syms.Len(), 1000) {
					sym, _ := syms.At(j)
					syms.Name(sym)
				}
			}
		}
	})
}
