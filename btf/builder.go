package btf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unsafe"
)

// Builder makes BTF: types are appended one by one, elements are appended to the type that was
// added last, and existing types can be patched in place. Types may refer to ids that are added
// later.
//
// A call that breaks a rule of the format returns 0, and Err and Spec return the first such error.
// Limits are libbpf's (btf__add_*). A Builder must not be used by several goroutines at once.
type Builder struct {
	base     *Spec
	first    ID
	types    []byte
	offs     []uint32
	layout   []byte
	strs     stringPool
	indexed  bool   // strs can find all its strings
	searched int    // number of searches while it can't
	unique   bool   // no string occurs twice
	lastOff  uint32 // of the string that was added or found last: it is often passed repeatedly
	valid    int    // number of types at the start whose ids and strings exist
	shared   bool   // a Spec uses the records: they are copied before one changes
	patched  bool   // records were returned for writing and may contain anything
	ptrSize  uint32
	err      error
}

// NewBuilder returns a Builder of empty BTF, split over base unless that is nil (libbpf:
// btf__new_empty, btf__new_empty_split).
func NewBuilder(base *Spec) *Builder {
	b := &Builder{base: base, first: 1, indexed: true, unique: true}
	if base == nil {
		b.strs.data = []byte{0}
	} else {
		b.first = base.Len()
		b.strs.first = base.strFirst + uint32(len(base.strs))
	}
	return b
}

// Edit returns a Builder that starts as a copy of s, with the same ids and string offsets. (Strings
// never change in place and are copied when the first one is added.) BTF whose header has unknown
// fields cannot be changed: Err of the Builder is then [ErrReadOnly].
func (s *Spec) Edit() *Builder {
	b := &Builder{
		base:    s.base,
		first:   s.first,
		types:   append(make([]byte, 0, len(s.types)+64), s.types...),
		offs:    s.offsetList(),
		layout:  s.layout,
		unique:  s.unique,
		ptrSize: s.ptrSize.Load(),
		strs: stringPool{
			data: unsafe.Slice(unsafe.StringData(s.strs), len(s.strs)), first: s.strFirst,
		},
	}
	if s.unknown {
		b.err = fmt.Errorf("btf: edit: %w", ErrReadOnly)
	}
	return b
}

// Err returns the first error of any call.
func (b *Builder) Err() error { return b.err }

// fail keeps the first error.
func (b *Builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf("btf: "+format, args...)
	}
}

// Len returns one more than the highest id so far, base included: the id that the next type will
// get.
func (b *Builder) Len() ID { return b.first + ID(len(b.offs)) }

// FirstID returns the lowest id of the Builder's own types.
func (b *Builder) FirstID() ID { return b.first }

// Base returns the BTF that this one is split over, or nil.
func (b *Builder) Base() *Spec { return b.base }

// Bytes returns the BTF in host byte order (libbpf: btf__raw_data), nil after an error.
func (b *Builder) Bytes() []byte {
	if b.err != nil {
		return nil
	}
	return join(b.types, b.layout, b.strs.data)
}

// join returns BTF made of its sections.
func join(types, layout, strs []byte) []byte {
	hdr := headerMin
	if len(layout) != 0 {
		hdr = headerFull
	}
	out := make([]byte, hdr, hdr+len(types)+len(layout)+len(strs))
	host.PutUint16(out, magic)
	out[2] = 1
	host.PutUint32(out[4:], uint32(hdr))
	host.PutUint32(out[12:], uint32(len(types)))
	host.PutUint32(out[16:], uint32(len(types)+len(layout)))
	host.PutUint32(out[20:], uint32(len(strs)))
	if hdr == headerFull {
		host.PutUint32(out[24:], uint32(len(types)))
		host.PutUint32(out[28:], uint32(len(layout)))
	}
	out = append(out, types...)
	out = append(out, layout...)
	return append(out, strs...)
}

// BytesOrder is Bytes in a given byte order (libbpf: btf__set_endianness and btf__raw_data).
func (b *Builder) BytesOrder(order binary.ByteOrder) []byte {
	out := b.Bytes()
	if out != nil && order != byteOrder(false) {
		out = swapSpec(out)
	}
	return out
}

