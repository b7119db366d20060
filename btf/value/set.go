package value

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/nearest"
)

// Set stores a text: a number in Go's or C's notation (10, 0x1f, 10u, 1.5f), a character in single
// quotes, true or false, the name of an enum's constant, text for an array of char (quoted if it
// has escapes, which are C's), or JSON for structs and arrays. After an error nothing has changed.
func (v Value) Set(text string) error {
	t := v.resolve()
	switch k := t.Kind(); {
	case k == btf.KindArray && v.holdsText() && !strings.HasPrefix(text, "["):
		return v.setText(text)
	case k == btf.KindArray && strings.HasPrefix(text, `"`):
		return v.setText(text)
	case k == btf.KindArray && !strings.HasPrefix(text, "["):
		n, _, err := v.elements()
		if err != nil {
			return err
		}
		return fmt.Errorf("%s is %s: set an element, %s[INDEX]=VALUE (%s), or all as [VALUE, ...]",
			v.name, v.typeName(), v.name, indices(n))
	case k.IsComposite() && !strings.HasPrefix(text, "{"):
		return fmt.Errorf("%s is %s: set a field, %s.FIELD=VALUE, or several as {\"FIELD\": VALUE}",
			v.name, v.typeName(), v.name)
	case k == btf.KindArray || k.IsComposite():
		return v.SetJSON([]byte(text))
	}
	return v.setScalar(text)
}

// SetInt stores a number.
func (v Value) SetInt(n int64) error { return v.setScalar(strconv.FormatInt(n, 10)) }

// SetUint stores a number.
func (v Value) SetUint(n uint64) error { return v.setScalar(strconv.FormatUint(n, 10)) }

// holdsText reports whether an array holds characters.
func (v Value) holdsText() bool {
	t := v.spec.Skip(v.resolve().Array().Elem)
	return isChar(t)
}

func isChar(t btf.Type) bool {
	return t.Kind() == btf.KindInt && t.Size() == 1 &&
		(t.IntEncoding()&btf.Char != 0 || t.Name() == "char")
}

// setText stores text in an array of bytes, and zeroes behind it.
func (v Value) setText(text string) error {
	elem := v.spec.Skip(v.resolve().Array().Elem)
	if elem.Kind() != btf.KindInt || elem.Size() != 1 {
		return fmt.Errorf("%s is %s and can't hold text", v.name, v.typeName())
	}
	if strings.HasPrefix(text, `"`) {
		unquoted, ok := unquote(text, '"')
		if !ok {
			return fmt.Errorf("%s: %s is not a quoted text", v.name, text)
		}
		text = string(unquoted)
	}
	return v.copyText(text)
}

func (v Value) copyText(text string) error {
	if len(text) > len(v.data) {
		return fmt.Errorf("%s: %q has %d bytes, %s has room for %d",
			v.name, text, len(text), v.typeName(), len(v.data))
	}
	clear(v.data[copy(v.data, text):])
	return nil
}

// setScalar stores a number, bool, enum or pointer.
func (v Value) setScalar(text string) error {
	t := v.resolve()
	switch v := v.scalar(t); t.Kind() {
	case btf.KindInt:
		if t.IntEncoding()&btf.Bool != 0 {
			return v.setBool(text)
		}
		n, err := v.number(text, isChar(t))
		if err != nil {
			return err
		}
		signed := t.IntEncoding()&btf.Signed != 0
		// char is signed or not by the compiler's choice: either range serves. JSON has wide
		// integers as their bits.
		both := isChar(t) || v.bitSize > 64 && strings.HasPrefix(text, "0x")
		return v.store(n, signed || both, !signed || both)
	case btf.KindEnum, btf.KindEnum64:
		n, err := v.enumerator(t, text)
		if err != nil {
			return err
		}
		return v.store(n, t.KFlag(), !t.KFlag())
	case btf.KindPtr:
		n, err := v.number(text, false)
		if err != nil {
			return err
		}
		return v.store(n, false, true)
	case btf.KindFloat:
		return v.setFloat(text)
	}
	return fmt.Errorf("%s is %s, which can't be set", v.name, v.typeName())
}

// scalar returns v with the bits of its type, unless it is a bit field.
func (v Value) scalar(t btf.Type) Value {
	if v.bitSize != 0 {
		return v
	}
	switch t.Kind() {
	case btf.KindInt:
		v.bitOff, v.bitSize = uint32(t.IntOffset()), uint32(t.IntBits())
	case btf.KindEnum, btf.KindEnum64:
		v.bitSize = 8 * min(t.Size(), 8)
	case btf.KindPtr:
		v.bitSize = 8 * v.spec.PointerSize()
	}
	return v
}

func (v Value) setBool(text string) error {
	switch text {
	case "true", "1":
		return v.store(big.NewInt(1), false, true)
	case "false", "0":
		return v.store(new(big.Int), false, true)
	}
	return fmt.Errorf("%s is %s: %q is neither true nor false", v.name, v.typeName(), text)
}

const maxNumber = 160 // characters of the longest number, a 128-bit one in binary

