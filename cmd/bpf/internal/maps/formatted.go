package maps

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
)

// formatter writes values by their types in bpftool's form: the text in an array of char is a
// string if it ends and can be printed, bit fields and integers of 128 bits are strings "0x...",
// the variables of a section are an array of objects under its name, and an anonymous member has
// the name "". A second anonymous member of a struct would need that name as well: its members are
// written as those of the struct.
type formatter struct {
	j    *tool.JSON
	spec *btf.Spec
	// plain is for people: pointers are "0x...".
	plain bool
	left  int // values that may still be written
}

// Limits on what BTF can make a value of few bytes print.
const (
	mostDepth  = 32
	mostValues = 1 << 14 // plus 8 for each byte
)

var (
	errCut     = errors.New("the value is shorter than its type")
	errTooMany = errors.New("the type has too many parts to print")
)

// write writes the value of a type in data.
func (f *formatter) write(id btf.ID, data []byte) error {
	f.left = mostValues + 8*len(data)
	return f.value(id, data, 0)
}

func (f *formatter) value(id btf.ID, data []byte, depth int) error {
	if f.left--; f.left < 0 || depth > mostDepth {
		return errTooMany
	}
	t := f.spec.Skip(id) // without typedefs and qualifiers
	switch t.Kind() {
	case btf.KindStruct, btf.KindUnion:
		f.j.Object()
		if err := f.members(t, data, depth); err != nil {
			return err
		}
		f.j.EndObject()
		return nil
	case btf.KindArray:
		return f.array(t, data, depth)
	case btf.KindVar:
		f.j.Object()
		f.j.Key(t.Name())
		if err := f.value(t.Ref(), data, depth+1); err != nil {
			return err
		}
		f.j.EndObject()
		return nil
	case btf.KindDatasec:
		return f.section(t, data, depth)
	}
	return f.scalar(t, data)
}

