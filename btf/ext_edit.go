package btf

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Order returns the byte order of Raw (libbpf: btf_ext__endianness).
func (x *Ext) Order() binary.ByteOrder { return byteOrder(x.swapped) }

// BytesOrder returns the section in a given byte order (libbpf: btf_ext__set_endianness and
// btf_ext__raw_data). It must not be changed.
func (x *Ext) BytesOrder(order binary.ByteOrder) []byte {
	switch {
	case order == x.Order():
		return x.raw
	case x.swapped:
		return x.data
	}
	d := slices.Clone(x.data)
	host.PutUint16(d, magicSwap)
	swapWords(d[4:])
	return d
}

// The tables of .BTF.ext, in the order of the fields of the header and of libbpf's visits.
const (
	extFuncs = iota
	extLines
	extCores
)

// extTable is one of them.
type extTable struct {
	sections []ExtSection
	size     uint32 // of one record
}

func (x *Ext) tables() [3]extTable {
	return [3]extTable{{x.Func, x.FuncSize}, {x.Line, x.LineSize}, {x.Core, x.CoreSize}}
}

// clone returns a copy in host byte order, in which no two tables share bytes.
func (x *Ext) clone() *Ext {
	if len(x.data) < 8 { // not of ParseExt: it has no records
		return &Ext{}
	}
	hdrLen := int(host.Uint32(x.data[4:]))
	c := &Ext{FuncSize: x.FuncSize, LineSize: x.LineSize, CoreSize: x.CoreSize}
	c.data = append(make([]byte, 0, len(x.data)), x.data[:hdrLen]...)
	var lists [3][]ExtSection
	for k, table := range x.tables() {
		if 8*k+16 > hdrLen {
			break
		}
		start := len(c.data)
		if len(table.sections) > 0 {
			c.data = host.AppendUint32(c.data, table.size)
		}
		for _, section := range table.sections {
			c.data = host.AppendUint32(c.data, section.NameOff)
			c.data = host.AppendUint32(c.data, uint32(section.Count))
			c.data = append(c.data, section.data...)
		}
		host.PutUint32(c.data[8*k+8:], uint32(start-hdrLen))
		host.PutUint32(c.data[8*k+12:], uint32(len(c.data)-start))
		lists[k] = slices.Clone(table.sections)
	}
	c.raw = c.data
	c.Func, c.Line, c.Core = lists[extFuncs], lists[extLines], lists[extCores]
	for k, table := range c.tables() {
		i := 0
		c.eachSection(k, func(_, records []byte) {
			table.sections[i].data = records
			i++
		})
	}
	return c
}

// eachSection calls f with the head and the records of each section of a table of a clone.
func (x *Ext) eachSection(k int, f func(head, records []byte)) {
	table := x.tables()[k]
	if len(table.sections) == 0 {
		return
	}
	body := x.data[host.Uint32(x.data[4:])+host.Uint32(x.data[8*k+8:])+4:]
	for _, section := range table.sections {
		n := extSecHead + section.Count*int(table.size)
		f(body[:extSecHead:extSecHead], body[extSecHead:n:n])
		body = body[n:]
	}
}

// eachString calls f for every string offset of a clone, in the order in which libbpf visits them.
func (x *Ext) eachString(f func(w []byte)) {
	for k, table := range x.tables() {
		i := 0
		x.eachSection(k, func(head, records []byte) {
			f(head)
			table.sections[i].NameOff = host.Uint32(head)
			i++
			for ; len(records) > 0; records = records[table.size:] {
				switch k {
				case extLines:
					f(records[4:])
					f(records[8:])
				case extCores:
					f(records[8:])
				}
			}
		})
	}
}

// eachID calls f for every type id of a clone.
func (x *Ext) eachID(f func(w []byte)) {
	for _, k := range [...]int{extFuncs, extCores} {
		size := x.tables()[k].size
		x.eachSection(k, func(_, records []byte) {
			for ; len(records) > 0; records = records[size:] {
				f(records[4:])
			}
		})
	}
}

// validate checks that all types and strings that x refers to are in s.
func (x *Ext) validate(s *Spec) error {
	names := [...]string{"func_info", "line_info", "core_relo"}
	for k, table := range x.tables() {
		for _, section := range table.sections {
			fail := func(i int, what string, v uint32) error {
				return &FormatError{Section: ".BTF.ext " + names[k],
					Msg: fmt.Sprintf("record %d of section %q: %s %d is not in the BTF", i,
						section.Name, what, v)}
			}
			if !s.hasString(section.NameOff) {
				return fail(0, "the section's name at", section.NameOff)
			}
			for i := range section.Count {
				rec := section.Raw(i)
				if k != extLines && word(rec, 1) >= uint32(s.Len()) {
					return fail(i, "type", word(rec, 1))
				}
				if k == extLines && !s.hasString(word(rec, 1)) {
					return fail(i, "string", word(rec, 1))
				}
				if k != extFuncs && !s.hasString(word(rec, 2)) {
					return fail(i, "string", word(rec, 2))
				}
			}
		}
	}
	return nil
}

// hasString reports whether an offset is in the strings.
func (s *Spec) hasString(off uint32) bool {
	return off == 0 || uint64(off) < uint64(s.strFirst)+uint64(len(s.strs))
}
