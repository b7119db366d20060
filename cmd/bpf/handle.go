package main

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

// words are the arguments of a command with bpftool's grammar. A keyword may be shortened.
type words struct{ rest []string }

// take removes the next word if it is keyword or the start of it.
func (w *words) take(keyword string) bool {
	if len(w.rest) == 0 || w.rest[0] == "" || !strings.HasPrefix(keyword, w.rest[0]) {
		return false
	}
	w.rest = w.rest[1:]
	return true
}

// next removes the next word, which says what is wanted.
func (w *words) next(what string) (string, error) {
	if len(w.rest) == 0 {
		return "", fmt.Errorf("%s is missing", what)
	}
	word := w.rest[0]
	w.rest = w.rest[1:]
	return word, nil
}

// number removes the next word, a number in any of C's notations.
func (w *words) number(what string) (uint32, error) {
	word, err := w.next(what)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(word, 0, 32)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is no number", what, word)
	}
	return uint32(n), nil
}

// end reports words that are left.
func (w *words) end() error {
	if len(w.rest) > 0 {
		return fmt.Errorf("%q is not expected here", w.rest[0])
	}
	return nil
}

// program opens PROG: id N, tag HEX, name NAME or pinned PATH. The caller closes it.
func (w *words) program() (*bpf.Program, error) {
	switch {
	case w.take("id"):
		id, err := w.number("id of a program")
		if err != nil {
			return nil, err
		}
		return bpf.ProgramFromID(id)
	case w.take("tag"):
		text, err := w.next("tag of a program")
		if err != nil {
			return nil, err
		}
		tag, err := hex.DecodeString(text)
		if err != nil || len(tag) != 8 {
			return nil, fmt.Errorf("tag %q: a tag has 16 hexadecimal digits", text)
		}
		return programWhere("tag "+text, func(_ *bpf.Program, info *sys.ProgInfo) bool {
			return info.Tag == [8]byte(tag)
		})
	case w.take("name"):
		name, err := w.next("name of a program")
		if err != nil {
			return nil, err
		}
		return programWhere("name "+name, func(p *bpf.Program, info *sys.ProgInfo) bool {
			return programName(p, info, name) == name
		})
	case w.take("pinned"):
		path, err := w.next("path of a pinned program")
		if err != nil {
			return nil, err
		}
		return bpf.OpenProgram(path)
	}
	return nil, errors.New("name a program: id N, tag TAG, name NAME or pinned PATH")
}

// mapped opens MAP: id N, name NAME or pinned PATH. The caller closes it.
func (w *words) mapped() (*bpf.Map, error) {
	switch {
	case w.take("id"):
		id, err := w.number("id of a map")
		if err != nil {
			return nil, err
		}
		return bpf.MapFromID(id, 0)
	case w.take("name"):
		name, err := w.next("name of a map")
		if err != nil {
			return nil, err
		}
		return mapWhere("name "+name, func(m *bpf.Map) bool { return m.Name() == name })
	case w.take("pinned"):
		path, err := w.next("path of a pinned map")
		if err != nil {
			return nil, err
		}
		return bpf.OpenMap(path, 0)
	}
	return nil, errors.New("name a map: id N, name NAME or pinned PATH")
}

// programWhere opens the only program that fits.
func programWhere(
	what string, fits func(*bpf.Program, *sys.ProgInfo) bool,
) (*bpf.Program, error) {
	return only("program", what, sys.ProgNextID, bpf.ProgramFromID, func(p *bpf.Program) bool {
		info, err := sys.ProgInfoByFD(p.FD())
		return err == nil && fits(p, info)
	})
}

// mapWhere opens the only map that fits.
func mapWhere(what string, fits func(*bpf.Map) bool) (*bpf.Map, error) {
	open := func(id uint32) (*bpf.Map, error) { return bpf.MapFromID(id, 0) }
	return only("map", what, sys.MapNextID, open, fits)
}

// only opens the only object that fits among all that the kernel has.
func only[T interface {
	comparable
	Close() error
}](kind, what string, nextID func(uint32) (uint32, error), open func(uint32) (T, error),
	fits func(T) bool) (found T, err error) {
	var none T
	var ids []string
	for id, err := range sys.IDs(nextID) {
		if err != nil {
			return none, kernel.Running().Explain(fmt.Errorf("list %ss: %w", kind, err),
				"listing", kernel.CapSysAdmin)
		}
		o, err := open(id)
		if errors.Is(err, bpf.ErrNotExist) {
			continue // gone by now
		}
		if err != nil {
			if len(ids) > 0 {
				found.Close()
			}
			return none, err
		}
		if !fits(o) {
			o.Close()
			continue
		}
		if ids = append(ids, strconv.FormatUint(uint64(id), 10)); len(ids) > 1 {
			o.Close()
			continue
		}
		found = o
	}
	switch len(ids) {
	case 0:
		return none, fmt.Errorf("no %s has %s: %w", kind, what, bpf.ErrNotExist)
	case 1:
		return found, nil
	}
	found.Close()
	return none, fmt.Errorf("several %ss have %s: name one by its id: %s", kind, what,
		strings.Join(ids, ", "))
}

// programName returns the name of a program. If the kernel's may be cut, and want starts like it,
// it is the name of its first function.
func programName(p *bpf.Program, info *sys.ProgInfo, want string) string {
	name := info.Name.String()
	if len(name) < len(info.Name)-1 || !strings.HasPrefix(want, name) || info.BTFID == 0 ||
		info.NrFuncInfo == 0 || info.FuncInfoRecSize < 8 || info.FuncInfoRecSize > 4096 {
		return name
	}
	record := make([]byte, info.FuncInfoRecSize)
	again := sys.ProgInfo{NrFuncInfo: 1, FuncInfoRecSize: info.FuncInfoRecSize,
		FuncInfo: sys.Slice(record)}
	if _, err := sys.ObjInfo(p.FD(), unsafe.Pointer(&again),
		uint32(unsafe.Sizeof(again))); err != nil {
		return name
	}
	spec, err := kernel.BTFByID(info.BTFID, nil)
	if err != nil {
		return name
	}
	t, ok := spec.Type(btf.ID(binary.NativeEndian.Uint32(record[4:])))
	if !ok || t.Kind() != btf.KindFunc {
		return name
	}
	return t.Name()
}
