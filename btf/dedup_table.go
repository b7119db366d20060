package btf

import (
	"bytes"
	"math/bits"
)

// candidateTable finds canonical types by the hash of what they have in common with equal ones.
//
// If several canonical types match, the first one found counts. So that it is the one that libbpf
// finds, chains are in the order of those of libbpf's hashmap: new types come first, and the order
// is reversed when the table grows, which it does when it is three quarters full.
type candidateTable struct {
	heads []ID
	next  []ID // by type; 0 ends a chain
	hash  []uint32
	n     int
	shift uint8
	hops  int64 // past types with other hashes, since the last step
}

func (t *candidateTable) add(h uint32, id ID) {
	if (t.n+1)*4/3 > len(t.heads) {
		t.grow()
	}
	t.hash[id] = h
	t.push(id)
	t.n++
}

func (t *candidateTable) push(id ID) {
	slot := &t.heads[t.hash[id]>>t.shift]
	t.next[id], *slot = *slot, id
}

func (t *candidateTable) grow() {
	old := t.heads
	t.heads = make([]ID, max(4, 2*len(old)))
	t.shift = uint8(32 - bits.Len(uint(len(t.heads)-1)))
	for _, id := range old {
		for id != 0 {
			next := t.next[id]
			t.push(id)
			id = next
		}
	}
}

// first returns the first type with a hash, 0 if there is none.
func (t *candidateTable) first(h uint32) ID {
	if t.n == 0 {
		return 0
	}
	return t.match(t.heads[h>>t.shift], h)
}

// after returns the next type with the hash.
func (t *candidateTable) after(id ID, h uint32) ID { return t.match(t.next[id], h) }

func (t *candidateTable) match(id ID, h uint32) ID {
	for id != 0 && t.hash[id] != h {
		id = t.next[id]
		t.hops++
	}
	return id
}

// word returns the i-th word of a record.
func word(rec []byte, i int) uint32 { return host.Uint32(rec[4*i:]) }

func vlen(rec []byte) int { return int(word(rec, 1) & maxVlen) }

// recordSize returns the size of a record of a known kind.
func recordSize(rec []byte) int {
	row := &kinds[recordKind(rec)]
	return int(row.size) + vlen(rec)*int(row.elem)
}

// equalRecords reports whether the bytes at other begin with the record rec.
func equalRecords(rec, other []byte) bool {
	return len(other) >= len(rec) && bytes.Equal(rec, other[:len(rec)])
}

const hashFactor = 0x9e3779b97f4a7c15

func hashWord(h uint64, w uint32) uint64 {
	return bits.RotateLeft64((h^uint64(w))*hashFactor, 29)
}

func hashEnd(h uint64) uint32 { return uint32(h * hashFactor >> 32) }

// hashRecord hashes all words of a record.
func hashRecord(rec []byte) uint32 {
	var h uint64
	for rec = rec[:recordSize(rec)]; len(rec) >= 4; rec = rec[4:] {
		h = hashWord(h, host.Uint32(rec))
	}
	return hashEnd(h)
}

// hashEnum hashes an enum's name: forward declarations have no more.
func hashEnum(rec []byte) uint32 { return hashEnd(hashWord(1, word(rec, 0))) }

// hashComposite hashes a struct or union without the types of its members.
func hashComposite(rec []byte) uint32 {
	rec = rec[:recordSize(rec)]
	h := hashWord(hashWord(hashWord(2, word(rec, 0)), word(rec, 1)), word(rec, 2))
	for rec = rec[headSize:]; len(rec) >= 12; rec = rec[12:] {
		h = hashWord(hashWord(h, word(rec, 0)), word(rec, 2))
	}
	return hashEnd(h)
}