// Spec returns the BTF in its current state. Later changes of the Builder do not affect it.
func (b *Builder) Spec() (*Spec, error) {
	if b.err != nil {
		return nil, b.err
	}
	if len(b.strs.data) == 0 && b.base == nil {
		return nil, &FormatError{Section: "strings", Msg: "section is empty"}
	}
	s := &Spec{
		base: b.base, first: b.first, strFirst: b.strs.first, layout: b.layout,
		types: b.types[:len(b.types):len(b.types)], offs: allOffsets(b.offs),
		strs: viewString(b.strs.data), unique: b.unique,
	}
	if b.patched {
		if err := s.walk(); err != nil {
			return nil, err
		}
	}
	s.ptrSize.Store(b.ptrSize)
	b.shared = true
	return s, nil
}

// own copies the records if a Spec uses them, before one changes in place.
func (b *Builder) own() {
	if b.shared {
		b.shared = false
		b.types = append(make([]byte, 0, len(b.types)+64), b.types...)
	}
}

// AddString returns the offset of a string, which it adds if neither the base nor the Builder has
// it (libbpf: btf__add_str).
func (b *Builder) AddString(text string) uint32 {
	if text == "" {
		return 0
	}
	if strings.IndexByte(text, 0) >= 0 {
		b.fail("string %q contains a NUL", text)
		return 0
	}
	if i := b.lastOff - b.strs.first; b.lastOff != 0 && b.strs.is(i, text) {
		return b.lastOff
	}
	if off, ok := b.FindString(text); ok {
		return off
	}
	at := uint64(b.strs.first) + uint64(len(b.strs.data))
	if at+uint64(len(text)) > maxStrOff {
		b.fail("add string %.40q: %d bytes of strings: %w", text, at, ErrTooBig)
		return 0
	}
	b.lastOff = b.strs.append(text, b.indexed)
	return b.lastOff
}

// FindString returns the offset of a string, of the base or the Builder. ok is false if neither has
// it (libbpf: btf__find_str).
func (b *Builder) FindString(text string) (off uint32, ok bool) {
	if strings.IndexByte(text, 0) >= 0 {
		return 0, false
	}
	if b.base != nil {
		if off, ok := b.base.findString(text); ok {
			return off, true
		}
	}
	if off, ok = b.findString(text); ok {
		b.lastOff = off
	}
	return off, ok
}

// fewStrings is the number of searches in the string bytes before a table of all strings is made:
// edited BTF with thousands of strings often gains only one.
const fewStrings = 16

// findString finds a string of the Builder, the first of equal ones.
func (b *Builder) findString(text string) (off uint32, ok bool) {
	if !b.indexed && b.searched >= fewStrings {
		b.strs.index()
		b.indexed = true
	}
	if b.indexed || text == "" {
		return b.strs.find(text)
	}
	b.searched++
	for at := 0; ; {
		i := bytes.Index(b.strs.data[at:], []byte(text))
		if i < 0 {
			return 0, false
		}
		if i += at; (i == 0 || b.strs.data[i-1] == 0) && b.strs.is(uint32(i), text) {
			return b.strs.first + uint32(i), true
		}
		at = i + 1
	}
}

// name adds a name. what and required are for the error if it is missing.
func (b *Builder) name(what, name string, required bool) uint32 {
	if required && name == "" {
		b.fail("add %s: a name is required", what)
	}
	return b.AddString(name)
}

// ref checks an id's range; ids beyond the last type may be added later.
func (b *Builder) ref(what string, id ID) uint32 {
	if id > maxID {
		b.fail("add %s: type id %d: %w", what, id, ErrTooBig)
	}
	return uint32(id)
}

