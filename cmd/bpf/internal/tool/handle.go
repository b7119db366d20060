package tool

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Handle names programs or maps of the kernel as bpftool does: id N, tag TAG, name NAME or pinned
// PATH. A tag or a name may be that of several.
type Handle struct {
	kind inspect.Kind
	by   string
	id   uint32
	tag  [8]byte
	text string // name or path
}

// String returns the words.
func (h *Handle) String() string {
	switch h.by {
	case "id":
		return "id " + strconv.FormatUint(uint64(h.id), 10)
	case "tag":
		return fmt.Sprintf("tag %x", h.tag)
	}
	return h.by + " " + h.text
}

// Program takes PROG.
func (w *Words) Program() (*Handle, error) {
	return w.handle(inspect.KindProgram, "id", "tag", "name", "pinned")
}

// Map takes MAP.
func (w *Words) Map() (*Handle, error) {
	return w.handle(inspect.KindMap, "id", "name", "pinned")
}

// Link takes LINK.
func (w *Words) Link() (*Handle, error) { return w.handle(inspect.KindLink, "id", "pinned") }

func (w *Words) handle(kind inspect.Kind, keywords ...string) (*Handle, error) {
	h := &Handle{kind: kind}
	for _, k := range keywords {
		if !w.Take(k) {
			continue
		}
		h.by = k
		var err error
		switch k {
		case "id":
			h.id, err = w.Number("id of a " + kind.String())
		case "tag":
			h.tag, err = w.Tag()
		case "name":
			h.text, err = w.Next("name of a " + kind.String())
		case "pinned":
			h.text, err = w.Next("path of a pinned " + kind.String())
		}
		return h, err
	}
	if w.More() {
		return nil, w.Unexpected()
	}
	return nil, fmt.Errorf("name a %v: %s", kind, choice(keywords))
}

// Programs returns how many programs the handle names, and opens them one by one. The loop closes
// each.
func (h *Handle) Programs() (int, iter.Seq2[*bpf.Program, error], error) {
	return every(h, bpf.OpenProgram, bpf.ProgramFromID, inspect.Programs, h.fitsProgram)
}

// OneProgram opens the only program that the handle names. The caller closes it.
func (h *Handle) OneProgram() (*bpf.Program, error) {
	return one(h, bpf.OpenProgram, bpf.ProgramFromID, inspect.Programs, h.fitsProgram)
}

// Maps returns how many maps the handle names, and opens them one by one. The loop closes each.
func (h *Handle) Maps(flags uapi.OpenFlags) (int, iter.Seq2[*bpf.Map, error], error) {
	pinned, byID := openMap(flags)
	return every(h, pinned, byID, inspect.Maps, h.fitsMap)
}

// OneMap opens the only map that the handle names. The caller closes it.
func (h *Handle) OneMap(flags uapi.OpenFlags) (*bpf.Map, error) {
	pinned, byID := openMap(flags)
	return one(h, pinned, byID, inspect.Maps, h.fitsMap)
}

// openMap returns how maps are opened with flags, such as uapi.FOpenRdonly.
func openMap(flags uapi.OpenFlags) (pinned func(string) (*bpf.Map, error),
	byID func(uint32) (*bpf.Map, error)) {
	return func(path string) (*bpf.Map, error) { return bpf.OpenMap(path, flags) },
		func(id uint32) (*bpf.Map, error) { return bpf.MapFromID(id, flags) }
}

// OpenProgram takes PROG and opens the only program that it names. The caller closes it.
func (w *Words) OpenProgram() (*bpf.Program, error) {
	h, err := w.Program()
	if err != nil {
		return nil, err
	}
	return h.OneProgram()
}

// OpenMap takes MAP and opens the only map that it names. The caller closes it.
func (w *Words) OpenMap(flags uapi.OpenFlags) (*bpf.Map, error) {
	h, err := w.Map()
	if err != nil {
		return nil, err
	}
	return h.OneMap(flags)
}

