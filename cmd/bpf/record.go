package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/records"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// The definition of a ring or perf buffer doesn't say what its records are. Their type is what
// --type says, or what package records finds in the programs' instructions and the object's
// declarations. Otherwise the fields that the programs write are printed, and the other bytes. That
// a struct has the right size or a promising name proves nothing.

// recordTypes finds types of records by buffer and size.
type recordTypes struct {
	spec  *btf.Spec // of the object, nil if it has none
	found *records.Analysis
	named map[string]typeOf // by --type: by buffer, "" for all
	told  map[string]bool   // headings and notes that were printed
}

// typeOf is a type of some BTF.
type typeOf struct {
	spec *btf.Spec
	id   btf.ID
}

// record is one record: its buffer, and its size, which perf buffers round up.
type record struct {
	stream string
	size   int
	perf   bool
}

// display is how a record is printed: by a type, by fields, or as bytes.
type display struct {
	typeOf
	fields  []records.Field
	heading string // what the buffer's records are and why; printed once
	perf    bool   // the record ends in up to seven bytes of padding
}

// newRecordTypes analyses an object. supplied is the BTF of --btf, or nil.
func newRecordTypes(o *object.Object, flags []string, supplied *btf.Spec) (*recordTypes, error) {
	r := &recordTypes{
		spec: o.BTF, found: records.Analyze(o, supplied), named: map[string]typeOf{},
		told: map[string]bool{},
	}
	var streams []string
	for _, m := range o.Maps {
		if m.Type == uapi.MapRingBuf || m.Type == uapi.MapPerfEventArray {
			streams = append(streams, m.Name)
		}
	}
	for _, f := range flags {
		name, typ, ok := strings.Cut(f, "=")
		if !ok {
			name, typ = "", f
		} else if !slices.Contains(streams, name) {
			err := fmt.Errorf("--type %s: the object has no ring or perf buffer %q", f, name)
			if near := withNear(err, name, streams...); near != err {
				return nil, near
			}
			return nil, fmt.Errorf("%w; it has %q", err, streams)
		}
		t, err := findType(strings.TrimPrefix(typ, "struct "), o.BTF, supplied)
		if err != nil {
			return nil, fmt.Errorf("--type %s: %w", f, err)
		}
		if err := r.fits(name, t); err != nil {
			return nil, fmt.Errorf("--type %s is refused: %w", f, err)
		}
		r.named[name] = t
	}
	return r, nil
}

// findType returns the struct or typedef with a name: of the object's BTF, or of --btf.
func findType(name string, specs ...*btf.Spec) (typeOf, error) {
	var names []string
	for _, s := range specs {
		if s == nil {
			continue
		}
		id, found := s.FindByName(name, btf.KindStruct)
		if !found {
			id, found = s.FindByName(name, btf.KindTypedef)
		}
		if found {
			if size, err := s.SizeOf(id); err != nil || size == 0 {
				return typeOf{}, fmt.Errorf("%s has no size", name)
			}
			return typeOf{s, id}, nil
		}
		names = append(names, structNames(s)...)
	}
	if names == nil && specs[0] == nil {
		return typeOf{}, errors.New("the object has no BTF; --btf FILE supplies types")
	}
	return typeOf{}, withNear(
		fmt.Errorf("the object's BTF has no struct or typedef %q; --btf FILE supplies types", name),
		name, names...)
}

// fits checks that a type can be that of the records in a buffer, "" for all. For each type there
// must be a place where a program makes records of its size.
func (r *recordTypes) fits(stream string, t typeOf) error {
	var sizes []string
	size, err := t.spec.SizeOf(t.id)
	if err != nil {
		return err
	}
	for _, s := range r.found.Streams {
		if stream != "" && s.Map.Name != stream {
			continue
		}
		if len(s.Sources) == 0 || s.Gap != "" {
			return nil
		}
		for _, x := range s.Sources {
			if x.Type != 0 && x.Spec == t.spec && x.Spec.Skip(x.Type) == t.spec.Skip(t.id) {
				return nil
			}
			if x.Min != x.Max || x.Tail || x.Max == size || flexible(t) && x.Max > size {
				return nil
			}
			if n := strconv.FormatUint(x.Max, 10); !slices.Contains(sizes, n) {
				sizes = append(sizes, n)
			}
		}
	}
	if sizes == nil {
		return nil
	}
	return fmt.Errorf("%s has %d bytes, the programs make records of %s", t.spec.CString(t.id),
		size,
		strings.Join(sizes, ", "))
}

// structNames returns the valid names for --type.
func structNames(s *btf.Spec) (names []string) {
	for t := range s.Types() {
		if k := t.Kind(); (k == btf.KindStruct || k == btf.KindTypedef) && t.Name() != "" {
			names = append(names, t.Name())
		}
	}
	return names
}

