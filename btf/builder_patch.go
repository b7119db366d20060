package btf

// Record returns a type's record in host byte order, to be read or patched: name offset, info, size
// or type, then the words of the kind. The slice is valid until the next type or element is added.
// It is nil for ids that are not the Builder's own.
func (b *Builder) Record(id ID) []byte {
	b.patched = true
	return b.bytes(id)
}

// bytes is Record for callers that keep the format intact.
func (b *Builder) bytes(id ID) []byte {
	if id < b.first || id >= b.Len() {
		return nil
	}
	b.own()
	b.valid = 0
	i := int(id - b.first)
	end := len(b.types)
	if i+1 < len(b.offs) {
		end = int(b.offs[i+1])
	}
	return b.types[b.offs[i]:end:end]
}

// Type returns a view of a type in its current state, also of the base's. View and names are valid
// until the Builder changes.
func (b *Builder) Type(id ID) (Type, bool) {
	if id < b.first {
		if b.base == nil {
			return Type{}, true
		}
		return b.base.Type(id)
	}
	if id >= b.Len() {
		return Type{}, false
	}
	s := &Spec{base: b.base, types: b.types, offs: allOffsets(b.offs), first: b.first,
		strFirst: b.strs.first, strs: viewString(b.strs.data)}
	return s.Type(id)
}

// record is Record for a patch: the id must exist and be of one of the kinds, if any are given.
func (b *Builder) record(what string, id ID, allowed ...Kind) []byte {
	if b.err != nil {
		return nil
	}
	r := b.bytes(id)
	if r == nil {
		b.fail("%s of type [%d]: not a type of this BTF", what, id)
		return nil
	}
	kind := recordKind(r)
	if len(allowed) == 0 {
		return r
	}
	for _, k := range allowed {
		if k == kind {
			return r
		}
	}
	b.fail("%s of type [%d]: it is a %v", what, id, kind)
	return nil
}

func recordKind(r []byte) Kind { return Kind(host.Uint32(r[4:]) >> 24 & kindMax) }

// elementOf returns the bytes of element i of a type, nil after an error.
func (b *Builder) elementOf(what string, id ID, i, size int, allowed ...Kind) []byte {
	r := b.record(what, id, allowed...)
	if r == nil {
		return nil
	}
	if n := int(host.Uint32(r[4:]) & maxVlen); i < 0 || i >= n {
		b.fail("%s %d of type [%d]: it has %d", what, i, id, n)
		return nil
	}
	return r[headSize+i*size : headSize+(i+1)*size]
}

// SetName renames a type.
func (b *Builder) SetName(id ID, name string) {
	if r := b.record("name", id); r != nil {
		b.putString(r, name)
	}
}

// putString writes the offset of a string, which it adds, unless that fails. The record does not
// move: strings are stored separately.
func (b *Builder) putString(w []byte, text string) {
	if off := b.AddString(text); b.err == nil {
		host.PutUint32(w, off)
	}
}

// SetInfo changes kind, vlen and kind flag of a type. The length of the record must stay the same
// with the new kind and vlen; the rest of the record does not change. Sanitising BTF for kernels
// that lack a kind uses it.
func (b *Builder) SetInfo(id ID, kind Kind, vlen int, kflag bool) {
	r := b.record("kind", id)
	if r == nil {
		return
	}
	if vlen < 0 || vlen > maxVlen {
		b.fail("kind of type [%d]: vlen %d: %w", id, vlen, ErrTooBig)
		return
	}
	if kind > kindMax || kinds[kind].size == 0 {
		b.fail("kind of type [%d]: %w %v", id, ErrUnknownKind, kind)
		return
	}
	if n := int(kinds[kind].size) + vlen*int(kinds[kind].elem); n != len(r) {
		b.fail("kind of type [%d]: as %v with %d elements it takes %d bytes instead of %d",
			id, kind, vlen, n, len(r))
		return
	}
	host.PutUint32(r[4:], infoWord(kind, uint32(vlen), kflag))
}

// SetSize changes the size of a type that has one.
func (b *Builder) SetSize(id ID, size uint32) { b.setThird("size", id, thirdSize, size) }

// SetRef changes the type that a type refers to: see [Type.Ref].
func (b *Builder) SetRef(id, to ID) { b.setThird("reference", id, thirdRef, uint32(to)) }

func (b *Builder) setThird(what string, id ID, as third, v uint32) {
	r := b.record(what, id)
	if r == nil {
		return
	}
	if k := recordKind(r); kinds[k].third != as {
		b.fail("%s of type [%d]: a %v has none", what, id, k)
		return
	}
	host.PutUint32(r[8:], v)
}

// SetLinkage changes the linkage of a FUNC or VAR.
func (b *Builder) SetLinkage(id ID, linkage Linkage) {
	r := b.record("linkage", id, KindFunc, KindVar)
	if r == nil {
		return
	}
	if linkage > LinkageExtern {
		b.fail("linkage of type [%d]: unknown linkage %d", id, linkage)
		return
	}
	if recordKind(r) == KindVar {
		host.PutUint32(r[12:], uint32(linkage))
		return
	}
	host.PutUint32(r[4:], host.Uint32(r[4:])&^uint32(maxVlen)|uint32(linkage))
}

// SetSecVar changes the i-th variable of a DATASEC.
func (b *Builder) SetSecVar(datasec ID, i int, v SecVar) {
	if w := b.elementOf("variable", datasec, i, 12, KindDatasec); w != nil {
		host.PutUint32(w, uint32(v.Type))
		host.PutUint32(w[4:], v.Offset)
		host.PutUint32(w[8:], v.Size)
	}
}

// SetMember changes the i-th member of a struct or union. A BitSize needs a type with KFlag.
func (b *Builder) SetMember(id ID, i int, m Member) {
	w := b.elementOf("member", id, i, 12, KindStruct, KindUnion)
	if w == nil {
		return
	}
	if kflag := host.Uint32(b.bytes(id)[4:])>>31 != 0; kflag &&
		(m.BitOffset > 0xffffff || m.BitSize > 255) || !kflag && m.BitSize != 0 {
		b.fail("member %d of type [%d]: %d bits at bit %d cannot be expressed",
			i, id, m.BitSize, m.BitOffset)
		return
	}
	if b.putString(w, m.Name); b.err == nil {
		host.PutUint32(w[4:], uint32(m.Type))
		host.PutUint32(w[8:], m.BitSize<<24|m.BitOffset)
	}
}

// SetParam changes the i-th parameter of a FUNC_PROTO.
func (b *Builder) SetParam(id ID, i int, p Param) {
	w := b.elementOf("parameter", id, i, 8, KindFuncProto)
	if w == nil {
		return
	}
	if b.putString(w, p.Name); b.err == nil {
		host.PutUint32(w[4:], uint32(p.Type))
	}
}

// SetParamName renames the i-th parameter of a FUNC_PROTO.
func (b *Builder) SetParamName(id ID, i int, name string) {
	if w := b.elementOf("parameter", id, i, 8, KindFuncProto); w != nil {
		b.putString(w, name)
	}
}
