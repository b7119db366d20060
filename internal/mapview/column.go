package mapview

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/purebpf/bpf/btf"
)

// column is one leaf of a key or value type.
type column struct {
	name   string
	typ    btf.ID
	offset uint32
	size   uint32
	kind   kind
	signed bool
}

// kind is how a leaf is shown.
type kind uint8

const (
	text    kind = iota
	number       // an integer that can be summed over CPUs
	slots        // an array of counts, by powers of two
	stackID      // of a map of stack traces
	address      // an IPv4 or IPv6 address
	words        // an array of unsigned 64-bit numbers, perhaps the addresses of a stack
)

// columns flattens a type into its leaves, in memory order. Structs with bit fields, unions and
// arrays stay whole. Without a type (0) it is one leaf of size bytes.
func columns(s *btf.Spec, id btf.ID, name string, size int) []column {
	if id == 0 {
		return []column{{name: name, size: uint32(size)}}
	}
	if t := s.Skip(id); t.Kind() == btf.KindEnum && t.Name() != "" {
		name = t.Name()
	}
	return appendColumns(nil, s, id, name, 0, 0, new(int))
}

// maxColumns limits the columns of a type, and how many members are looked at for them: members may
// lie on each other, so that a small type has endless ones.
const maxColumns = 1 << 10

func appendColumns(cols []column, s *btf.Spec, id btf.ID, name string, offset uint32,
	depth int, steps *int) []column {
	if *steps++; *steps > maxColumns {
		return cols
	}
	t := s.Skip(id)
	nested := func(typ btf.ID, member string, at uint32) {
		sub := member
		if depth > 0 && name != "" {
			sub = name + "." + member
		}
		if member == "" {
			sub = name
		}
		cols = appendColumns(cols, s, typ, sub, offset+at, depth+1, steps)
	}
	switch {
	case depth >= 8:
	case t.Kind() == btf.KindStruct && !hasBitfields(t) && t.Name() != "in6_addr":
		for i := range min(t.Vlen(), maxColumns) {
			m := t.Member(i)
			nested(m.Type, m.Name, m.BitOffset/8)
		}
		return cols
	case t.Kind() == btf.KindDatasec:
		for i := range min(t.Vlen(), maxColumns) {
			v := t.SecVar(i)
			if variable, ok := s.Type(v.Type); ok {
				nested(variable.Ref(), variable.Name(), v.Offset)
			}
		}
		return cols
	case t.Kind() == btf.KindArray && depth > 0 && hasSlots(s, t.Array().Elem):
		size, err := s.SizeOf(t.Array().Elem)
		for i := range t.Array().Nelems {
			if err != nil || *steps >= maxColumns {
				break
			}
			cols = appendColumns(cols, s, t.Array().Elem, fmt.Sprintf("%s[%d]", name, i),
				offset+i*uint32(size), depth+1, steps)
		}
		return cols
	}
	size, err := s.SizeOf(id)
	if err != nil || size == 0 || size > 1<<20 {
		return cols
	}
	c := column{name: name, typ: id, offset: offset, size: uint32(size)}
	c.kind, c.signed = kindOf(s, id, name, uint32(size))
	return append(cols, c)
}

func kindOf(s *btf.Spec, id btf.ID, name string, size uint32) (k kind, signed bool) {
	t := s.Skip(id)
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	switch {
	case isAddress(s, id, name, size):
		return address, false
	case t.Kind() == btf.KindInt && size <= 8 && t.IntEncoding()&(btf.Char|btf.Bool) == 0:
		signed = t.IntEncoding()&btf.Signed != 0
		if size == 4 && strings.Contains(name, "stack") && strings.HasSuffix(name, "id") {
			return stackID, signed
		}
		return number, signed
	case t.Kind() == btf.KindArray && name == "slots":
		elem := s.Skip(t.Array().Elem)
		if elem.Kind() == btf.KindInt && (elem.Size() == 4 || elem.Size() == 8) {
			return slots, false
		}
	case t.Kind() == btf.KindArray:
		elem := s.Skip(t.Array().Elem)
		if elem.Kind() == btf.KindInt && elem.Size() == 8 && elem.IntEncoding() == 0 {
			return words, false
		}
	}
	return text, false
}

