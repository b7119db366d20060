// Package usdt reads the probes that a program or library declares for tracers (USDT: SystemTap's
// <sys/sdt.h> and compatible headers): where the probes are, and where their arguments are at that
// point, in the form that libbpf's usdt.bpf.h expects.
package usdt

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/purebpf/bpf/internal/elf64"
)

// # Probes in a file
//
// A probe is a nop in the code and a note in section .note.stapsdt: the address of the nop, the
// address of section .stapsdt.base when the note was written, the address of a semaphore (0 if
// there is none), and three strings: provider, name, arguments. Prelinking moves addresses without
// changing notes; .stapsdt.base shows by how much. The semaphore is a 16-bit counter that the
// kernel raises while a probe is attached; only then the program prepares the arguments. The
// compiler may put a probe in several places (inlined functions, unrolled loops): each has its own
// note with its own arguments.

// Note is one place of a probe, as in the file.
type Note struct {
	Provider  string
	Name      string
	Args      string // "8@%rdi -4@$5"
	Location  uint64 // address of the nop
	Base      uint64 // address of .stapsdt.base when the note was written
	Semaphore uint64 // address, 0 for none
}

const (
	noteSection = ".note.stapsdt"
	baseSection = ".stapsdt.base"
	noteOwner   = "stapsdt\x00"
	noteType    = 3

	noteHeader = 12
	sectionMax = 1 << 28
)

// Notes returns all notes of a file in order. Names are views of the file.
func Notes(f *elf64.File) ([]Note, error) {
	s := f.SectionByName(noteSection)
	if s == nil {
		return nil, fmt.Errorf("the file declares no USDT probes (section %s): %w",
			noteSection, fs.ErrNotExist)
	}
	if s.Type != elf64.SectionNote {
		return nil, &elf64.FormatError{Section: s.Name, Offset: s.Offset,
			Msg: fmt.Sprintf("a section of type %d, want %d (SHT_NOTE)", s.Type, elf64.SectionNote)}
	}
	if s.Size > sectionMax {
		return nil, &elf64.FormatError{Section: s.Name, Offset: s.Offset,
			Msg: fmt.Sprintf("%d bytes of notes, more than the limit of %d", s.Size, sectionMax)}
	}
	data, err := f.Data(s)
	if err != nil {
		return nil, err
	}
	var list []Note
	for at := uint64(0); at < uint64(len(data)); {
		note, size, msg := parseNote(f, data[at:])
		if msg != "" {
			return nil, &elf64.FormatError{Section: s.Name, Offset: s.Offset + at, Msg: msg}
		}
		if note != nil {
			list = append(list, *note)
		}
		at += size
	}
	return list, nil
}

// parseNote parses the first note of data. It returns nil if the note is of another kind, its size,
// and in msg what is wrong with it.
func parseNote(f *elf64.File, data []byte) (note *Note, size uint64, msg string) {
	if len(data) < noteHeader {
		return nil, 0, fmt.Sprintf("%d bytes are too short for a note", len(data))
	}
	owner, text, kind := uint64(f.Order.Uint32(data)), uint64(f.Order.Uint32(data[4:])),
		f.Order.Uint32(data[8:])
	start := noteHeader + align4(owner)
	if start+text > uint64(len(data)) {
		return nil, 0, fmt.Sprintf(
			"a note with an owner of %d and a text of %d bytes, %d bytes are there",
			owner, text, len(data))
	}
	size = min(start+align4(text), uint64(len(data)))
	if string(data[noteHeader:noteHeader+owner]) != noteOwner || kind != noteType {
		return nil, size, ""
	}
	body := data[start : start+text]
	word := f.WordSize()
	if len(body) < 3*word {
		return nil, 0, fmt.Sprintf("a probe of %d bytes", len(body))
	}
	note = &Note{Location: address(f, body), Base: address(f, body[word:]),
		Semaphore: address(f, body[2*word:])}
	body = body[3*word:]
	for _, field := range [...]*string{&note.Provider, &note.Name, &note.Args} {
		text, rest, ok := bytes.Cut(body, []byte{0})
		if !ok {
			return nil, 0, "a probe whose strings have no end"
		}
		*field, body = string(text), rest
	}
	if note.Provider == "" || note.Name == "" {
		return nil, 0, "a probe without a provider or a name"
	}
	if note.Args != "" && note.Args[0] == ':' {
		note.Args = "" // the writer had no arguments
	}
	return note, size, ""
}

func align4(n uint64) uint64 { return (n + 3) &^ 3 }

func address(f *elf64.File, b []byte) uint64 {
	if f.WordSize() == 4 {
		return uint64(f.Order.Uint32(b))
	}
	return f.Order.Uint64(b)
}

// ErrNoSegment reports that an address of a note is not in the required kind of memory.
var ErrNoSegment = errors.New("no segment of the file has it")

// place finds the place in the file to which a note points.
func place(f *elf64.File, n *Note, base uint64) (Site, error) {
	s := Site{Address: n.Location}
	if base != 0 && n.Base != 0 {
		s.Address += base - n.Base
	}
	code := segment(f, s.Address, true)
	if code == nil {
		return s, fmt.Errorf("its address %#x is not in code: %w", s.Address, ErrNoSegment)
	}
	s.Offset = s.Address - code.Addr + code.Offset
	if n.Semaphore != 0 {
		data := segment(f, n.Semaphore, false)
		if data == nil {
			return s, fmt.Errorf("its semaphore at %#x is not in data: %w",
				n.Semaphore, ErrNoSegment)
		}
		s.Semaphore = n.Semaphore - data.Addr + data.Offset
	}
	return s, nil
}

// segment returns the loaded segment that contains an address, of code or not.
func segment(f *elf64.File, addr uint64, code bool) *elf64.Segment {
	for i := range f.Segments {
		s := &f.Segments[i]
		if s.Type == elf64.SegmentLoad && s.Flags&elf64.SegmentExec != 0 == code && s.Holds(addr) {
			return s
		}
	}
	return nil
}
