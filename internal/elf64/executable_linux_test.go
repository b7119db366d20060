package elf64_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/testkit"
)

// executable is the compared part of llvm-readelf's JSON about a program.
type executable struct {
	Sections       []struct{ Section section }
	ProgramHeaders []struct {
		ProgramHeader struct {
			Type           struct{ Value uint32 }
			Flags          struct{ Value uint32 }
			Offset         uint64
			VirtualAddress uint64
			FileSize       uint64
			MemSize        uint64
		}
	}
	DynamicSymbols []struct{ Symbol symbol }
}

// TestExecutables compares segments, sections and dynamic symbols of programs and libraries, of 64
// and 32 bits, with the output of llvm-readelf-19.
func TestExecutables(t *testing.T) {
	const text = "int data = 1; int first(void) { return data; } int second(void) { return first(); }"
	flags := []string{"-shared", "-fPIC", "-nostdlib", "-ffreestanding"}
	for _, path := range []string{testkit.Native(t, text, flags...),
		testkit.Native(t, text, append(flags, "-m32")...), "/proc/self/exe"} {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		copied := t.TempDir() + "/file" // /proc/self/exe would be llvm-readelf itself
		if err := os.WriteFile(copied, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		var list []executable
		if err := json.Unmarshal(testkit.Run(t, "llvm-readelf-19", "--elf-output-style=JSON", "-S",
			"-l", "--dyn-symbols", copied), &list); err != nil || len(list) != 1 {
			t.Fatal(err)
		}
		want := list[0]
		f, err := elf64.ReadExecutable(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if len(f.Segments) != len(want.ProgramHeaders) || len(f.Segments) == 0 ||
			len(f.Sections) != len(want.Sections) {
			t.Fatalf("%s: %d segments and %d sections, want %d and %d", path, len(f.Segments),
				len(f.Sections), len(want.ProgramHeaders), len(want.Sections))
		}
		for i, s := range f.Segments {
			h := want.ProgramHeaders[i].ProgramHeader
			w := elf64.Segment{Type: elf64.SegmentType(h.Type.Value),
				Flags: elf64.SegmentFlags(h.Flags.Value), Offset: h.Offset, Addr: h.VirtualAddress,
				FileSize: h.FileSize, MemSize: h.MemSize}
			if s != w {
				t.Errorf("%s: segment %d is %+v, want %+v", path, i, s, w)
			}
			if s.MemSize > 0 && (!s.Holds(s.Addr) || !s.Holds(s.Addr+s.MemSize-1) ||
				s.Holds(s.Addr+s.MemSize) || s.Holds(s.Addr-1)) {
				t.Errorf("%s: segment %d contains addresses outside of it", path, i)
			}
		}
		for i, s := range f.Sections {
			w := want.Sections[i].Section
			if s.Addr != w.Address || s.Offset != w.Offset || s.Size != w.Size ||
				s.Name != w.Name.Name || uint32(s.Type) != w.Type.Value || s.Link != w.Link ||
				s.EntSize != w.EntrySize ||
				uint64(s.Flags) != w.Flags.Value || s.Align != w.AddressAlignment ||
				s.Info != w.Info {
				t.Errorf("%s: section %d is %+v, want %+v", path, i, s, w)
			}
			if s.Type != elf64.SectionDynSym {
				continue
			}
			symbols, err := f.Symbols(&f.Sections[i])
			if err != nil || symbols.Len() != len(want.DynamicSymbols) {
				t.Fatalf("%s: %d dynamic symbols, want %d; %v",
					path, symbols.Len(), len(want.DynamicSymbols), err)
			}
			for j := range symbols.Len() {
				s, _ := symbols.At(j)
				var got symbol
				got.Name.Name, _ = symbols.Name(s)
				got.Value, got.Size = s.Value, s.Size
				got.Binding.Value, got.Type.Value, got.Other.Value,
					got.Section.Value = uint8(s.Bind()), uint8(s.Type()), s.Other, uint16(s.Section)
				w := want.DynamicSymbols[j].Symbol
				w.Name.Value = 0
				// readelf adds the version, which is not in this table
				w.Name.Name, _, _ = strings.Cut(w.Name.Name, "@")
				if d := cmp.Diff(w, got); d != "" {
					t.Errorf("%s: symbol %d: -want +got\n%s", path, j, d)
				}
			}
		}
		// Only ReadExecutable accepts 32-bit files; neither accepts a truncated one.
		if _, err := elf64.Parse(raw); (err == nil) != (f.WordSize() == 8) {
			t.Errorf("%s: Parse: %v", path, err)
		}
		for _, n := range []int{0, 51, 63, len(raw) / 2, len(raw) - 1} {
			_, err := elf64.ReadExecutable(bytes.NewReader(raw[:n]), int64(n))
			var format *elf64.FormatError
			if !errors.As(err, &format) {
				t.Errorf("%s: %d of %d bytes: %v", path, n, len(raw), err)
			}
		}
	}
}
