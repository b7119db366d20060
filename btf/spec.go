package btf

import (
	"encoding/binary"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"unsafe"
)

const (
	magic       = 0xeb9f
	magicSwap   = 0x9feb
	headerMin   = 24 // up to str_len
	headerFull  = 32 // with layout_off, layout_len
	maxID       = 0x7fffffff
	maxStrOff   = 0x7fffffff
	layoutEntry = 4 // info_sz u8, elem_sz u8, flags u16
)

var host = binary.NativeEndian

// Spec is one BTF blob, read in place. It never changes and may be used by many goroutines at once.
// It corresponds to libbpf's struct btf, except for changes: see [Builder] for those.
type Spec struct {
	base *Spec
	orig []byte // as passed to Parse, nil if a Builder made this
	// data is orig in host byte order: orig itself, or a swapped copy; for a Builder's BTF see
	// HostBytes
	data     []byte
	join     sync.Once
	types    []byte
	layout   []byte
	strs     string // string section, in place
	offs     offsets
	first    ID
	strFirst uint32 // offset of this spec's first string: the strings of all bases come before
	swapped  bool
	unknown  bool // the header has non-zero fields beyond those known
	unique   bool // no string occurs twice: a Builder has made all
	// validated is set once Validate has found no error
	validated atomic.Bool
	ptrSize   atomic.Uint32
	named     names // types except functions
	funcs     names

	stringsOnce sync.Once
	strings     *stringIndex // for Builders
}

// Parse reads BTF (libbpf: btf__new, btf__new_split). base is nil except for split BTF, whose ids
// and string offsets continue after those of base. raw is kept and must not change. BTF in the
// other byte order is converted to a copy, so a Spec is always in host order.
//
// Parse checks the header, that every record lies within the type section and that strings end;
// references are checked where they are used, or by [Spec.Validate]. Errors are of type
// [*FormatError] and wrap [ErrBadMagic], [ErrNeedsBase], [ErrUnknownKind] or [ErrTooBig] if one of
// these is the reason.
func Parse(raw []byte, base *Spec) (*Spec, error) {
	s := &Spec{base: base, orig: raw, data: raw, first: 1}
	if base != nil {
		s.first = base.Len()
		end := uint64(base.strFirst) + uint64(len(base.strs))
		if end > maxStrOff {
			return nil, &FormatError{Section: "strings", Msg: "base has too many strings",
				Err: ErrTooBig}
		}
		s.strFirst = uint32(end)
	}
	if err := s.parseHeader(); err != nil {
		return nil, err
	}
	if err := s.walk(); err != nil {
		return nil, err
	}
	return s, nil
}

// header is the fixed part of the BTF header, offsets counted from its end.
type header struct {
	len                  uint32
	typeOff, typeLen     uint32
	strOff, strLen       uint32
	layoutOff, layoutLen uint32
}