// members writes the members of a struct or union into the open object.
func (f *formatter) members(t btf.Type, data []byte, depth int) error {
	anonymous := false
	for i := range t.Vlen() {
		m := t.Member(i)
		at := uint64(m.BitOffset) / 8
		if at > uint64(len(data)) {
			return errCut
		}
		if m.Name == "" && anonymous && m.BitSize == 0 {
			inner := f.spec.Skip(m.Type)
			if f.left--; f.left < 0 || depth > mostDepth {
				return errTooMany
			}
			if err := f.members(inner, data[at:], depth+1); err != nil {
				return err
			}
			continue
		}
		anonymous = anonymous || m.Name == ""
		f.j.Key(m.Name)
		var err error
		if m.BitSize != 0 {
			err = f.bits(data, uint64(m.BitOffset), uint64(m.BitSize))
		} else {
			err = f.value(m.Type, data[at:], depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *formatter) array(t btf.Type, data []byte, depth int) error {
	a := t.Array()
	elem := f.spec.Skip(a.Elem)
	size, err := f.spec.SizeOf(a.Elem)
	if err != nil {
		return err
	}
	if uint64(a.Nelems)*size > uint64(len(data)) {
		return errCut
	}
	if elem.Kind() == btf.KindInt && size == 1 && a.Nelems > 0 && (elem.Name() == "char" ||
		elem.IntEncoding()&btf.Char != 0) {
		if text, ok := text(data[:a.Nelems]); ok {
			f.j.String(text)
			return nil
		}
	}
	f.j.Array()
	for i := range uint64(a.Nelems) {
		if err := f.value(a.Elem, data[i*size:], depth+1); err != nil {
			return err
		}
	}
	f.j.EndArray()
	return nil
}

// text returns what an array of char holds before its NUL, if that can be printed.
func text(data []byte) (string, bool) {
	for i, c := range data {
		if c == 0 {
			return string(data[:i]), true
		}
		if c < ' ' || c > '~' {
			return "", false
		}
	}
	return "", false
}

// section writes the variables of a section.
func (f *formatter) section(t btf.Type, data []byte, depth int) error {
	f.j.Object()
	f.j.Key(t.Name())
	f.j.Array()
	for i := range t.Vlen() {
		v := t.SecVar(i)
		if uint64(v.Offset) > uint64(len(data)) {
			return errCut
		}
		if err := f.value(v.Type, data[v.Offset:], depth+1); err != nil {
			return err
		}
	}
	f.j.EndArray()
	f.j.EndObject()
	return nil
}

func (f *formatter) scalar(t btf.Type, data []byte) error {
	size := uint64(t.Size())
	if t.Kind() == btf.KindPtr {
		size = uint64(f.spec.PointerSize())
	}
	if size > uint64(len(data)) {
		return errCut
	}
	switch t.Kind() {
	case btf.KindInt:
		return f.integer(t, data)
	case btf.KindPtr:
		n, _ := word(data[:size])
		if f.plain {
			f.j.String("0x" + strconv.FormatUint(n, 16))
		} else {
			f.j.Uint(n)
		}
	case btf.KindEnum, btf.KindEnum64:
		f.enum(t, data[:size])
	case btf.KindFloat:
		f.float(data[:size])
	default:
		f.j.Null()
	}
	return nil
}

// word reads an integer of 1, 2, 4 or 8 bytes.
func word(data []byte) (uint64, bool) {
	order := binary.NativeEndian
	switch len(data) {
	case 1:
		return uint64(data[0]), true
	case 2:
		return uint64(order.Uint16(data)), true
	case 4:
		return uint64(order.Uint32(data)), true
	case 8:
		return order.Uint64(data), true
	}
	return 0, false
}

// signed extends the sign of an integer of size bytes.
func signed(n uint64, size int) int64 {
	shift := 64 - 8*size
	return int64(n<<shift) >> shift
}

func (f *formatter) integer(t btf.Type, data []byte) error {
	size := int(t.Size())
	n, ok := word(data[:size])
	if !ok || t.IntOffset() != 0 || int(t.IntBits()) != 8*size {
		return f.bits(data, uint64(t.IntOffset()), uint64(t.IntBits()))
	}
	switch encoding := t.IntEncoding(); {
	case encoding&btf.Bool != 0:
		f.j.Bool(n != 0)
	case encoding&btf.Char != 0 && size == 1:
		if c := byte(n); c >= ' ' && c <= '~' {
			f.j.String(string(rune(c)))
		} else {
			f.j.String(fmt.Sprintf("\\x%02x", c))
		}
	case encoding&btf.Signed != 0:
		f.j.Int(signed(n, size))
	default:
		f.j.Uint(n)
	}
	return nil
}

// bits writes an integer of any number of bits.
func (f *formatter) bits(data []byte, off, size uint64) error {
	first, last := off/8, (off+size+7)/8
	if size > 128 || last > uint64(len(data)) {
		return errCut
	}
	var n big.Int
	for i := range last - first {
		at := first + i // the byte with the lowest bits comes last
		if littleEndian {
			at = last - 1 - i
		}
		n.Lsh(&n, 8).Or(&n, big.NewInt(int64(data[at])))
	}
	shift := off % 8
	if !littleEndian {
		shift = (8 - (off+size)%8) % 8
	}
	n.Rsh(&n, uint(shift))
	mask := new(big.Int).Lsh(big.NewInt(1), uint(size))
	n.And(&n, mask.Sub(mask, big.NewInt(1)))
	f.j.String("0x" + n.Text(16))
	return nil
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

func (f *formatter) enum(t btf.Type, data []byte) {
	n, _ := word(data)
	value := signed(n, len(data))
	for i := range t.Vlen() {
		if f.left--; f.left < 0 {
			break // the number serves as well
		}
		e := t.Enumerator(i)
		if e.Value == value || !t.KFlag() && uint64(e.Value) == n {
			f.j.String(e.Name)
			return
		}
	}
	if t.Kind() == btf.KindEnum64 && !t.KFlag() {
		f.j.Uint(n)
	} else {
		f.j.Int(value)
	}
}

// float writes a floating-point number, as a string if JSON has no such number.
func (f *formatter) float(data []byte) {
	n, _ := word(data)
	var v float64
	bits := 8 * len(data)
	switch bits {
	case 32:
		v = float64(math.Float32frombits(uint32(n)))
	case 64:
		v = math.Float64frombits(n)
	default:
		f.j.Null()
		return
	}
	number := strconv.FormatFloat(v, 'g', -1, bits)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		f.j.String(number)
	} else {
		f.j.Raw([]byte(number))
	}
}