// ListPrograms takes [PROG], the last words: the programs that it names, or all. single says that
// it names one alone.
func (w *Words) ListPrograms() (list iter.Seq2[*bpf.Program, error], single bool, err error) {
	if !w.More() {
		return inspect.Programs(), false, nil
	}
	h, err := w.Program()
	if err == nil {
		err = w.End()
	}
	if err != nil {
		return nil, false, err
	}
	n, list, err := h.Programs()
	return list, n == 1, err
}

// ListMaps takes [MAP] as ListPrograms takes [PROG].
func (w *Words) ListMaps(flags uapi.OpenFlags) (list iter.Seq2[*bpf.Map, error], single bool,
	err error) {
	if !w.More() {
		return inspect.Maps(), false, nil
	}
	h, err := w.Map()
	if err == nil {
		err = w.End()
	}
	if err != nil {
		return nil, false, err
	}
	n, list, err := h.Maps(flags)
	return list, n == 1, err
}

// OneLink opens the link that the handle names. The caller closes it, which does not detach it.
func (h *Handle) OneLink() (*bpf.Link, error) {
	if h.by == "id" {
		return bpf.LinkFromID(h.id)
	}
	return bpf.OpenLink(h.text)
}

func (h *Handle) fitsProgram(p *bpf.Program) (id uint32, fits bool) {
	info, err := sys.ProgInfoByFD(p.FD())
	if err != nil {
		return 0, false
	}
	if h.by == "tag" {
		return info.ID, info.Tag == h.tag
	}
	return info.ID, strings.HasPrefix(h.text, info.Name.String()) &&
		programName(p.FD(), info) == h.text
}

func (h *Handle) fitsMap(m *bpf.Map) (id uint32, fits bool) {
	if m.Name() != h.text {
		return 0, false
	}
	id, err := idOf(m)
	return id, err == nil
}

// matching returns the ids of the objects that fit.
func matching[T any](h *Handle, all func() iter.Seq2[T, error], fits func(T) (uint32, bool)) (
	ids []uint32, err error) {
	for o, err := range all() {
		if err != nil {
			return nil, err
		}
		if id, ok := fits(o); ok {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("no %v has %v: %w", h.kind, h, bpf.ErrNotExist)
	}
	return ids, nil
}

func one[T any](h *Handle, pinned func(string) (T, error), byID func(uint32) (T, error),
	all func() iter.Seq2[T, error], fits func(T) (uint32, bool)) (o T, err error) {
	switch h.by {
	case "id":
		return byID(h.id)
	case "pinned":
		return pinned(h.text)
	}
	ids, err := matching(h, all, fits)
	if err != nil {
		return o, err
	}
	if len(ids) > 1 {
		var texts []string
		for _, id := range ids {
			texts = append(texts, strconv.FormatUint(uint64(id), 10))
		}
		return o, fmt.Errorf("several %vs have %v: name one by its id: %s", h.kind, h,
			strings.Join(texts, ", "))
	}
	return byID(ids[0])
}

func every[T interface{ Close() error }](h *Handle, pinned func(string) (T, error),
	byID func(uint32) (T, error), all func() iter.Seq2[T, error], fits func(T) (uint32, bool)) (
	int, iter.Seq2[T, error], error) {
	if h.by == "id" || h.by == "pinned" {
		o, err := one(h, pinned, byID, all, fits)
		return 1, func(yield func(T, error) bool) {
			if err == nil {
				defer o.Close()
				yield(o, nil)
			}
		}, err
	}
	ids, err := matching(h, all, fits)
	return len(ids), func(yield func(T, error) bool) {
		for id := range slices.Values(ids) {
			o, err := byID(id)
			if errors.Is(err, bpf.ErrNotExist) {
				continue // gone by now
			}
			if err != nil {
				yield(o, err)
				return
			}
			more := yield(o, nil)
			o.Close()
			if !more {
				return
			}
		}
	}, err
}
