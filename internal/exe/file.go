// Package exe finds functions in programs and shared libraries, for probes in user space: by name,
// by name and version, by pattern. The result is an offset in the file, to which the kernel
// attaches. Files may be for any processor, 32 or 64 bit, in either byte order, or a member of a
// ZIP archive. Nothing in a file is trusted.
package exe

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/printable"
)

// # Which function is meant
//
// A name is looked up in the dynamic symbols (which a stripped library has too) and then in the
// symbol table. Only functions defined in the file count. A symbol may have versions. A bare name
// means the default version, which dlsym finds and programs linked today use; the others are
// hidden, for programs linked long ago. "name@VERSION" or "name@@VERSION" names one version. The
// dynamic symbols keep versions in sections of their own, the symbol table has them in the name. A
// name with several places is ambiguous unless all but one are weak; if all are weak, the first
// counts.
//
// An indirect function (IFUNC) cannot be probed: its symbol points to code that runs once, when the
// program is linked, and picks the function to call.
//
// Patterns are looked up in the opposite order, the symbol table first, because it has the static
// functions.

// File is an open program or library.
type File struct {
	*elf64.File
	r io.ReaderAt
}

// tableMax limits the size of a symbol table or its names, which are read into memory.
const tableMax = 1 << 30

// Read opens the program or library of size bytes in r, which must not change while the File is in
// use.
func Read(r io.ReaderAt, size int64) (*File, error) {
	f, err := elf64.ReadExecutable(r, size)
	if err != nil {
		return nil, err
	}
	return &File{f, r}, nil
}

// AmbiguousError reports that a name belongs to several functions.
type AmbiguousError struct{ Name string }

// Error says what to do.
func (e *AmbiguousError) Error() string {
	return printable.Text(
		"there are several functions " + e.Name + ": give the offset of one in the file")
}

// MissingError says why there is no function with a name.
type MissingError struct {
	Name  string
	Known bool // the name exists, but not as a function that the name can mean
	err   error
}

// Error says what there is instead.
func (e *MissingError) Error() string { return printable.Error(e.err) }

// Unwrap returns fs.ErrNotExist.
func (e *MissingError) Unwrap() error { return fs.ErrNotExist }

// Function returns the offset in the file of a function's start. The error is a *MissingError if
// there is none, or an *AmbiguousError.
func (f *File) Function(name string) (uint64, error) {
	offsets, err := f.Functions([]string{name})
	if err != nil {
		return 0, err
	}
	return offsets[0], nil
}

// want is a function to find, and the result.
type want struct {
	name, version string
	found         bool
	weak          bool
	offset        uint64
	several       bool
	indirect      bool // it is an IFUNC
}

// wanted splits "name", "name@VERSION" and "name@@VERSION".
func wanted(text string) (w want) {
	w.name, w.version, _ = strings.Cut(text, "@")
	w.version = strings.TrimPrefix(w.version, "@")
	return w
}

// Functions is Function for many names, with one pass over each table.
func (f *File) Functions(names []string) ([]uint64, error) {
	wants := make([]want, len(names))
	for i, name := range names {
		if strings.HasSuffix(name, "@") { // an empty version is no version
			return nil, f.missing(name)
		}
		wants[i] = wanted(name)
	}
	for _, kind := range [...]elf64.SectionType{elf64.SectionDynSym, elf64.SectionSymTab} {
		left := make([]*want, 0, len(wants))
		for i := range wants {
			if !wants[i].found && !wants[i].indirect {
				left = append(left, &wants[i])
			}
		}
		if len(left) == 0 {
			break
		}
		t, err := f.table(kind)
		if err != nil {
			return nil, err
		}
		if t != nil {
			t.find(left)
		}
	}
	offsets := make([]uint64, len(names))
	for i := range wants {
		switch w := &wants[i]; {
		case w.indirect:
			return nil, indirect(names[i])
		case w.several:
			return nil, &AmbiguousError{Name: names[i]}
		case !w.found:
			return nil, f.missing(names[i])
		default:
			offsets[i] = w.offset
		}
	}
	return offsets, nil
}

// indirect returns the error for an IFUNC.
func indirect(name string) *MissingError {
	return &MissingError{Name: name, Known: true,
		err: fmt.Errorf("%s is an indirect function (IFUNC): "+
			"the code there runs once and picks the function to call: attach to that function: %w",
			name, fs.ErrNotExist)}
}

// missing returns the error for a function that does not exist.
func (f *File) missing(name string) *MissingError {
	e := &MissingError{Name: name}
	base, _, _ := strings.Cut(name, "@")
	if list := strings.Join(f.versions(base), ", "); list != "" {
		e.Known = true
		if base == name {
			e.err = fmt.Errorf("function %s has only old versions, hidden from programs linked "+
				"today: "+
				"name the version: %s: %w", name, list, fs.ErrNotExist)
		} else {
			e.err = fmt.Errorf("there is no function %s, but %s: %w", name, list, fs.ErrNotExist)
		}
		return e
	}
	tables := 0
	for _, kind := range [...]elf64.SectionType{elf64.SectionDynSym, elf64.SectionSymTab} {
		t, err := f.table(kind)
		if err != nil || t == nil {
			continue
		}
		tables++
		for i := range t.Len() {
			s, _ := t.At(i)
			e.Known = e.Known || s.Section == elf64.IndexUndef && t.named(s, base)
		}
	}
	switch {
	case e.Known:
		e.err = fmt.Errorf("function %s is not defined in the file but imported from a library: "+
			"attach to that: %w", name, fs.ErrNotExist)
	case tables == 0:
		e.err = fmt.Errorf("function %s cannot be found because the file has no symbols (it is "+
			"stripped): give its offset: %w", name, fs.ErrNotExist)
	default:
		e.err = fmt.Errorf("there is no function %s in the file: %w", name, fs.ErrNotExist)
	}
	return e
}