// of returns how to print a record.
func (r *recordTypes) of(rec record) display {
	s := display{perf: rec.perf}
	t, ok := r.named[rec.stream]
	if !ok {
		t, ok = r.named[""]
	}
	if ok && couldBe(t, rec) {
		s.typeOf = t
		s.heading = r.once(rec.stream, t.spec.CString(t.id)+", from --type")
		return s
	}
	if ok {
		size, _ := t.spec.SizeOf(t.id)
		s.heading = r.once(rec.stream, fmt.Sprintf(
			"--type %s has %d bytes: records of %d bytes are shown as bytes", t.spec.CString(t.id),
			size, rec.size))
		return s
	}
	stream := r.found.Stream(rec.stream)
	if stream == nil {
		return s
	}
	f := stream.Fit(rec.size)
	decodes := "; --type " + rec.stream + "=STRUCT decodes them"
	why := "nothing in the object says what its records are"
	switch {
	case f.Type != 0:
		s.typeOf = typeOf{f.Spec, f.Type}
		s.heading = r.once(rec.stream, f.Spec.CString(f.Type)+", "+evidence(f))
		return s
	case stream.Gap != "":
		why = stream.Gap
	case len(f.Rivals) > 0:
		var names []string
		for _, id := range f.Rivals {
			names = append(names, f.Spec.CString(id))
		}
		why = "records of this size may be " + strings.Join(names, " or ")
	case len(f.Fields) > 0:
		s.fields = f.Fields
		why = "fields as " + by(f.Programs) + " them, names from its source"
		if len(f.Programs) > 1 {
			why = "fields as " + by(f.Programs) + " them, names from their source"
		}
	case r.spec == nil:
		why = "the object has no BTF"
	}
	s.heading = r.once(rec.stream, why+decodes)
	return s
}

// once returns a heading for a buffer, "" if it was returned before.
func (r *recordTypes) once(stream, text string) string {
	text = stream + " (" + text + ")"
	if r.told[text] {
		return ""
	}
	r.told[text] = true
	return text
}

// evidence says how a type is known.
func evidence(f records.Fit) string {
	switch f.Rank {
	case records.Emitted:
		return "from what " + outputs(f.Programs)
	case records.Declared:
		return "as the source declares"
	}
	return "the only struct with its size and the fields that " + by(f.Programs)
}

func outputs(programs []string) string {
	if len(programs) == 1 {
		return programs[0] + " outputs"
	}
	return fmt.Sprintf("%s and %d more output", programs[0], len(programs)-1)
}

func by(programs []string) string {
	if len(programs) == 1 {
		return programs[0] + " writes"
	}
	return fmt.Sprintf("%s and %d more write", programs[0], len(programs)-1)
}

// couldBe reports whether a record can be of a type: it has its size, or ends within an array at
// the type's end, of which programs send only the filled part.
func couldBe(t typeOf, rec record) bool {
	n, err := t.spec.SizeOf(t.id)
	size := uint64(rec.size)
	if err != nil {
		return false
	}
	if size == n || rec.perf && size == records.Padded(n) {
		return true
	}
	offset, nelems, ok := lastArray(t)
	return ok && size >= offset && (nelems == 0 || size < n)
}

// flexible reports whether a struct ends in an array without length, whose elements are not in the
// type's size.
func flexible(t typeOf) bool {
	_, nelems, ok := lastArray(t)
	return ok && nelems == 0
}

// lastArray returns the offset and the length of the array that a struct ends in.
func lastArray(t typeOf) (offset uint64, nelems uint32, ok bool) {
	s := t.spec.Skip(t.id)
	if s.Kind() != btf.KindStruct || s.Vlen() == 0 {
		return 0, 0, false
	}
	last := s.Member(s.Vlen() - 1)
	array := t.spec.Skip(last.Type)
	return uint64(last.BitOffset / 8), array.Array().Nelems, array.Kind() == btf.KindArray
}

