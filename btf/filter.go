package btf

// scan returns the types with each of the wanted essential names, ascending, in one pass over the
// spec's own types: functions, or all others.
//
// The pass must reject quickly, 127 thousand times. It compares the first eight bytes at a name's
// offset in the strings, including bytes after the name's end: a wanted name of eight bytes or more
// must start with exactly these. Shorter wanted names are compared by four bytes, zero after the
// name's end; names below four bytes have a second key for the start of their flavours.
func (s *Spec) scan(want []string, funcs bool) [][]ID {
	found := make([][]ID, len(want))
	f := newFilter(want)
	for i, off := 0, uint32(0); i < s.offs.n; i, off = i+1, s.after(i, off) {
		nameOff, kind := s.head(off)
		if nameOff == 0 || (kind == KindFunc) != funcs {
			continue
		}
		rest := s.text(nameOff)
		w := word64(rest)
		if h := sieveHash(w); f.long.has(h) {
			f.match(&f.long, h, rest, found, s.first+ID(i))
		}
		if f.shorts {
			if h := sieveHash(upToNUL(uint32(w))); f.short.has(h) {
				f.match(&f.short, h, rest, found, s.first+ID(i))
			}
		}
	}
	return found
}

// head returns the name offset and the kind of the type at off in types.
func (s *Spec) head(off uint32) (nameOff uint32, kind Kind) {
	rec := s.types[off:]
	return host.Uint32(rec), Kind(host.Uint32(rec[4:]) >> 24 & kindMax)
}

// scanOne is scan for one name, which needs no filter.
func (s *Spec) scanOne(name string, funcs bool) (ids []ID) {
	want := newWantedName(name)
	key, mask := word64(name), ^uint64(0)
	if len(name) < 8 {
		mask = 1<<(8*len(name)) - 1
	}
	for i, off := 0, uint32(0); i < s.offs.n; i, off = i+1, s.after(i, off) {
		nameOff, kind := s.head(off)
		if nameOff == 0 || (kind == KindFunc) != funcs {
			continue
		}
		if rest := s.text(nameOff); (word64(rest)^key)&mask == 0 && want.isEssential(rest) {
			ids = append(ids, s.first+ID(i))
		}
	}
	return ids
}

// filter holds the wanted names by their keys.
type filter struct {
	want        []wantedName
	entries     []filterEntry
	long, short sieve
	shorts      bool // there are names below eight bytes
}

// filterEntry is a link of a chain of wanted names whose keys have the same hash; next counts from
// 1.
type filterEntry struct{ want, next uint16 }

// sieve rejects most names by a bitmap; for the others it gives the chain of wanted names.
type sieve struct {
	bits  [1 << (sieveBits - 6)]uint64
	heads [1 << sieveHeads]uint16
}

const (
	sieveBits  = 12
	sieveHeads = 9
)

func sieveHash(key uint64) uint64 { return key * 0x9e3779b97f4a7c15 }

func (v *sieve) has(hash uint64) bool {
	n := hash >> (64 - sieveBits)
	return v.bits[n/64]>>(n%64)&1 != 0
}

func newFilter(want []string) *filter {
	f := &filter{want: make([]wantedName, len(want)), entries: make([]filterEntry, 0, len(want))}
	for i, name := range want {
		f.want[i] = newWantedName(name)
		if len(name) >= 8 {
			f.add(&f.long, i, word64(name))
			continue
		}
		f.shorts = true
		f.add(&f.short, i, upToNUL(uint32(word64(name))))
		if len(name) < 4 {
			f.add(&f.short, i, upToNUL(uint32(word64(name+"___"))))
		}
	}
	return f
}

func (f *filter) add(v *sieve, want int, key uint64) {
	h := sieveHash(key)
	n := h >> (64 - sieveBits)
	v.bits[n/64] |= 1 << (n % 64)
	head := &v.heads[h>>(64-sieveHeads)]
	f.entries = append(f.entries, filterEntry{uint16(want), *head})
	*head = uint16(len(f.entries))
}

// match adds id to the types found for the name at the start of rest if it is wanted.
func (f *filter) match(v *sieve, hash uint64, rest string, found [][]ID, id ID) {
	for e := v.heads[hash>>(64-sieveHeads)]; e != 0; e = f.entries[e-1].next {
		w := f.entries[e-1].want
		if f.want[w].isEssential(rest) {
			found[w] = append(found[w], id)
		}
	}
}

// wantedName is a name to look for. plain means that it has no flavour itself, unlike names such as
// a___b (of a___b___c).
type wantedName struct {
	name  string
	plain bool
}

func newWantedName(name string) wantedName {
	return wantedName{name, len(EssentialName(name)) == len(name)}
}

// isEssential reports whether this is the essential name of the string at the start of rest.
func (w wantedName) isEssential(rest string) bool {
	n := len(w.name)
	if len(rest) <= n || rest[:n] != w.name {
		return false
	}
	if rest[n] == 0 {
		return w.plain
	}
	return rest[n] == '_' && len(EssentialName(cstring(rest))) == n
}

// upToNUL clears the bytes after the first zero byte.
func upToNUL(w uint32) uint64 {
	if z := (w - 0x01010101) & ^w & 0x80808080; z != 0 {
		w &= (z&-z)>>7 - 1
	}
	return uint64(w)
}

// word64 returns the first eight bytes of text, the first one least significant, zero where text
// ends.
func word64(s string) (w uint64) {
	if len(s) >= 8 {
		return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	}
	for i := range len(s) {
		w |= uint64(s[i]) << (8 * i)
	}
	return w
}
