package setting

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/nearest"
)

// Set stores a text: a number in Go's or C's notation, a character in single quotes, true or false,
// the name of an enum's constant, text for an array of char (quoted if it has escapes), or JSON for
// structs and arrays. After an error nothing has changed.
func (p Place) Set(text string) error {
	t := p.spec.Skip(p.typ)
	switch k := t.Kind(); {
	case k == btf.KindArray && p.holdsText() && !strings.HasPrefix(text, "["):
		return p.setText(text)
	case k == btf.KindArray && strings.HasPrefix(text, `"`):
		return p.setText(text)
	case k == btf.KindArray && !strings.HasPrefix(text, "["):
		n, _, err := p.elements()
		if err != nil {
			return err
		}
		return fmt.Errorf("%s is %s: set an element, %s[INDEX]=VALUE (%s), or all as [VALUE, ...]",
			p.name, p.typeName(), p.name, indices(n))
	case k.IsComposite() && !strings.HasPrefix(text, "{"):
		return fmt.Errorf("%s is %s: set a field, %s.FIELD=VALUE, or several as {\"FIELD\": VALUE}",
			p.name, p.typeName(), p.name)
	case k == btf.KindArray || k.IsComposite():
		return p.SetJSON([]byte(text))
	}
	return p.setScalar(text)
}

// holdsText reports whether an array holds characters.
func (p Place) holdsText() bool {
	t := p.spec.Skip(p.spec.Skip(p.typ).Array().Elem)
	return isChar(t)
}

func isChar(t btf.Type) bool {
	return t.Kind() == btf.KindInt && t.Size() == 1 &&
		(t.IntEncoding()&btf.Char != 0 || t.Name() == "char")
}

// setText stores text in an array of bytes, and zeroes behind it.
func (p Place) setText(text string) error {
	elem := p.spec.Skip(p.spec.Skip(p.typ).Array().Elem)
	if elem.Kind() != btf.KindInt || elem.Size() != 1 {
		return fmt.Errorf("%s is %s and can't hold text", p.name, p.typeName())
	}
	if strings.HasPrefix(text, `"`) {
		unquoted, err := strconv.Unquote(text)
		if err != nil {
			return fmt.Errorf("%s: %s is not a quoted text", p.name, text)
		}
		text = unquoted
	}
	return p.copyText(text)
}

func (p Place) copyText(text string) error {
	if len(text) > len(p.data) {
		return fmt.Errorf("%s: %q has %d bytes, %s has room for %d",
			p.name, text, len(text), p.typeName(), len(p.data))
	}
	clear(p.data[copy(p.data, text):])
	return nil
}

// setScalar stores a number, bool, enum or pointer.
func (p Place) setScalar(text string) error {
	t := p.spec.Skip(p.typ)
	switch t.Kind() {
	case btf.KindInt:
		p := p.of(uint32(t.IntOffset()), uint32(t.IntBits()))
		if t.IntEncoding()&btf.Bool != 0 {
			return p.setBool(text)
		}
		n, err := p.number(text, isChar(t))
		if err != nil {
			return err
		}
		// char is signed or not by the compiler's choice: either range serves.
		return p.store(n, t.IntEncoding()&btf.Signed != 0 || isChar(t),
			t.IntEncoding()&btf.Signed == 0 || isChar(t))
	case btf.KindEnum, btf.KindEnum64:
		n, err := p.enumerator(t, text)
		if err != nil {
			return err
		}
		return p.of(0, 8*t.Size()).store(n, t.KFlag(), !t.KFlag())
	case btf.KindPtr:
		n, err := p.number(text, false)
		if err != nil {
			return err
		}
		return p.of(0, 8*p.spec.PointerSize()).store(n, false, true)
	case btf.KindFloat:
		return p.setFloat(text)
	}
	return fmt.Errorf("%s is %s, which can't be set", p.name, p.typeName())
}

// of returns p with the bits of its type, unless it is a bit field.
func (p Place) of(off, size uint32) Place {
	if p.bitSize == 0 {
		p.bitOff, p.bitSize = off, size
	}
	return p
}