// add appends a record.
func (b *Builder) add(kind Kind, kflag bool, vlen uint32, nameOff, third uint32,
	words ...uint32) ID {
	if b.err != nil {
		return 0
	}
	id := b.Len()
	if id >= maxID || len(b.types) > math.MaxInt32 {
		b.fail("add %v: %d types: %w", kind, id, ErrTooBig)
		return 0
	}
	b.offs = append(b.offs, uint32(len(b.types)))
	b.word(nameOff)
	b.word(infoWord(kind, vlen, kflag))
	b.word(third)
	for _, w := range words {
		b.word(w)
	}
	return id
}

// viewString returns bytes that will not change as a string.
func viewString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (b *Builder) word(w uint32) { b.types = host.AppendUint32(b.types, w) }

func infoWord(kind Kind, vlen uint32, kflag bool) uint32 {
	w := uint32(kind)<<24 | vlen
	if kflag {
		w |= 1 << 31
	}
	return w
}

// AddInt adds an INT of 1, 2, 4, 8 or 16 bytes; all bits count (libbpf: btf__add_int).
func (b *Builder) AddInt(name string, size uint32, enc IntEncoding) ID {
	if size == 0 || size > 16 || size&(size-1) != 0 {
		b.fail("add int %q: %d bytes, must be 1, 2, 4, 8 or 16", name, size)
	}
	if enc&^(Signed|Char|Bool) != 0 {
		b.fail("add int %q: unknown encoding %#x", name, uint8(enc))
	}
	return b.add(KindInt, false, 0, b.name("int", name, true), size, uint32(enc)<<24|size*8)
}

// AddFloat adds a FLOAT of 2, 4, 8, 12 or 16 bytes (libbpf: btf__add_float).
func (b *Builder) AddFloat(name string, size uint32) ID {
	switch size {
	case 2, 4, 8, 12, 16:
	default:
		b.fail("add float %q: %d bytes, must be 2, 4, 8, 12 or 16", name, size)
	}
	return b.add(KindFloat, false, 0, b.name("float", name, true), size)
}

// AddPtr adds a pointer (libbpf: btf__add_ptr).
func (b *Builder) AddPtr(to ID) ID { return b.add(KindPtr, false, 0, 0, b.ref("ptr", to)) }

// AddConst adds const (libbpf: btf__add_const).
func (b *Builder) AddConst(to ID) ID { return b.add(KindConst, false, 0, 0, b.ref("const", to)) }

// AddVolatile adds volatile (libbpf: btf__add_volatile).
func (b *Builder) AddVolatile(to ID) ID {
	return b.add(KindVolatile, false, 0, 0, b.ref("volatile", to))
}

// AddRestrict adds restrict (libbpf: btf__add_restrict).
func (b *Builder) AddRestrict(to ID) ID {
	return b.add(KindRestrict, false, 0, 0, b.ref("restrict", to))
}

// AddTypedef adds a typedef (libbpf: btf__add_typedef).
func (b *Builder) AddTypedef(name string, to ID) ID {
	return b.add(KindTypedef, false, 0, b.name("typedef", name, true), b.ref("typedef", to))
}

// AddTypeTag adds a type tag, __attribute__((btf_type_tag("value"))) (libbpf: btf__add_type_tag).
func (b *Builder) AddTypeTag(value string, to ID) ID {
	return b.add(KindTypeTag, false, 0, b.name("type tag", value, true), b.ref("type tag", to))
}

// AddTypeAttr adds a type tag that is a whole attribute, __attribute__((value)) (libbpf:
// btf__add_type_attr).
func (b *Builder) AddTypeAttr(value string, to ID) ID {
	return b.add(KindTypeTag, true, 0, b.name("type attribute", value, true),
		b.ref("type attribute", to))
}

// AddArray adds an array of n elements (libbpf: btf__add_array).
func (b *Builder) AddArray(index, elem ID, n uint32) ID {
	return b.add(KindArray, false, 0, 0, 0, b.ref("array", elem), b.ref("array", index), n)
}

// AddStruct adds a struct; its members follow with AddMember. The name may be "" (libbpf:
// btf__add_struct).
func (b *Builder) AddStruct(name string, size uint32) ID {
	return b.add(KindStruct, false, 0, b.name("struct", name, false), size)
}