// isAddress reports whether a leaf is an IP address: its type says so, or it has one of the names
// that the kernel gives to addresses.
func isAddress(s *btf.Spec, id btf.ID, name string, size uint32) bool {
	if size != 4 && size != 16 {
		return false
	}
	for t, ok := s.Type(id); ok; t, ok = s.Type(t.Ref()) {
		switch t.Kind() {
		case btf.KindTypedef:
			if t.Name() == "__be32" && (strings.HasSuffix(name, "addr") ||
				strings.HasSuffix(name, "ip") || name == "src" || name == "dst") {
				return true
			}
			continue
		case btf.KindConst, btf.KindVolatile, btf.KindRestrict, btf.KindTypeTag:
			continue
		case btf.KindStruct:
			return t.Name() == "in6_addr" && size == 16
		}
		break
	}
	switch name {
	case "saddr", "daddr", "saddr_v4", "daddr_v4", "saddr_v6", "daddr_v6":
		return true
	}
	return false
}

// hasSlots reports whether a type is a struct with counts by powers of two.
func hasSlots(s *btf.Spec, id btf.ID) bool {
	t := s.Skip(id)
	if t.Kind() != btf.KindStruct {
		return false
	}
	for i := range min(t.Vlen(), maxColumns) {
		if m := t.Member(i); m.Name == "slots" && s.Skip(m.Type).Kind() == btf.KindArray {
			return true
		}
	}
	return false
}

func hasBitfields(t btf.Type) bool {
	for i := range t.Vlen() {
		if m := t.Member(i); m.BitSize != 0 || m.BitOffset%8 != 0 {
			return true
		}
	}
	return false
}

// bytes returns the column's part of a key or value.
func (c column) bytes(data []byte) ([]byte, bool) {
	if uint64(c.offset)+uint64(c.size) > uint64(len(data)) {
		return nil, false
	}
	return data[c.offset : c.offset+c.size], true
}

// number returns the value of a number. A negative one keeps its bits: the sum over CPUs wraps as
// it does in C.
func (c column) number(data []byte) uint64 {
	b, ok := c.bytes(data)
	if !ok {
		return 0
	}
	switch c.size {
	case 1:
		if c.signed {
			return uint64(int64(int8(b[0])))
		}
		return uint64(b[0])
	case 2:
		if c.signed {
			return uint64(int64(int16(binary.NativeEndian.Uint16(b))))
		}
		return uint64(binary.NativeEndian.Uint16(b))
	case 4:
		if c.signed {
			return uint64(int64(int32(binary.NativeEndian.Uint32(b))))
		}
		return uint64(binary.NativeEndian.Uint32(b))
	case 8:
		return binary.NativeEndian.Uint64(b)
	}
	return 0
}

// text returns the column of a key or value.
func (c column) text(s *btf.Spec, data []byte) string {
	b, ok := c.bytes(data)
	if !ok {
		return "?"
	}
	switch c.kind {
	case number, stackID:
		return formatNumber(c, c.number(data), Format{Exact: true})
	case address:
		if a, ok := netip.AddrFromSlice(b); ok {
			return a.String()
		}
	}
	if c.typ != 0 {
		if out, err := btf.AppendValue(nil, s, c.typ, b, nil); err == nil {
			return string(out)
		}
	}
	return fmt.Sprintf("%x", b)
}

// counts returns the counts of slots.
func (c column) counts(s *btf.Spec, data []byte) []uint64 {
	b, ok := c.bytes(data)
	if !ok {
		return nil
	}
	width := int(s.Skip(s.Skip(c.typ).Array().Elem).Size())
	list := make([]uint64, 0, len(b)/width)
	for ; len(b) >= width; b = b[width:] {
		if width == 8 {
			list = append(list, binary.NativeEndian.Uint64(b))
		} else {
			list = append(list, uint64(binary.NativeEndian.Uint32(b)))
		}
	}
	return list
}

// stack returns the numbers of words up to the first zero, nil if one is no address of the kernel.
func (c column) stack(data []byte) (list []uint64) {
	b, _ := c.bytes(data)
	for ; len(b) >= 8; b = b[8:] {
		n := binary.NativeEndian.Uint64(b)
		if n == 0 {
			break
		}
		if n < 1<<63 {
			return nil
		}
		list = append(list, n)
	}
	return list
}

// last returns the name without those of the structs around it.
func (c column) last() string { return c.name[strings.LastIndexByte(c.name, '.')+1:] }

// identifies reports whether a number names something, by the names that the kernel gives to such
// numbers.
func identifies(c column) bool {
	name := c.last()
	switch name {
	case "pid", "tid", "tgid", "ppid", "uid", "gid", "cpu", "dev", "ino", "port", "sport", "dport",
		"lport", "netns", "family", "flags", "addr", "ip":
		return true
	}
	return strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "_addr")
}