func (p Place) setBool(text string) error {
	switch text {
	case "true", "1":
		return p.store(big.NewInt(1), false, true)
	case "false", "0":
		return p.store(new(big.Int), false, true)
	}
	return fmt.Errorf("%s is %s: %q is neither true nor false", p.name, p.typeName(), text)
}

const maxNumber = 160 // characters of the longest number, a 128-bit one in binary

// number parses an integer, or a character in quotes. A char takes a bare character, too.
func (p Place) number(text string, char bool) (*big.Int, error) {
	if inner, ok := strings.CutPrefix(text, "'"); ok {
		c, _, rest, err := strconv.UnquoteChar(inner, '\'')
		if err != nil || rest != "'" {
			return nil, fmt.Errorf("%s: %s is not one character in quotes", p.name, text)
		}
		return big.NewInt(int64(c)), nil
	}
	if char && len(text) == 1 && (text[0] < '0' || text[0] > '9') {
		return big.NewInt(int64(text[0])), nil
	}
	n := new(big.Int)
	if len(text) > maxNumber {
		return nil, fmt.Errorf("%s: a number has at most %d characters", p.name, maxNumber)
	}
	if _, ok := n.SetString(text, 0); !ok {
		return nil, fmt.Errorf("%s is %s: %q is not a number", p.name, p.typeName(), text)
	}
	return n, nil
}

// enumerator returns the value of an enum's constant, or a number.
func (p Place) enumerator(t btf.Type, text string) (*big.Int, error) {
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
	if n, ok := new(big.Int).SetString(text, 0); ok && len(text) <= maxNumber {
		return n, nil
	}
	err := fmt.Errorf("%s: %s has no constant %q", p.name, p.typeName(), text)
	if hint := near.AddTo(err); hint != err {
		return nil, hint
	}
	return nil, fmt.Errorf("%w; it has %s", err, strings.Join(names, ", "))
}

func (p Place) setFloat(text string) error {
	bits := 8 * len(p.data)
	if bits != 32 && bits != 64 {
		return fmt.Errorf("%s is %s: floating-point numbers of %d bytes can't be set",
			p.name, p.typeName(), len(p.data))
	}
	v, err := strconv.ParseFloat(text, bits)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return fmt.Errorf("%s: %s doesn't fit into %s", p.name, text, p.typeName())
	case err != nil:
		return fmt.Errorf("%s is %s: %q is not a number", p.name, p.typeName(), text)
	case bits == 32:
		p.order.PutUint32(p.data, math.Float32bits(float32(v)))
	default:
		p.order.PutUint64(p.data, math.Float64bits(v))
	}
	return nil
}

// store writes an integer of bitSize bits, if it is in the range of signed or of unsigned ones.
func (p Place) store(n *big.Int, signed, unsigned bool) error {
	bits := uint(p.bitSize)
	if bits == 0 || uint64(p.bitOff)+uint64(bits) > 8*uint64(len(p.data)) {
		return fmt.Errorf("%s: %d bits at bit %d don't fit into %d bytes",
			p.name, bits, p.bitOff, len(p.data))
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
			p.name, n, p.typeOrBits(), low, high)
	}
	if n.Sign() < 0 {
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), bits))
	}
	little := p.order.String() == "LittleEndian"
	for i := range uint32(bits) {
		at, bit := p.bitOff+i, byte(1)
		if little {
			bit <<= at % 8
		} else {
			at = p.bitOff + uint32(bits) - 1 - i // counted from the most significant bit
			bit = 0x80 >> (at % 8)
		}
		if n.Bit(int(i)) != 0 {
			p.data[at/8] |= bit
		} else {
			p.data[at/8] &^= bit
		}
	}
	return nil
}

// typeOrBits returns the type, or the width of a bit field.
func (p Place) typeOrBits() string {
	size, err := p.spec.SizeOf(p.typ)
	if err == nil && uint64(p.bitSize) != 8*size {
		return fmt.Sprintf("%s of %d bits", p.typeName(), p.bitSize)
	}
	return p.typeName()
}

// inCopy calls set with a copy of p's bytes and keeps them if it succeeds.
func (p Place) inCopy(set func(Place) error) error {
	q := p
	q.data = bytes.Clone(p.data)
	if err := set(q); err != nil {
		return err
	}
	copy(p.data, q.data)
	return nil
}