// AddUnion adds a union; its members follow with AddMember. The name may be "" (libbpf:
// btf__add_union).
func (b *Builder) AddUnion(name string, size uint32) ID {
	return b.add(KindUnion, false, 0, b.name("union", name, false), size)
}

// AddFwd adds a forward declaration of a struct, union or enum; that of an enum is an empty ENUM of
// 4 bytes (libbpf: btf__add_fwd).
func (b *Builder) AddFwd(name string, kind Kind) ID {
	off := b.name("fwd", name, true)
	switch kind {
	case KindStruct:
		return b.add(KindFwd, false, 0, off, 0)
	case KindUnion:
		return b.add(KindFwd, true, 0, off, 0)
	case KindEnum:
		return b.add(KindEnum, false, 0, off, 4)
	}
	b.fail("add fwd %q: %v cannot be declared forward, only struct, union or enum", name, kind)
	return 0
}

// AddEnum adds an ENUM of 1, 2, 4 or 8 bytes; its constants follow with AddEnumerator. The name may
// be "" (libbpf: btf__add_enum, which makes it signed only at the first negative constant, as
// AddEnumerator does too).
func (b *Builder) AddEnum(name string, size uint32, signed bool) ID {
	return b.addEnum(KindEnum, name, size, signed)
}

// AddEnum64 adds an ENUM64, whose constants have 64 bits (libbpf: btf__add_enum64; Linux 6.0).
func (b *Builder) AddEnum64(name string, size uint32, signed bool) ID {
	return b.addEnum(KindEnum64, name, size, signed)
}

func (b *Builder) addEnum(kind Kind, name string, size uint32, signed bool) ID {
	switch size {
	case 1, 2, 4, 8:
	default:
		b.fail("add %v %q: %d bytes, must be 1, 2, 4 or 8", kind, name, size)
	}
	return b.add(kind, signed, 0, b.name("enum", name, false), size)
}

// AddFunc adds a function whose FUNC_PROTO is proto (libbpf: btf__add_func).
func (b *Builder) AddFunc(name string, linkage Linkage, proto ID) ID {
	b.checkLinkage("func", name, linkage)
	return b.add(KindFunc, false, uint32(linkage), b.name("func", name, true), b.ref("func", proto))
}

// AddFuncProto adds a function's signature; its parameters follow with AddParam (libbpf:
// btf__add_func_proto).
func (b *Builder) AddFuncProto(ret ID) ID {
	return b.add(KindFuncProto, false, 0, 0, b.ref("func_proto", ret))
}

// AddVar adds a global variable (libbpf: btf__add_var).
func (b *Builder) AddVar(name string, linkage Linkage, typ ID) ID {
	b.checkLinkage("var", name, linkage)
	return b.add(KindVar, false, 0, b.name("var", name, true), b.ref("var", typ), uint32(linkage))
}

func (b *Builder) checkLinkage(what, name string, linkage Linkage) {
	if linkage > LinkageExtern {
		b.fail("add %s %q: unknown linkage %d", what, name, linkage)
	}
}

// AddDatasec adds a section of variables, which follow with AddSecVar (libbpf: btf__add_datasec).
func (b *Builder) AddDatasec(name string, size uint32) ID {
	return b.add(KindDatasec, false, 0, b.name("datasec", name, true), size)
}

// AddDeclTag tags a declaration, or its member or parameter component if that is not -1 (libbpf:
// btf__add_decl_tag).
func (b *Builder) AddDeclTag(value string, to ID, component int32) ID {
	return b.addDeclTag(false, value, to, component)
}

// AddDeclAttr adds a declaration tag that is a whole attribute (libbpf: btf__add_decl_attr).
func (b *Builder) AddDeclAttr(value string, to ID, component int32) ID {
	return b.addDeclTag(true, value, to, component)
}

func (b *Builder) addDeclTag(kflag bool, value string, to ID, component int32) ID {
	if component < -1 {
		b.fail("add decl tag %q: component %d, must be -1 or more", value, component)
	}
	return b.add(KindDeclTag, kflag, 0, b.name("decl tag", value, true), b.ref("decl tag", to),
		uint32(component))
}