// appendRecord appends a record as text: the members of a struct with their names, or fields.
func appendRecord(dst []byte, s display, data []byte) ([]byte, error) {
	switch {
	case s.id == 0 && len(s.fields) == 0:
		return appendBytes(dst, data), nil
	case s.id == 0:
		return appendFields(dst, s.fields, data), nil
	}
	t := s.spec.Skip(s.id)
	if t.Kind() != btf.KindStruct {
		return appendTyped(dst, s.spec, s.id, data)
	}
	start := len(dst)
	for i := range t.Vlen() {
		m := t.Member(i)
		n, err := s.spec.SizeOf(m.Type)
		if m.BitSize != 0 || m.Name == "" || m.BitOffset%8 != 0 || err != nil {
			return appendTyped(dst[:start], s.spec, s.id, data)
		}
		off := uint64(m.BitOffset / 8)
		if off >= uint64(len(data)) && i > 0 {
			break
		}
		end := off + n
		if i == t.Vlen()-1 || end > uint64(len(data)) {
			end = uint64(len(data)) // an array without length, or one that is sent in part
		}
		if i > 0 {
			dst = append(dst, ' ', ' ')
		}
		dst = append(append(dst, m.Name...), ' ')
		if end == uint64(len(data)) && end < off+n && charArray(s.spec, m.Type) {
			text := data[min(off, end):end]
			if s.perf {
				text = withoutPadding(text)
			}
			dst = appendStrings(dst, text)
			continue
		}
		if dst, err = appendTyped(dst, s.spec, m.Type, data[min(off, end):end]); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// charArray reports whether a type is an array of bytes of text.
func charArray(s *btf.Spec, id btf.ID) bool {
	t := s.Skip(id)
	if t.Kind() != btf.KindArray {
		return false
	}
	elem := s.Skip(t.Array().Elem)
	return elem.Kind() == btf.KindInt && elem.Size() == 1 && elem.Name() == "char"
}

// withoutPadding removes NULs that may be the padding of a perf buffer's record, behind the one
// that ends the last string.
func withoutPadding(text []byte) []byte {
	for range 7 {
		n := len(text)
		if n < 2 || text[n-1] != 0 || text[n-2] != 0 {
			break
		}
		text = text[:n-1]
	}
	return text
}

// appendStrings appends the strings in an array of which only the filled part was sent. What has no
// NUL behind it is padding.
func appendStrings(dst, data []byte) []byte {
	n := len(dst)
	for {
		text, rest, ok := bytes.Cut(data, []byte{0})
		if !ok {
			break
		}
		dst = append(strconv.AppendQuote(dst, string(text)), ' ')
		data = rest
	}
	if len(dst) == n {
		return strconv.AppendQuote(dst, string(data))
	}
	return dst[:len(dst)-1]
}

// appendTyped appends a value of a type; if it is cut off, what fits.
func appendTyped(dst []byte, spec *btf.Spec, id btf.ID, data []byte) ([]byte, error) {
	dst, err := btf.AppendValue(dst, spec, id, data, nil)
	if errors.Is(err, btf.ErrTruncated) {
		err = nil
	}
	return dst, err
}

// appendFields appends the fields of a record whose type is not known, and what lies between them
// unless it is zero.
func appendFields(dst []byte, fields []records.Field, data []byte) []byte {
	start, at := len(dst), 0
	next := func() {
		if len(dst) > start {
			dst = append(dst, ' ', ' ')
		}
	}
	gap := func(end int) {
		if end > at && !allZero(data[at:end]) {
			next()
			dst = append(strconv.AppendInt(append(dst, '+'), int64(at), 10), ' ')
			dst = appendBytes(dst, data[at:end])
		}
	}
	for _, f := range fields {
		off, end := int(f.Off), int(f.Off)+int(f.Size)
		if end > len(data) {
			break
		}
		gap(off)
		next()
		if f.Name == "" {
			dst = strconv.AppendInt(append(dst, '+'), int64(off), 10)
		} else {
			dst = append(dst, f.Name...)
		}
		dst = appendField(append(dst, ' '), f, data[off:end])
		at = end
	}
	gap(len(data))
	return dst
}

// appendField appends the value of a field.
func appendField(dst []byte, f records.Field, data []byte) []byte {
	if f.Kind == records.Number {
		var wide [8]byte
		if bigEndian() {
			copy(wide[8-len(data):], data)
		} else {
			copy(wide[:], data)
		}
		return appendNumber(dst, binary.NativeEndian.Uint64(wide[:]), len(data))
	}
	text, rest, _ := strings.Cut(string(data), "\x00")
	printable := !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
	if printable && (f.Kind == records.Text || text != "" && strings.Trim(rest, "\x00") == "") {
		return strconv.AppendQuote(dst, text)
	}
	return appendBytes(dst, data)
}

// mostErrno is the largest number of an error: the kernel returns errors as numbers from -mostErrno
// to -1.
const mostErrno = 4095

// appendNumber appends a number of so many bytes whose type is not known: errors as negative
// numbers, addresses of the kernel with hexadecimal digits.
func appendNumber(dst []byte, n uint64, size int) []byte {
	negative := -n
	if size == 4 {
		negative = uint64(-uint32(n))
	}
	switch {
	case size >= 4 && negative > 0 && negative <= mostErrno:
		return strconv.AppendUint(append(dst, '-'), negative, 10)
	case size == 8 && n >= 1<<63:
		return strconv.AppendUint(append(dst, "0x"...), n, 16)
	}
	return strconv.AppendUint(dst, n, 10)
}

// bigEndian reports whether this machine is big-endian.
func bigEndian() bool { return binary.NativeEndian.Uint16([]byte{0, 1}) == 1 }
