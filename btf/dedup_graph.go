package btf

// typePair is a type of a candidate's graph and the type of the canonical graph in its place.
type typePair struct{ candidate, canonical ID }

// dedupComposites finds the canonical types of structs and unions.
func (d *dedup) dedupComposites() {
	for i, kind := range d.kinds[d.first:] {
		id := d.first + ID(i)
		if !kind.IsComposite() || d.canonical[id] != 0 {
			continue
		}
		if d.canonical[id] = d.findComposite(id, d.types[d.offs[i]:]); d.err != nil {
			return
		}
	}
}

// findComposite returns the canonical struct or union that is equal together with all types that
// it refers to. If there is none, id becomes canonical.
func (d *dedup) findComposite(id ID, rec []byte) ID {
	h := hashComposite(rec)
	for c := d.table.first(h); c != 0; c = d.table.after(c, h) {
		if !d.step(id) {
			return id
		}
		d.steps -= int64(vlen(rec))
		if !sameShape(rec, d.record(c)) {
			continue
		}
		for _, m := range d.mapped {
			d.hypothesis[m] = 0
		}
		d.mapped, d.needsBase = d.mapped[:0], false
		if !d.equalGraphs(id, c) {
			if d.err != nil {
				return id
			}
			continue
		}
		if d.merge(); !d.needsBase {
			return c
		}
	}
	if d.step(id) {
		d.table.add(h, id)
	}
	return id
}

// sameShape reports whether two records are structs or unions that differ at most in the types of
// their members.
func sameShape(a, b []byte) bool {
	if word(a, 0) != word(b, 0) || word(a, 1) != word(b, 1) || word(a, 2) != word(b, 2) {
		return false
	}
	n := vlen(a)
	a, b = a[headSize:headSize+12*n], b[headSize:headSize+12*n]
	for ; len(a) >= 12 && len(b) >= 12; a, b = a[12:], b[12:] {
		if word(a, 0) != word(b, 0) || word(a, 2) != word(b, 2) {
			return false
		}
	}
	return true
}

// equalGraphs compares two types with all types that they refer to, depth first: each type of the
// canonical graph must have a single type of the candidate's graph in its place. A forward
// declaration equals a struct or union that it can declare.
func (d *dedup) equalGraphs(candidate, canonical ID) bool {
	d.stack = d.stack[:0]
	d.visit(candidate, canonical)
	for len(d.stack) > 0 {
		p := d.stack[len(d.stack)-1]
		d.stack = d.stack[:len(d.stack)-1]
		if !d.step(candidate) || !d.equalTypes(p.candidate, p.canonical) {
			return false
		}
	}
	return true
}

// visit puts two types on the stack, unless it is known already that they are equal.
func (d *dedup) visit(candidate, canonical ID) {
	if candidate != canonical && d.resolve(candidate) != d.resolve(canonical) {
		d.stack = append(d.stack, typePair{candidate, canonical})
	}
}

// visitWords visits the types at word w of two records.
func (d *dedup) visitWords(a, b []byte, w int) { d.visit(ID(word(a, w)), ID(word(b, w))) }

// equalTypes compares two types and puts those that they refer to on the stack, the first one on
// top.
func (d *dedup) equalTypes(candidate, canonical ID) bool {
	if candidate == 0 || canonical == 0 {
		return false
	}
	if d.kinds[canonical] == KindFwd {
		if to := d.resolve(canonical); d.kinds[to] != KindFwd {
			canonical = to
		}
	}
	if before := d.hypothesis[canonical]; before != 0 {
		// Compilers write some types twice; that is accepted if both refer to the same types.
		return before == candidate || d.identical(before, candidate, maxIdentical)
	}
	d.hypothesis[canonical] = candidate
	d.mapped = append(d.mapped, canonical)

	a, b := d.record(candidate), d.record(canonical)
	if word(a, 0) != word(b, 0) {
		return false
	}
	kind, other := d.kinds[candidate], d.kinds[canonical]
	switch {
	case kind == other:
	case kind == KindFwd:
		return forwardKind(a) == other
	case other == KindFwd:
		if forwardKind(b) != kind {
			return false
		}
		d.needsBase = d.needsBase || canonical < d.first
		return true
	default:
		return false
	}
	switch kind {
	case KindInt, KindFwd, KindFloat:
		return equalRecords(a[:recordSize(a)], b)
	case KindEnum, KindEnum64:
		return compatibleEnums(a, b)
	case KindConst, KindVolatile, KindRestrict, KindPtr, KindTypedef, KindFunc, KindTypeTag:
		d.visitWords(a, b, 2)
		return word(a, 1) == word(b, 1)
	case KindArray:
		d.visitWords(a, b, 3)
		d.visitWords(a, b, 4)
		return word(a, 1) == word(b, 1) && word(a, 2) == word(b, 2) && word(a, 5) == word(b, 5)
	case KindStruct, KindUnion:
		if word(a, 1) != word(b, 1) || word(a, 2) != word(b, 2) {
			return false
		}
		for w := 3 * vlen(a); w > 0; w -= 3 {
			if word(a, w) != word(b, w) || word(a, w+2) != word(b, w+2) {
				return false
			}
			d.visitWords(a, b, w+1)
		}
		return true
	case KindFuncProto:
		if word(a, 1) != word(b, 1) {
			return false
		}
		for w := 1 + 2*vlen(a); w > 1; w -= 2 {
			if word(a, w) != word(b, w) {
				return false
			}
			d.visitWords(a, b, w+1)
		}
		d.visitWords(a, b, 2)
		return true
	}
	d.fail(candidate, nil, "a struct or union refers to this %v", kind)
	return false
}