// Named returns the starts of all functions with a name, several where Function returns an
// AmbiguousError. It uses the symbol table, or the dynamic symbols if that does not have the name.
// The error is a *MissingError if there is none.
func (f *File) Named(name string) ([]uint64, error) {
	for _, kind := range [...]elf64.SectionType{elf64.SectionSymTab, elf64.SectionDynSym} {
		t, err := f.table(kind)
		if err != nil {
			return nil, err
		}
		if t == nil {
			continue
		}
		w := wanted(name)
		var list []uint64
		for i := range t.Len() {
			s, _ := t.At(i)
			if !t.named(s, w.name) || !t.means(i, w.version) {
				continue
			}
			if s.Type() == elf64.SymbolIFunc && t.defined(s) {
				return nil, indirect(name)
			}
			if offset, ok := t.function(s); ok && !slices.Contains(list, offset) {
				list = append(list, offset)
			}
		}
		if len(list) > 0 {
			return list, nil
		}
	}
	return nil, f.missing(name)
}

// Match returns the starts of the functions whose names, without versions, match, in the order of
// the symbol table; a function with several names occurs several times. It uses the symbol table,
// or the dynamic symbols if that has no match.
func (f *File) Match(matches func(name []byte) bool) ([]uint64, error) {
	for _, kind := range [...]elf64.SectionType{elf64.SectionSymTab, elf64.SectionDynSym} {
		t, err := f.table(kind)
		if err != nil {
			return nil, err
		}
		if t == nil {
			continue
		}
		var list []uint64
		for i := range t.Len() {
			s, _ := t.At(i)
			offset, ok := t.function(s)
			if !ok {
				continue
			}
			if name, ok := t.base(s); ok && matches(name) {
				list = append(list, offset)
			}
		}
		if len(list) > 0 {
			return list, nil
		}
	}
	return nil, nil
}

// EachFunction calls each with the name of every function that is defined in the file.
func (f *File) EachFunction(each func(name []byte)) error {
	_, err := f.Match(func(name []byte) bool {
		each(name)
		return false
	})
	return err
}

// versions returns the versions of a dynamic symbol, as "name@VERSION" or, for the default,
// "name@@VERSION".
func (f *File) versions(base string) []string {
	t, err := f.table(elf64.SectionDynSym)
	if err != nil || t == nil {
		return nil
	}
	var list []string
	for i := range t.Len() {
		s, _ := t.At(i)
		_, isFunction := t.function(s)
		if !isFunction && !(s.Type() == elf64.SymbolIFunc && t.defined(s)) || !t.named(s, base) {
			continue
		}
		version, hidden := t.version(i)
		switch {
		case version == "":
			continue
		case hidden:
			list = append(list, base+"@"+version)
		default:
			list = append(list, base+"@@"+version)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// named reports whether a symbol has that name in any version.
func (t *table) named(s elf64.Symbol, name string) bool {
	text, ok := t.name(s)
	if !ok || len(text) < len(name) || string(text[:len(name)]) != name {
		return false
	}
	return len(text) == len(name) || text[len(name)] == '@'
}

// base returns the name of a symbol without its version, as a view.
func (t *table) base(s elf64.Symbol) ([]byte, bool) {
	name, ok := t.name(s)
	if at := bytes.IndexByte(name, '@'); at >= 0 {
		name = name[:at]
	}
	return name, ok
}

// means reports whether a name with that version, "" for none, means symbol i, whose name it is.
func (t *table) means(i int, version string) bool {
	of, hidden := t.version(i)
	if version == "" {
		return !hidden
	}
	return of == version
}

// find looks up all of wants that have not been found yet.
func (t *table) find(wants []*want) {
	const few = 4
	byName := map[string][]*want{}
	if len(wants) > few {
		for _, w := range wants {
			byName[w.name] = append(byName[w.name], w)
		}
	}
	for i := range t.Len() {
		s, _ := t.At(i)
		offset, ok := t.function(s)
		if !ok && !(s.Type() == elf64.SymbolIFunc && t.defined(s)) {
			continue
		}
		if len(wants) <= few {
			for _, w := range wants {
				if t.named(s, w.name) {
					t.offer(w, i, s, offset)
				}
			}
			continue
		}
		name, ok := t.base(s)
		if !ok {
			continue
		}
		for _, w := range byName[string(name)] {
			t.offer(w, i, s, offset)
		}
	}
}

// offer considers symbol i, which has the wanted name.
func (t *table) offer(w *want, i int, s elf64.Symbol, offset uint64) {
	if !t.means(i, w.version) {
		return
	}
	if s.Type() == elf64.SymbolIFunc {
		w.indirect = true
		return
	}
	weak := s.Bind() == elf64.BindWeak
	switch {
	case !w.found || w.weak && !weak:
		w.found, w.weak, w.offset, w.several = true, weak, offset, false
	case weak || offset == w.offset:
	default:
		w.several = true
	}
}