func (s *Spec) parseHeader() error {
	fail := func(off int, err error, format string, args ...any) error {
		return &FormatError{Section: "header", Offset: uint64(off),
			Msg: fmt.Sprintf(format, args...), Err: err}
	}
	if len(s.data) < headerMin {
		return fail(0, nil, "%d bytes, a header takes at least %d", len(s.data), headerMin)
	}
	switch host.Uint16(s.data) {
	case magic:
	case magicSwap:
		s.swapped = true
		s.data = swapSpec(s.data)
	default:
		return fail(0, ErrBadMagic, "magic is %#04x instead of %#04x", host.Uint16(s.data), magic)
	}
	h := header{
		len:     host.Uint32(s.data[4:]),
		typeOff: host.Uint32(s.data[8:]),
		typeLen: host.Uint32(s.data[12:]),
		strOff:  host.Uint32(s.data[16:]),
		strLen:  host.Uint32(s.data[20:]),
	}
	if h.len < headerMin || uint64(h.len) > uint64(len(s.data)) {
		return fail(4, nil, "header length is %d of %d bytes", h.len, len(s.data))
	}
	if h.len >= headerFull {
		h.layoutOff = host.Uint32(s.data[24:])
		h.layoutLen = host.Uint32(s.data[28:])
	}
	for i := uint32(headerFull); i < h.len; i++ {
		if s.data[i] != 0 {
			s.unknown = true
			break
		}
	}
	body := s.data[h.len:]
	typeEnd := uint64(h.typeOff) + uint64(h.typeLen)
	strEnd := uint64(h.strOff) + uint64(h.strLen)
	layoutEnd := uint64(h.layoutOff) + uint64(h.layoutLen)
	switch {
	case strEnd > uint64(len(body)):
		return fail(16, nil, "strings end at %d of %d bytes", strEnd, len(body))
	case typeEnd > uint64(h.strOff):
		return fail(8, nil, "types end at %d, after strings start at %d", typeEnd, h.strOff)
	case h.typeOff%4 != 0:
		return fail(8, nil, "types start at %d, not a multiple of 4", h.typeOff)
	case h.layoutLen != 0 && h.layoutOff%4 != 0:
		return fail(24, nil, "kind layout starts at %d, not a multiple of 4", h.layoutOff)
	case h.layoutLen != 0 && (uint64(h.layoutOff) < typeEnd || layoutEnd > uint64(h.strOff)):
		return fail(24, nil,
			"kind layout from %d to %d is not between types (end %d) and strings (start %d)",
			h.layoutOff, layoutEnd, typeEnd, h.strOff)
	}
	s.types = body[h.typeOff:typeEnd:typeEnd]
	if h.layoutLen != 0 {
		s.layout = body[h.layoutOff:layoutEnd:layoutEnd]
	}
	return s.setStrings(body[h.strOff:strEnd])
}

func (s *Spec) setStrings(b []byte) error {
	fail := func(off int, err error, msg string) error {
		return &FormatError{Section: "strings", Offset: uint64(off), Msg: msg, Err: err}
	}
	switch {
	case len(b) == 0 && s.base != nil:
		return nil
	case len(b) == 0:
		return fail(0, nil, "section is empty")
	case uint64(len(b))-1 > maxStrOff:
		return fail(0, ErrTooBig, fmt.Sprintf("section has %d bytes", len(b)))
	case b[len(b)-1] != 0:
		return fail(len(b)-1, nil, "last string does not end")
	case s.base == nil && b[0] != 0:
		return fail(0, ErrNeedsBase, "first string is not empty")
	}
	s.strs = unsafe.String(&b[0], len(b))
	return nil
}

// walk fills the table of offsets, one step per type. The sizes of unknown kinds come from the kind
// layout.
func (s *Spec) walk() error {
	rows := &kinds
	if layout := s.kindLayout(); layout != nil {
		rows = layoutRows(layout)
	}
	data := s.types
	t := offsets{rows: rows}
	step := 1
	if len(data) >= sparseBytes {
		t.sparse = &sparse{}
		step = sparseStep
	}
	// Real BTF takes 25 bytes per type: the table rarely grows, and its unused end is never
	// touched.
	t.list = make([]uint32, 0, len(data)/24/step+1)
	for off := 0; off < len(data); {
		rec := data[off:]
		if len(rec) < headSize {
			return &FormatError{Section: "types", Offset: uint64(off),
				Type: s.first + ID(t.n),
				Msg:  fmt.Sprintf("%d bytes left, a type takes at least %d", len(rec), headSize)}
		}
		info := host.Uint32(rec[4:])
		row := &rows[info>>24&kindMax]
		n := uint64(row.size) + uint64(info&maxVlen)*uint64(row.elem)
		if row.size == 0 || n > uint64(len(rec)) {
			return s.walkError(off, s.first+ID(t.n), info, row.size == 0)
		}
		if t.n&(step-1) == 0 {
			t.list = append(t.list, uint32(off))
		}
		t.n++
		off += int(n)
	}
	if uint64(s.first)+uint64(t.n) > maxID {
		return &FormatError{Section: "types",
			Msg: fmt.Sprintf("%d types over a base of %d", t.n, s.first), Err: ErrTooBig}
	}
	s.offs = t
	return nil
}

