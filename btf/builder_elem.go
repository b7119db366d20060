package btf

import "math"

// element makes room for one more element of the last type, which must be of an allowed kind, and
// returns its info word. ok is false after an error.
func (b *Builder) element(what string, allowed ...Kind) (at int, info uint32, ok bool) {
	if b.err != nil {
		return 0, 0, false
	}
	if len(b.offs) == 0 {
		b.fail("add %s: there is no type yet", what)
		return 0, 0, false
	}
	b.own()
	b.valid = min(b.valid, len(b.offs)-1)
	at = int(b.offs[len(b.offs)-1])
	info = host.Uint32(b.types[at+4:])
	kind := Kind(info >> 24 & kindMax)
	for _, k := range allowed {
		if k != kind {
			continue
		}
		if info&maxVlen == maxVlen {
			b.fail("add %s: type [%d] has %d elements: %w", what, b.Len()-1, maxVlen, ErrTooBig)
			return 0, 0, false
		}
		return at, info, true
	}
	b.fail("add %s: the last type [%d] is a %v", what, b.Len()-1, kind)
	return 0, 0, false
}

// AddMember adds a member to the struct or union added last (libbpf: btf__add_field). A bit field
// has a bitSize from 1 to 255; other members have 0 and an offset that is a multiple of 8. The name
// may be "".
func (b *Builder) AddMember(name string, typ ID, bitOffset, bitSize uint32) {
	at, info, ok := b.element("member "+name, KindStruct, KindUnion)
	if !ok {
		return
	}
	bitfield := bitSize != 0 || bitOffset%8 != 0
	kflag := info>>31 != 0
	switch {
	case bitfield && (bitSize == 0 || bitSize > 255):
		b.fail("add member %q: %d bits at bit %d, a bit field has 1 to 255",
			name, bitSize, bitOffset)
	case (bitfield || kflag) && bitOffset > 0xffffff:
		b.fail("add member %q: bit %d: %w: in a type with bit fields offsets have 24 bits",
			name, bitOffset, ErrTooBig)
	case Kind(info>>24&kindMax) == KindUnion && bitOffset != 0:
		b.fail("add member %q: bit %d, members of a union start at 0", name, bitOffset)
	case bitfield && !kflag:
		b.checkPlainMembers(at, info&maxVlen)
	}
	nameOff, ref := b.AddString(name), b.ref("member "+name, typ)
	if b.err != nil {
		return
	}
	if bitfield {
		info |= 1 << 31
	}
	host.PutUint32(b.types[at+4:], info+1)
	b.word(nameOff)
	b.word(ref)
	b.word(bitSize<<24 | bitOffset)
}

// checkPlainMembers refuses a first bit field after members whose offsets would then be read as bit
// sizes.
func (b *Builder) checkPlainMembers(at int, n uint32) {
	for i := range int(n) {
		if off := host.Uint32(b.types[at+headSize+12*i+8:]); off > 0xffffff {
			b.fail("add bit field: member %d at bit %d: %w: in a type with bit fields offsets "+
				"have 24 bits", i, off, ErrTooBig)
		}
	}
}

// AddEnumerator adds a constant to the ENUM or ENUM64 added last (libbpf: btf__add_enum_value,
// btf__add_enum64_value). An ENUM takes -2^31 to 2^32-1 and becomes signed with its first negative
// constant; for an unsigned ENUM64 convert the value from uint64.
func (b *Builder) AddEnumerator(name string, value int64) {
	at, info, ok := b.element("enumerator "+name, KindEnum, KindEnum64)
	if !ok {
		return
	}
	small := Kind(info>>24&kindMax) == KindEnum
	if small && (value < math.MinInt32 || value > math.MaxUint32) {
		b.fail("add enumerator %q: %d does not fit into 32 bits: %w", name, value, ErrTooBig)
	}
	nameOff := b.name("enumerator", name, true)
	if b.err != nil {
		return
	}
	if small && value < 0 {
		info |= 1 << 31
	}
	host.PutUint32(b.types[at+4:], info+1)
	b.word(nameOff)
	b.word(uint32(value))
	if !small {
		b.word(uint32(uint64(value) >> 32))
	}
}

// AddParam adds a parameter to the FUNC_PROTO added last (libbpf: btf__add_func_param). The name
// may be ""; without name and with type 0 it stands for "...".
func (b *Builder) AddParam(name string, typ ID) {
	at, info, ok := b.element("parameter "+name, KindFuncProto)
	if !ok {
		return
	}
	nameOff, ref := b.AddString(name), b.ref("parameter "+name, typ)
	if b.err != nil {
		return
	}
	host.PutUint32(b.types[at+4:], info+1)
	b.word(nameOff)
	b.word(ref)
}

// AddSecVar adds a variable to the DATASEC added last (libbpf: btf__add_datasec_var_info).
func (b *Builder) AddSecVar(typ ID, offset, size uint32) {
	at, info, ok := b.element("section variable", KindDatasec)
	if !ok {
		return
	}
	ref := b.ref("section variable", typ)
	if b.err != nil {
		return
	}
	host.PutUint32(b.types[at+4:], info+1)
	b.word(ref)
	b.word(offset)
	b.word(size)
}
