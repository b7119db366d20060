package btf

import (
	"hash/maphash"
	"math/bits"
)

// stringPool is a string section that finds its strings.
type stringPool struct {
	data    []byte
	first   uint32   // offset of data
	heads   []uint32 // numbers of entries, from 1; 0 ends a chain
	entries []pooledString
	shift   uint8
	seed    maphash.Seed // keeps hostile strings from having equal hashes
}

type pooledString struct{ next, off, hash uint32 }

// is reports whether text is the string i bytes after the start of data.
func (p *stringPool) is(i uint32, text string) bool {
	end := uint64(i) + uint64(len(text))
	return end < uint64(len(p.data)) && p.data[end] == 0 && string(p.data[i:end]) == text
}

// find returns the offset of a string, of equal ones the first.
func (p *stringPool) find(text string) (off uint32, ok bool) {
	if text == "" {
		return 0, true
	}
	return p.findHash(text, p.hash(text))
}

func (p *stringPool) findHash(text string, h uint32) (off uint32, ok bool) {
	if len(p.heads) == 0 {
		return 0, false
	}
	for e := p.heads[h>>p.shift]; e != 0; e = p.entries[e-1].next {
		if at := &p.entries[e-1]; at.hash == h && p.is(at.off, text) {
			return p.first + at.off, true
		}
	}
	return 0, false
}

// add returns the offset of a string, which it appends if it is new.
func (p *stringPool) add(text string) uint32 {
	if off, ok := p.find(text); ok {
		return off
	}
	return p.append(text, true)
}

// append appends a string, which find will find if index is set, and returns its offset.
func (p *stringPool) append(text string, index bool) uint32 {
	off := uint32(len(p.data))
	p.data = append(append(p.data, text...), 0)
	if index {
		p.enter(p.hash(text), off)
	}
	return p.first + off
}

// index makes find find the strings that data has.
func (p *stringPool) index() {
	for off := 0; off < len(p.data); {
		text := wholeString(viewString(p.data[off:]))
		if h := p.hash(text); text != "" {
			if _, ok := p.findHash(text, h); !ok {
				p.enter(h, uint32(off))
			}
		}
		off += len(text) + 1
	}
}

func (p *stringPool) enter(h, off uint32) {
	if len(p.entries) >= len(p.heads) {
		p.heads = make([]uint32, max(64, 2*len(p.heads)))
		p.shift = uint8(33 - bits.Len(uint(len(p.heads))))
		for i := range p.entries {
			p.link(i)
		}
	}
	p.entries = append(p.entries, pooledString{off: off, hash: h})
	p.link(len(p.entries) - 1)
}

func (p *stringPool) link(i int) {
	e := &p.entries[i]
	slot := &p.heads[e.hash>>p.shift]
	e.next, *slot = *slot, uint32(i+1)
}

// hash hashes a string.
func (p *stringPool) hash(text string) uint32 {
	if p.seed == (maphash.Seed{}) {
		p.seed = maphash.MakeSeed()
	}
	return uint32(maphash.String(p.seed, text))
}
