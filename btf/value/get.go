package value

import (
	"bytes"
	"fmt"
	"math"

	"github.com/purebpf/bpf/btf"
)

// Bytes returns the memory of v, for a bit field the bytes that contain it.
func (v Value) Bytes() []byte { return v.data }

// Int returns an integer, bool, enum or pointer. The error says if it doesn't fit.
func (v Value) Int() (int64, error) {
	n, negative, err := v.integer()
	if err == nil && !negative && n > math.MaxInt64 {
		err = fmt.Errorf("%s: %d doesn't fit into an int64; use Uint", v.name, n)
	}
	return int64(n), err
}

// Uint returns an integer, bool, enum or pointer. The error says if it doesn't fit.
func (v Value) Uint() (uint64, error) {
	n, negative, err := v.integer()
	if err == nil && negative {
		err = fmt.Errorf("%s: %d doesn't fit into a uint64; use Int", v.name, int64(n))
	}
	return n, err
}

// Float returns a floating-point number of 4 or 8 bytes.
func (v Value) Float() (float64, error) {
	if v.resolve().Kind() == btf.KindFloat {
		switch len(v.data) {
		case 4:
			return float64(math.Float32frombits(v.order.Uint32(v.data))), nil
		case 8:
			return math.Float64frombits(v.order.Uint64(v.data)), nil
		}
	}
	return 0, fmt.Errorf("%s is %s of %d bytes, not a floating-point number of 4 or 8",
		v.name, v.typeName(), len(v.data))
}

// Text returns the text in an array of char, up to its NUL.
func (v Value) Text() (string, error) {
	if v.resolve().Kind() != btf.KindArray || !v.holdsText() {
		return "", fmt.Errorf("%s is %s and holds no text", v.name, v.typeName())
	}
	text, _, _ := bytes.Cut(v.data, []byte{0})
	return string(text), nil
}

// Append appends v as text, in the form of btf.AppendValue; opts may be nil.
func (v Value) Append(dst []byte, opts *btf.ValueOptions) ([]byte, error) {
	return v.print(btf.AppendValue, dst, opts)
}

// AppendJSON appends v as JSON, in the form of btf.AppendJSON; opts may be nil.
func (v Value) AppendJSON(dst []byte, opts *btf.ValueOptions) ([]byte, error) {
	return v.print(btf.AppendJSON, dst, opts)
}

// String returns v as text, which is incomplete if v exceeds the limits of btf.AppendValue.
func (v Value) String() string {
	text, _ := v.Append(nil, nil)
	return string(text)
}

// MarshalJSON returns v as JSON.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil, nil) }

func (v Value) print(
	as func([]byte, *btf.Spec, btf.ID, []byte, *btf.ValueOptions) ([]byte, error),
	dst []byte, opts *btf.ValueOptions) ([]byte, error) {
	if v.spec == nil {
		return dst, fmt.Errorf("%s is %s", v.name, v.typeName())
	}
	o := btf.ValueOptions{}
	if opts != nil {
		o = *opts
	}
	o.Order = v.order
	data := v.data
	if v.bitSize != 0 {
		var err error
		if data, err = v.widened(); err != nil {
			return dst, err
		}
	}
	return as(dst, v.spec, v.typ, data, &o)
}

// widened returns a bit field as a value of its whole type.
func (v Value) widened() ([]byte, error) {
	size, err := v.spec.SizeOf(v.typ)
	if err != nil || size == 0 || size > 16 {
		return nil, fmt.Errorf("%s is %s and can't be a bit field", v.name, v.typeName())
	}
	if err := v.checkBits(); err != nil {
		return nil, err
	}
	wide := Value{order: v.order, data: make([]byte, size), bitSize: uint32(8 * size)}
	signed := v.signed()
	for i := range wide.bitSize {
		from, mask := v.bit(min(i, v.bitSize-1))
		if (i < v.bitSize || signed) && v.data[from]&mask != 0 {
			at, bit := wide.bit(i)
			wide.data[at] |= bit
		}
	}
	return wide.data, nil
}

// signed reports whether the integers of v's type have a sign.
func (v Value) signed() bool {
	t := v.resolve()
	if t.Kind() == btf.KindInt {
		return t.IntEncoding()&btf.Signed != 0
	}
	return t.KFlag()
}

// integer returns an integer that fits into 64 bits, extended by its sign.
func (v Value) integer() (n uint64, negative bool, err error) {
	t := v.resolve()
	switch t.Kind() {
	case btf.KindInt, btf.KindEnum, btf.KindEnum64, btf.KindPtr:
	default:
		return 0, false, fmt.Errorf("%s is %s, not an integer", v.name, v.typeName())
	}
	v = v.scalar(t)
	if err := v.checkBits(); err != nil {
		return 0, false, err
	}
	at, mask := v.bit(v.bitSize - 1)
	negative = v.signed() && v.data[at]&mask != 0
	if negative {
		n = math.MaxUint64
	}
	for i := range v.bitSize {
		at, mask := v.bit(i)
		set := v.data[at]&mask != 0
		switch {
		case i >= 64 && set != negative, i == 63 && v.bitSize > 64 && v.signed() && set != negative:
			return 0, false, fmt.Errorf("%s doesn't fit into 64 bits", v.name)
		case set && i < 64:
			n |= 1 << i
		case i < 64:
			n &^= 1 << i
		}
	}
	return n, negative, nil
}