// maxIdentical is how deep identical looks into structs in structs.
const maxIdentical = 16

// identical reports whether two types are arrays, pointers, structs or unions with the same bytes,
// ids included; members of structs may be identical arrays or structs themselves.
func (d *dedup) identical(id, other ID, depth int) bool {
	kind := d.kinds[id]
	if kind != d.kinds[other] {
		return false
	}
	a, b := d.record(id), d.record(other)
	switch kind {
	case KindPtr:
		return depth == maxIdentical && word(a, 2) == word(b, 2)
	case KindArray:
		return equalRecords(a[:recordSize(a)], b)
	case KindStruct, KindUnion:
		if depth == 0 || !sameShape(a, b) {
			return false
		}
		for w := 4; w < 3+3*vlen(a); w += 3 {
			if m, n := ID(word(a, w)), ID(word(b, w)); m != n &&
				!(d.step(id) && d.identical(m, n, depth-1)) {
				return false
			}
		}
		return true
	}
	return false
}

// merge keeps what a comparison of equal graphs has shown: forward declarations are replaced by
// definitions, and structs and unions by their canonical ones.
func (d *dedup) merge() {
	for _, m := range d.mapped {
		candidate, canonical := d.resolve(d.hypothesis[m]), d.resolve(m)
		kind, other := d.kinds[candidate], d.kinds[canonical]
		if kind != KindFwd && other == KindFwd {
			d.canonical[canonical] = candidate
		}
		if d.needsBase {
			continue // no more than the forward declarations of the base
		}
		if kind == KindFwd && other != KindFwd {
			d.canonical[candidate] = canonical
		}
		if kind.IsComposite() && other != KindFwd && d.canonical[canonical] != 0 &&
			d.canonical[candidate] == 0 {
			d.canonical[candidate] = canonical
		}
	}
}

// dedupReferences finds the canonical types of those that remain: they refer to others, and are
// equal if these are.
func (d *dedup) dedupReferences() {
	for i, kind := range d.kinds[d.first:] {
		id := d.first + ID(i)
		if d.err != nil {
			return
		}
		if d.canonical[id] != 0 {
			continue
		}
		if kind != KindArray && kind != KindFuncProto {
			rec := d.types[d.offs[i]:]
			ref := ID(word(rec, 2))
			if ref == 0 || d.canonical[ref] != 0 { // most are
				host.PutUint32(rec[8:], uint32(d.resolve(ref)))
				d.canonical[id] = d.findEqual(id, rec)
				continue
			}
		}
		d.dedupReference(id)
	}
}

// refFrame is a type whose referenced types become canonical one after the other; word is the next
// one.
type refFrame struct {
	id   ID
	word uint32
}

// dedupReference finds the canonical types of id and of all types on which that depends.
func (d *dedup) dedupReference(id ID) {
	d.canonical[id] = inProgress
	d.frames = append(d.frames[:0], refFrame{id, 0})
	for len(d.frames) > 0 {
		f := &d.frames[len(d.frames)-1]
		rec := d.record(f.id)
		kind := d.kinds[f.id]
		w := nextRef(kind, rec, int(f.word))
		if w < 0 {
			d.canonical[f.id] = d.findEqual(f.id, rec)
			d.frames = d.frames[:len(d.frames)-1]
			continue
		}
		ref := ID(word(rec, w))
		switch d.canonical[ref] {
		case inProgress:
			d.fail(f.id, nil, "%v refers to itself without a struct or union between", kind)
			return
		case 0:
			if ref != 0 {
				d.canonical[ref] = inProgress
				d.frames = append(d.frames, refFrame{ref, 0})
				continue // and come back for the same word
			}
		}
		host.PutUint32(rec[4*w:], uint32(d.resolve(ref)))
		f.word = uint32(w) + 1
	}
}

// nextRef returns the first word from w on that is the id of a type in a record of kinds that
// dedupReference handles, -1 if there is none.
func nextRef(kind Kind, rec []byte, w int) int {
	switch kind {
	case KindArray:
		if w = max(w, 3); w <= 4 {
			return w
		}
	case KindFuncProto:
		if w <= 2 {
			return 2
		}
		if w = (w + 1) &^ 1; w < 3+2*vlen(rec) {
			return w
		}
	default:
		if w <= 2 {
			return 2
		}
	}
	return -1
}