// number parses an integer, or a character in quotes. A char takes a bare character, too.
func (v Value) number(text string, char bool) (*big.Int, error) {
	if strings.HasPrefix(text, "'") {
		c, _ := unquote(text, '\'')
		if r, size := utf8.DecodeRune(c); len(c) > 1 && size == len(c) && r != utf8.RuneError {
			return big.NewInt(int64(r)), nil
		}
		if len(c) != 1 {
			return nil, fmt.Errorf("%s: %s is not one character in quotes", v.name, text)
		}
		return big.NewInt(int64(c[0])), nil
	}
	if char && len(text) == 1 && (text[0] < '0' || text[0] > '9') {
		return big.NewInt(int64(text[0])), nil
	}
	if len(text) > maxNumber {
		return nil, fmt.Errorf("%s: a number has at most %d characters", v.name, maxNumber)
	}
	n, ok := parseInteger(text)
	if !ok {
		return nil, fmt.Errorf("%s is %s: %q is not a number", v.name, v.typeName(), text)
	}
	return n, nil
}

// enumerator returns the value of an enum's constant, or a number.
func (v Value) enumerator(t btf.Type, text string) (*big.Int, error) {
	near := nearest.To(text)
	var names []string
	for i := range t.Vlen() {
		e := t.Enumerator(i)
		if e.Name == text {
			if t.KFlag() {
				return big.NewInt(e.Value), nil
			}
			return new(big.Int).SetUint64(uint64(e.Value)), nil
		}
		near.Offer([]byte(e.Name))
		if len(names) < mostNames {
			names = append(names, e.Name)
		} else if len(names) == mostNames {
			names = append(names, "...")
		}
	}
	if len(text) <= maxNumber {
		if n, ok := parseInteger(text); ok {
			return n, nil
		}
	}
	err := fmt.Errorf("%s: %s has no constant %q", v.name, v.typeName(), text)
	if hint := near.AddTo(err); hint != err {
		return nil, hint
	}
	return nil, fmt.Errorf("%w; it has %s", err, strings.Join(names, ", "))
}

func (v Value) setFloat(text string) error {
	bits := 8 * len(v.data)
	if bits != 32 && bits != 64 {
		return fmt.Errorf("%s is %s: floating-point numbers of %d bytes can't be set",
			v.name, v.typeName(), len(v.data))
	}
	f, err := strconv.ParseFloat(withoutFloatSuffix(text), bits)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return fmt.Errorf("%s: %s doesn't fit into %s", v.name, text, v.typeName())
	case err != nil:
		return fmt.Errorf("%s is %s: %q is not a number", v.name, v.typeName(), text)
	case bits == 32:
		v.order.PutUint32(v.data, math.Float32bits(float32(f)))
	default:
		v.order.PutUint64(v.data, math.Float64bits(f))
	}
	return nil
}

// store writes an integer of bitSize bits, if it is in the range of signed or of unsigned ones.
func (v Value) store(n *big.Int, signed, unsigned bool) error {
	bits := uint(v.bitSize)
	if err := v.checkBits(); err != nil {
		return err
	}
	low, high := new(big.Int), new(big.Int)
	if signed {
		low.Neg(new(big.Int).Lsh(big.NewInt(1), bits-1))
		high.Lsh(big.NewInt(1), bits-1)
	}
	if unsigned {
		high.Lsh(big.NewInt(1), bits)
	}
	high.Sub(high, big.NewInt(1))
	if n.Cmp(low) < 0 || n.Cmp(high) > 0 {
		return fmt.Errorf("%s: %v doesn't fit into %s: %v to %v",
			v.name, n, v.typeOrBits(), low, high)
	}
	if n.Sign() < 0 {
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), bits))
	}
	for i := range v.bitSize {
		at, bit := v.bit(i)
		if n.Bit(int(i)) != 0 {
			v.data[at] |= bit
		} else {
			v.data[at] &^= bit
		}
	}
	return nil
}

// bit returns where bit i of an integer is, counted from the least significant: an index of data
// and a mask.
func (v Value) bit(i uint32) (at uint32, mask byte) {
	if v.order.String() == "LittleEndian" {
		at = v.bitOff + i
		return at / 8, 1 << (at % 8)
	}
	at = v.bitOff + v.bitSize - 1 - i // counted from the most significant bit
	return at / 8, 0x80 >> (at % 8)
}

// checkBits checks that the bits of an integer lie in its bytes.
func (v Value) checkBits() error {
	if v.bitSize == 0 || uint64(v.bitOff)+uint64(v.bitSize) > 8*uint64(len(v.data)) {
		return fmt.Errorf("%s: %d bits at bit %d don't fit into %d bytes",
			v.name, v.bitSize, v.bitOff, len(v.data))
	}
	return nil
}

// typeOrBits returns the type, or the width of a bit field.
func (v Value) typeOrBits() string {
	size, err := v.spec.SizeOf(v.typ)
	if err == nil && uint64(v.bitSize) != 8*size {
		return fmt.Sprintf("%s of %d bits", v.typeName(), v.bitSize)
	}
	return v.typeName()
}

// inCopy calls set with a copy of v's bytes and, if it succeeds, writes the bytes that it changed:
// others may change the rest meanwhile.
func (v Value) inCopy(set func(Value) error) error {
	before := bytes.Clone(v.data)
	copied := v
	copied.data = bytes.Clone(before)
	if err := set(copied); err != nil {
		return err
	}
	for i, b := range before {
		if copied.data[i] != b {
			v.data[i] = copied.data[i]
		}
	}
	return nil
}
