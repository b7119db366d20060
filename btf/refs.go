package btf

import "math/bits"

// eachWord calls f for every word of a record that is a type id or string offset: at is its offset
// in the record, isID is true for type ids. For unknown kinds it calls f only for the name.
func eachWord(rec []byte, f func(at int, isID bool)) {
	f(0, false)
	row := &kinds[recordKind(rec)]
	for w := 2; row.ids>>w != 0; w++ {
		if row.ids>>w&1 != 0 {
			f(4*w, true)
		}
	}
	if row.elemStrs|row.elemIDs == 0 {
		return
	}
	for at := int(row.size); at < len(rec); at += int(row.elem) {
		for w := 0; w < int(row.elem)/4; w++ {
			switch {
			case row.elemStrs>>w&1 != 0:
				f(at+4*w, false)
			case row.elemIDs>>w&1 != 0:
				f(at+4*w, true)
			}
		}
	}
}

// eachID calls f for every word of a record that is a type id.
func eachID(rec []byte, f func(w []byte)) {
	row := &kinds[recordKind(rec)]
	for w := 2; row.ids>>w != 0; w++ {
		if row.ids>>w&1 != 0 {
			f(rec[4*w:])
		}
	}
	if row.elemIDs == 0 {
		return
	}
	at := 4 * bits.TrailingZeros8(row.elemIDs) // an element has one at most
	for at += int(row.size); at < len(rec); at += int(row.elem) {
		f(rec[at:])
	}
}

// renumber replaces every type id in a record by its new one.
func renumber(rec []byte, ids []ID) {
	eachID(rec, func(w []byte) { host.PutUint32(w, uint32(ids[host.Uint32(w)])) })
}

// eachString calls f for every word of a record that is a string offset.
func eachString(rec []byte, f func(w []byte)) {
	f(rec)
	row := &kinds[recordKind(rec)]
	if row.elemStrs == 0 {
		return
	}
	for at := int(row.size); at < len(rec); at += int(row.elem) {
		f(rec[at:]) // always the first word of an element
	}
}
