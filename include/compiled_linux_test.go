//go:build amd64 || arm64

package include_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
)

// compareObjects fails the test where two objects differ.
func compareObjects(t *testing.T, want, got, wantHeaders, gotHeaders string) {
	t.Helper()
	a, b := readCompiled(t, want, wantHeaders), readCompiled(t, got, gotHeaders)
	if diff := cmp.Diff(a.sections, b.sections); diff != "" {
		t.Errorf("sections differ (-libbpf +ours):\n%s", short(diff))
	}
	if diff := cmp.Diff(a.types, b.types); diff != "" {
		t.Errorf(".BTF differs (-libbpf +ours):\n%s", short(diff))
	}
	if diff := cmp.Diff(a.ext, b.ext); diff != "" {
		t.Errorf(".BTF.ext differs (-libbpf +ours):\n%s", short(diff))
	}
}

func short(text string) string {
	if lines := strings.SplitAfter(text, "\n"); len(lines) > 40 {
		return strings.Join(lines[:40], "") + "...\n"
	}
	return text
}

// compiled is what of an object counts.
type compiled struct {
	sections []string // their bytes and relocations
	types    []string // as bpftool prints them
	ext      []string // records of .BTF.ext, without lines in the headers
}

func readCompiled(t *testing.T, path, headers string) (c compiled) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range f.Sections {
		switch {
		case strings.HasPrefix(s.Name, ".debug_"), strings.HasPrefix(s.Name, ".rel.debug_"),
			strings.HasPrefix(s.Name, ".BTF"), strings.HasPrefix(s.Name, ".rel.BTF"),
			strings.HasPrefix(s.Name, ".llvm"), s.Type == elf.SHT_STRTAB, s.Type == elf.SHT_SYMTAB:
			continue
		case s.Type == elf.SHT_REL:
			data, err := s.Data()
			if err != nil {
				t.Fatal(err)
			}
			for ; len(data) >= 16; data = data[16:] {
				at, info := f.ByteOrder.Uint64(data), f.ByteOrder.Uint64(data[8:])
				symbol := symbols[elf.R_SYM64(info)-1]
				target := symbol.Name
				if elf.ST_TYPE(symbol.Info) == elf.STT_SECTION {
					target = f.Sections[symbol.Section].Name
				}
				c.sections = append(c.sections,
					fmt.Sprintf("%s+%#x: %d %s", s.Name, at, elf.R_TYPE64(info), target))
			}
		case s.Type == elf.SHT_NOBITS:
			c.sections = append(c.sections, fmt.Sprintf("%s: %d bytes", s.Name, s.Size))
		case s.Type == elf.SHT_PROGBITS && s.Size > 0:
			data, err := s.Data()
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(data); i += 8 {
				word := data[i:min(i+8, len(data))]
				c.sections = append(c.sections, fmt.Sprintf("%s+%#x: %x", s.Name, i, word))
			}
		}
	}
	section := f.Section(".BTF")
	if section == nil {
		return c
	}
	c.types = dumpTypes(t, path)
	c.ext = extRecords(t, f, headers)
	return c
}

var (
	forward = regexp.MustCompile(`^\[(\d+)\] FWD '(.*)' fwd_kind=(.*)$`)
	typeTag = regexp.MustCompile(`^\[(\d+)\] TYPE_TAG '(.*)' type_id=(\d+)$`)
	typeID  = regexp.MustCompile(`type_id=(\d+)`)
	ulong   = regexp.MustCompile(`'(___bpf_ulong\d+|__unique_value__COUNTER__)'`)
	counted = regexp.MustCompile(`('comment:test_expect_\w+=)\d+=`) // by __COUNTER__
)

// dumpTypes returns the BTF of an object as bpftool prints it, with forward declarations and type
// tags by name: clang writes those that it meets last in the order of addresses in its memory,
// which any change of what it reads changes.
func dumpTypes(t *testing.T, path string) []string {
	lines := strings.Split(string(testkit.Run(t, "bpftool", "btf", "dump", "file", path)), "\n")
	names := map[string]string{}
	for _, line := range lines {
		if m := forward.FindStringSubmatch(line); m != nil {
			names[m[1]] = "FWD " + m[3] + " " + m[2]
		}
	}
	for _, line := range lines {
		if m := typeTag.FindStringSubmatch(line); m != nil {
			of := m[3]
			if name := names[of]; name != "" {
				of = name
			}
			names[m[1]] = "TYPE_TAG " + m[2] + " of " + of
		}
	}
	var types, named []string
	for _, line := range lines {
		id, _, _ := strings.Cut(strings.TrimPrefix(line, "["), "]")
		if name := names[id]; name != "" && strings.HasPrefix(line, "[") {
			named = append(named, name)
			continue
		}
		// libbpf's __ulong makes one enumerator, which two in a file would define twice; ours
		// counts.
		line = ulong.ReplaceAllString(line, "'ulong'")
		line = counted.ReplaceAllString(line, "$1")
		types = append(types, typeID.ReplaceAllStringFunc(line, func(id string) string {
			if name := names[strings.TrimPrefix(id, "type_id=")]; name != "" {
				return "type_id=" + name
			}
			return id
		}))
	}
	slices.Sort(named)
	return append(types, named...)
}

func extRecords(t *testing.T, f *elf.File, headers string) (records []string) {
	t.Helper()
	raw, err := f.Section(".BTF").Data()
	if err != nil {
		t.Fatal(err)
	}
	spec, err := btf.Parse(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	section := f.Section(".BTF.ext")
	if section == nil {
		return nil
	}
	raw, err = section.Data()
	if err != nil {
		t.Fatal(err)
	}
	ext, err := btf.ParseExt(bytes.Clone(raw), spec)
	if err != nil {
		t.Fatal(err)
	}
	text := func(off uint32) string {
		s, _ := spec.Name(off)
		return s
	}
	for _, s := range ext.Func {
		for i := range s.Count {
			r := s.FuncInfo(i)
			records = append(records, fmt.Sprintf("%s+%#x: function %d", s.Name, r.InsnOff, r.Type))
		}
	}
	for _, s := range ext.Line {
		for i := range s.Count {
			r := s.LineInfo(i)
			file := text(r.FileNameOff)
			if strings.HasPrefix(file, headers) {
				continue
			}
			records = append(records, fmt.Sprintf("%s+%#x: %s:%d:%d %s", s.Name, r.InsnOff,
				filepath.Base(file), r.Line(), r.Column(), text(r.LineOff)))
		}
	}
	for _, s := range ext.Core {
		for i := range s.Count {
			r := s.CoreRelo(i)
			records = append(records, fmt.Sprintf("%s+%#x: relocation %d of %d %q", s.Name,
				r.InsnOff, r.Kind, r.Type, text(r.AccessOff)))
		}
	}
	slices.Sort(records)
	return records
}
