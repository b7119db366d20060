package btf

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
