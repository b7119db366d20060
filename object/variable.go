package object

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"

	"github.com/purebpf/bpf/btf"
)

// Bytes returns the variable's bytes in the initial value of its map, in the object's byte order.
// Writing to them sets the variable's value at load.
func (v *Variable) Bytes() []byte {
	if v == nil {
		return nil
	}
	b := v.Map.Bytes()
	end := uint64(v.Offset) + uint64(v.Size)
	if end > uint64(len(b)) {
		return nil
	}
	return b[v.Offset:end:end]
}

// Set sets the variable's value before the object is loaded, like an assignment in a skeleton.
// value is
//
//   - a string for an array of char, which is filled up with zeros;
//   - a []byte of the variable's size, copied unchanged;
//   - any integer that fits into an integer variable, enum or pointer, whatever the sizes;
//   - any other value of fixed size (encoding/binary) with exactly the variable's size: numbers,
//     bool, arrays and structs of them. A struct needs C's padding as blank fields.
//
// An integer cannot be stored in a floating-point variable, nor the other way round.
func (v *Variable) Set(value any) error {
	if v == nil || v.Map == nil || v.Map.object == nil {
		return errNothing("variable")
	}
	dst := v.Bytes()
	if dst == nil && v.Size > 0 {
		return v.fail("lies outside its map's value")
	}
	switch value := value.(type) {
	case []byte:
		if len(value) != len(dst) {
			return v.fail("has %d bytes, the value %d", v.Size, len(value))
		}
		copy(dst, value)
		return nil
	case string:
		return v.setString(dst, value)
	}
	integer := reflect.ValueOf(value)
	_, isInt := value.(int) // which have no fixed size
	_, isUint := value.(uint)
	switch {
	case integer.CanInt() && (isInt || v.isScalar()):
		return v.setInt(dst, integer.Int() < 0, uint64(integer.Int()))
	case integer.CanUint() && (isUint || v.isScalar()):
		return v.setInt(dst, false, integer.Uint())
	}
	n := binary.Size(value)
	if n < 0 {
		return v.fail("cannot hold %T: its size is not fixed", value)
	}
	if n != len(dst) {
		return v.fail("has %d bytes, %T has %d", v.Size, value, n)
	}
	if err := v.checkKind(value); err != nil {
		return err
	}
	_, err := binary.Encode(dst, v.Map.object.Order, value)
	if err != nil {
		return v.fail("cannot hold %T: %w", value, err)
	}
	return nil
}

// Get reads the variable's value as it will be loaded. ptr points to a value of fixed size with
// exactly the variable's size.
func (v *Variable) Get(ptr any) error {
	if v == nil || v.Map == nil || v.Map.object == nil {
		return errNothing("variable")
	}
	b := v.Bytes()
	if n := binary.Size(ptr); n != len(b) {
		return v.fail("has %d bytes, %T has %d", v.Size, ptr, n)
	}
	if _, err := binary.Decode(b, v.Map.object.Order, ptr); err != nil {
		return v.fail("cannot be read into %T: %w", ptr, err)
	}
	return nil
}

func (v *Variable) fail(format string, args ...any) error {
	return fmt.Errorf("object %q: variable %q "+format,
		append([]any{v.Map.object.Name, v.Name}, args...)...)
}

// kind returns the BTF kind of the variable, KindVoid without BTF.
func (v *Variable) kind() btf.Type {
	if v.Map.object.BTF == nil {
		return btf.Type{}
	}
	return v.Map.object.BTF.Skip(v.Type)
}

// isScalar reports whether the variable is an integer, enum or pointer, as far as its type is
// known.
func (v *Variable) isScalar() bool {
	switch v.kind().Kind() {
	case btf.KindVoid, btf.KindInt, btf.KindEnum, btf.KindEnum64, btf.KindPtr:
		return true
	}
	return false
}

// checkKind keeps integers, floating-point numbers and everything else apart.
func (v *Variable) checkKind(value any) error {
	kind := v.kind().Kind()
	switch value.(type) {
	case float32, float64:
		if kind != btf.KindFloat {
			return v.fail("is of kind %v and cannot hold %T", kind, value)
		}
	case bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64:
		if !v.isScalar() {
			return v.fail("is of kind %v and cannot hold %T", kind, value)
		}
	}
	return nil
}

func (v *Variable) setString(dst []byte, s string) error {
	t := v.kind()
	if t.Kind() == btf.KindVoid {
		return v.fillString(dst, s)
	}
	if t.Kind() != btf.KindArray {
		return v.fail("is of kind %v and cannot hold a string: it is not an array of char",
			t.Kind())
	}
	if e := v.Map.object.BTF.Skip(t.Array().Elem); e.Kind() != btf.KindInt || e.Size() != 1 {
		return v.fail("is an array of %v and cannot hold a string: it is not an array of char",
			e.Kind())
	}
	return v.fillString(dst, s)
}

func (v *Variable) fillString(dst []byte, s string) error {
	if len(s) > len(dst) {
		return v.fail("has %d bytes, the string %d", v.Size, len(s))
	}
	clear(dst[copy(dst, s):])
	return nil
}

// setInt stores an integer if it fits, as a signed or an unsigned one.
func (v *Variable) setInt(dst []byte, negative bool, u uint64) error {
	if !v.isScalar() {
		return v.fail("is of kind %v and cannot hold an integer", v.kind().Kind())
	}
	if bits := 8 * uint(len(dst)); bits < 64 {
		if negative && int64(u) < -1<<(bits-1) || !negative && u > math.MaxUint64>>(64-bits) {
			return v.fail("has %d bytes, too few for the value", v.Size)
		}
	}
	order := v.Map.object.Order
	switch len(dst) {
	case 1:
		dst[0] = byte(u)
	case 2:
		order.PutUint16(dst, uint16(u))
	case 4:
		order.PutUint32(dst, uint32(u))
	case 8:
		order.PutUint64(dst, u)
	default:
		return v.fail("has %d bytes and cannot hold an integer", v.Size)
	}
	return nil
}
