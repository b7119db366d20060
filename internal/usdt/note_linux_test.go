package usdt

import (
	"bytes"
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/testkit"
)

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func parse(t testing.TB, raw []byte) *elf64.File {
	t.Helper()
	f, err := elf64.ReadExecutable(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const probes = `
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>
__extension__ unsigned short volatile app_one_semaphore __attribute__((section(".probes"), used));
__extension__ unsigned short volatile app_two_semaphore __attribute__((section(".probes"), used));
int main(int argc, char **argv)
{
	STAP_PROBE(app, one);
	STAP_PROBE2(app, two, argc, argv);
	STAP_PROBE1(app, one, 5);
	return 0;
}
`

var readelfNote = regexp.MustCompile(
	`(?s)Provider: (\S+)\s+Name: (\S+)\s+Location: (\S+), Base: (\S+), Semaphore: (\S+)\s+Arguments:([^\n]*)`)

// TestNotes reads the probes of a program and of libraries with probes: the C and C++ libraries.
// The oracles are readelf -n and, for places in the file, the program headers as debug/elf reads
// them.
func TestNotes(t *testing.T) {
	total := 0
	for _, path := range []string{testkit.Native(t, probes), "/lib/x86_64-linux-gnu/libc.so.6",
		"/lib64/ld-linux-x86-64.so.2", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6"} {
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			t.Log(err)
			continue
		}
		f := parse(t, raw)
		notes, err := Notes(f)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%s: %v", path, err)
		}
		want := readelfNote.FindAllStringSubmatch(
			string(testkit.Run(t, "readelf", "-n", "-W", path)), -1)
		if len(notes) != len(want) {
			t.Fatalf("%s: %d notes, want %d", path, len(notes), len(want))
		}
		headers, err := elf.NewFile(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			n := notes[i]
			hex := func(s string) uint64 {
				v, err := strconv.ParseUint(s, 0, 64)
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			if n.Provider != w[1] || n.Name != w[2] || n.Location != hex(w[3]) ||
				n.Base != hex(w[4]) || n.Semaphore != hex(w[5]) ||
				n.Args != strings.TrimSpace(w[6]) {
				t.Errorf("%s: note %d is %+v, want %q", path, i, n, w[1:])
			}
			p, err := Find(f, n.Provider, n.Name)
			if err != nil {
				t.Errorf("%s: %s:%s: %v", path, n.Provider, n.Name, err)
				continue
			}
			found := false
			for _, s := range p.Sites {
				found = found || s.Address == n.Location && s.Offset == offset(headers,
					n.Location) && s.Semaphore == offset(headers, n.Semaphore) &&
					p.Args[s.Args] == n.Args
			}
			if !found {
				t.Errorf("%s: %s:%s at %#x is not among %+v", path, n.Provider, n.Name, n.Location,
					p.Sites)
			}
			if _, err := ParseArgs(f.Machine, n.Args); err != nil {
				t.Errorf("%s: %s:%s: %v", path, n.Provider, n.Name, err)
			}
		}
		total += len(notes)
	}
	if total < 3 {
		t.Errorf("%d notes", total)
	}
	t.Logf("%d notes", total)
}

// offset returns the offset in a file of an address, 0 for none.
func offset(f *elf.File, address uint64) uint64 {
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && address >= p.Vaddr && address < p.Vaddr+p.Memsz {
			return address - p.Vaddr + p.Off
		}
	}
	return 0
}

// TestBrokenNotes breaks the notes of a program in one way at a time. The oracle is the original
// file, and what was changed.
func TestBrokenNotes(t *testing.T) {
	raw := readFile(t, testkit.Native(t, probes))
	f := parse(t, raw)
	s := f.SectionByName(noteSection)
	header := 0 // of the note section
	for i := range f.Sections {
		if f.Sections[i].Name == noteSection {
			header = int(f.Order.Uint64(raw[40:])) + 64*i
		}
	}
	base := f.SectionByName(baseSection)
	for _, c := range []struct {
		name string
		edit func(b []byte)
		err  error // nil for an *elf64.FormatError
		text string
	}{
		{"no such probe", func([]byte) {}, fs.ErrNotExist, "app:none"},
		{"section type", func(b []byte) { b[header+4] = 1 }, nil, "SHT_NOTE"},
		{"owner too long", func(b []byte) { b[s.Offset+3] = 0xff }, nil, "owner"},
		{"text too long", func(b []byte) { b[s.Offset+7] = 0x7f }, nil, "bytes are there"},
		{"text too short", func(b []byte) { b[s.Offset+4] = 8 }, nil, "a probe of 8 bytes"},
		{"no provider", func(b []byte) {
			copy(b[s.Offset+20+24:], "\x00\x00")
		}, nil, "without a provider"},
		{"strings without end", func(b []byte) {
			n := uint64(f.Order.Uint32(b[s.Offset+4:]))
			for i := uint64(24); i < n; i++ {
				b[s.Offset+20+i] = 'x'
			}
		}, nil, "no end"},
		{"a library's object", func(b []byte) { b[16] = 1 }, nil, "type 1"},
		{"not in code", func(b []byte) { b[s.Offset+20+7] = 0x77 }, ErrNoSegment, "not in code"},
		{"semaphore not in data", func(b []byte) {
			b[s.Offset+20+23] = 0x77
		}, ErrNoSegment, "not in data"},
	} {
		b := bytes.Clone(raw)
		c.edit(b)
		name := "one"
		if c.name == "no such probe" {
			name = "none"
		}
		_, err := Find(parse(t, b), "app", name)
		var format *elf64.FormatError
		if c.err != nil && !errors.Is(err, c.err) || c.err == nil && !errors.As(err, &format) ||
			!strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.name, err)
		}
	}

	// Prelinked: everything moved by 0x1000, but not the addresses in the notes. Sites move with
	// .stapsdt.base.
	want, err := Find(f, "app", "two")
	if err != nil || len(want.Sites) != 1 || base == nil {
		t.Fatal(want, err)
	}
	moved := bytes.Clone(raw)
	at := int(f.Order.Uint64(raw[40:])) + 64*base.Index + 16
	f.Order.PutUint64(moved[at:], base.Addr+2)
	got, err := Find(parse(t, moved), "app", "two")
	if err != nil || got.Sites[0].Address != want.Sites[0].Address+2 ||
		got.Sites[0].Offset != want.Sites[0].Offset+2 ||
		got.Sites[0].Semaphore != want.Sites[0].Semaphore {
		t.Errorf("moved: %+v, %v; was %+v", got, err, want)
	}
}

// FuzzFind checks that no file causes a panic, and that results have arguments from the file.
func FuzzFind(f *testing.F) {
	f.Add(readFile(f, testkit.Native(f, probes)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := elf64.ReadExecutable(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			return
		}
		p, err := Find(file, "app", "one")
		if err != nil {
			return
		}
		for _, s := range p.Sites {
			if len(p.Args[s.Args]) > len(raw) {
				t.Fatal(s)
			}
		}
	})
}