func (s *Spec) walkError(off int, id ID, info uint32, unknown bool) error {
	kind := Kind(info >> 24 & kindMax)
	e := &FormatError{Section: "types", Offset: uint64(off), Type: id}
	if unknown {
		e.Msg = fmt.Sprintf(
			"kind %d is unknown and the BTF has no kind layout for it", kind)
		e.Err = ErrUnknownKind
	} else {
		e.Msg = fmt.Sprintf("%v with %d elements does not fit into the remaining %d bytes",
			kind, info&maxVlen, len(s.types)-off)
	}
	return e
}

// kindLayout returns the nearest kind layout section: a split BTF uses its base's.
func (s *Spec) kindLayout() []byte {
	for ; s != nil; s = s.base {
		if s.layout != nil {
			return s.layout
		}
	}
	return nil
}

// layoutRows adds to the known kinds those that a kind layout section describes.
func layoutRows(layout []byte) *[kindMax + 1]kindRow {
	rows := kinds
	for k := 0; k <= kindMax && (k+1)*layoutEntry <= len(layout); k++ {
		info, elem := layout[k*layoutEntry], layout[k*layoutEntry+1]
		if rows[k].size == 0 && info%4 == 0 && elem%4 == 0 && int(info)+headSize <= 255 {
			rows[k].size = headSize + info
			rows[k].elem = elem
		}
	}
	return &rows
}

// Base returns the BTF that this one is split over, nil if it is not split (libbpf: btf__base_btf).
func (s *Spec) Base() *Spec { return s.base }

// Len returns one more than the highest id, base included (libbpf: btf__type_cnt).
func (s *Spec) Len() ID { return s.first + ID(s.offs.n) }

// FirstID returns the lowest id of the spec's own types: 1, or Base().Len().
func (s *Spec) FirstID() ID { return s.first }

// Raw returns the BTF as passed to [Parse], in its own byte order, or as a [Builder] made it.
func (s *Spec) Raw() []byte {
	if s.orig != nil {
		return s.orig
	}
	return s.HostBytes()
}

// HostBytes returns the BTF in host byte order: Raw itself, or the converted copy. It must not be
// changed.
func (s *Spec) HostBytes() []byte {
	s.join.Do(func() {
		if s.data == nil {
			s.data = join(s.types, s.layout, unsafe.Slice(unsafe.StringData(s.strs), len(s.strs)))
		}
	})
	return s.data
}

// HasLayout reports whether the BTF has a section that describes the layout of its kinds (7.0).
func (s *Spec) HasLayout() bool { return len(s.layout) != 0 }

// Order returns the byte order of Raw (libbpf: btf__endianness).
func (s *Spec) Order() binary.ByteOrder { return byteOrder(s.swapped) }

// Type returns a view of a type (libbpf: btf__type_by_id). Id 0 is void. ok is false if there is no
// such type.
func (s *Spec) Type(id ID) (t Type, ok bool) {
	for id < s.first {
		if s.base == nil {
			return Type{}, true // void
		}
		s = s.base
	}
	i := id - s.first
	if uint64(i) >= uint64(s.offs.n) {
		return Type{}, false
	}
	off := s.offset(int(i))
	return Type{spec: s, id: id, off: off, info: host.Uint32(s.types[off+4:])}, true
}

// Types iterates over the spec's own types in id order.
func (s *Spec) Types() iter.Seq[Type] {
	return func(yield func(Type) bool) {
		for i, off := 0, uint32(0); i < s.offs.n; i, off = i+1, s.after(i, off) {
			if !yield(Type{spec: s, id: s.first + ID(i), off: off,
				info: host.Uint32(s.types[off+4:])}) {
				return
			}
		}
	}
}

// maxSkip limits chains of modifiers; C declarations have a handful, the kernel allows 32.
const maxSkip = 128

// Skip strips typedefs, const, volatile, restrict and type tags (libbpf: skip_mods_and_typedefs).
// For a broken or circular chain it returns void.
func (s *Spec) Skip(id ID) Type {
	for range maxSkip {
		t, ok := s.Type(id)
		if !ok {
			return Type{}
		}
		if !t.Kind().IsModifier() {
			return t
		}
		id = t.Ref()
	}
	return Type{}
}
