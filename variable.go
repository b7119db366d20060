package bpf

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/layout"
	"github.com/purebpf/bpf/object"
)

// Variable is a global variable of a loaded object. Where its map is memory-mapped (5.5, and at
// least one variable of the section is not static), Bytes, Get, Set and VarOf use the programs'
// memory, without system calls.
//
// Programs run at any time on any CPU. Reads and writes of aligned variables of 1, 2, 4 and 8 bytes
// are never torn, but are not ordered; use VarOf with package sync/atomic where order matters, or
// where both sides write. A struct or array may be read half changed. The memory is unmapped when
// the Object is closed: accessing it then crashes the process; Get and Set fail with ErrClosed.
type Variable struct {
	m      *Map
	name   string
	typ    btf.ID
	offset uint64 // in m.memory, or in the map's only value
	size   uint32
}

func newVariable(m *Map, v *object.Variable) *Variable {
	return &Variable{m: m, name: v.Name, typ: v.Type, offset: m.arenaStart + uint64(v.Offset),
		size: v.Size}
}

// Name returns the variable's name.
func (v *Variable) Name() string { return v.orNone().name }

// Size returns the size in bytes.
func (v *Variable) Size() int { return int(v.orNone().size) }

// Map returns the map that holds the variable.
func (v *Variable) Map() *Map { return v.orNone().m }

// Type returns the BTF type of the variable in Object.BTF, 0 if unknown.
func (v *Variable) Type() btf.ID { return v.orNone().typ }

// ReadOnly reports whether the variable is const or its map is not mapped. Then Set fails, and
// writing through Bytes or VarOf would crash the process.
func (v *Variable) ReadOnly() bool {
	m := v.Map()
	return m.Memory() == nil || !m.writable
}

// Bytes returns the variable's live memory. ErrNotSupported if its map is not mapped. Don't write
// to it if ReadOnly.
func (v *Variable) Bytes() ([]byte, error) {
	if v.Map().Memory() == nil {
		return nil, v.fail("map variable", v.unmapped())
	}
	return v.live()
}

// live returns the variable's memory, which the caller keeps mapped.
func (v *Variable) live() ([]byte, error) {
	end := v.offset + uint64(v.size)
	if end > uint64(len(v.m.memory)) {
		return nil, v.fail("map variable",
			fmt.Errorf("it ends at byte %d of %d: %w", end, len(v.m.memory), ErrTooBig))
	}
	return v.m.memory[v.offset:end:end], nil
}

func (v *Variable) unmapped() error {
	if err := v.absence(); err != nil {
		return err
	}
	if v.m.doubt != nil {
		return fmt.Errorf("map %s is not memory-mapped: %w: %w",
			v.m.name, ErrNotSupported, v.m.doubt)
	}
	return fmt.Errorf("map %s is not memory-mapped (an old kernel, or all its variables are "+
		"static): %w", v.m.name, ErrNotSupported)
}

// absence returns why the variable can't be accessed at all, nil if its map exists.
func (v *Variable) absence() error {
	m := v.Map()
	switch {
	case m == nil:
		return errNothing("variable")
	case m.absent != nil:
		return m.absent
	case m.fd == nil:
		return fmt.Errorf("map %s: %w", m.name, m.absence())
	}
	return m.absence()
}

// use keeps the variable's map open until its release; the error says why there is none.
func (v *Variable) use() error {
	if err := v.absence(); err != nil {
		return err
	}
	_, err := v.m.use()
	return err
}

// Err returns nil if the object has the variable, else the error of all methods.
func (v *Variable) Err() error {
	if m := v.Map(); m == nil || m.absent != nil {
		return v.fail("find variable", v.absence())
	}
	return nil
}

// Get copies the variable into *value: a pointer to a type that MapOf would accept for it. It reads
// an unmapped map by system call.
func (v *Variable) Get(value any) error {
	if err := v.use(); err != nil {
		return v.fail("get variable", err)
	}
	defer v.m.release()
	ptr := reflect.ValueOf(value)
	if ptr.Kind() != reflect.Pointer || ptr.IsNil() {
		return v.fail("get variable",
			fmt.Errorf("the destination is not a pointer: %w", syscall.EINVAL))
	}
	if _, err := layout.Check(ptr.Type().Elem(), v.size, v.m.btf, v.typ); err != nil {
		return v.fail("get variable", fmt.Errorf("%w: %w", err, syscall.EINVAL))
	}
	dst := unsafe.Slice((*byte)(ptr.UnsafePointer()), v.size)
	if v.m.memory != nil {
		src, err := v.live()
		copyWhole(dst, src)
		return err
	}
	whole, err := v.m.LookupBytes(make([]byte, 4))
	if err != nil {
		return v.fail("get variable", err)
	}
	if v.offset+uint64(v.size) > uint64(len(whole)) {
		return v.fail("get variable",
			fmt.Errorf("it lies beyond the end of map %s: %w", v.m.name, ErrTooBig))
	}
	copy(dst, whole[v.offset:])
	return nil
}

// Set sets the variable to value: of a type that MapOf would accept for it, any integer that fits
// an integer variable, a []byte of its size, or a string for an array of char, which is padded with
// zeroes. ErrPermission if it is const, ErrNotSupported if its map is not mapped.
func (v *Variable) Set(value any) error {
	if err := v.use(); err != nil {
		return v.fail("set variable", err)
	}
	defer v.m.release()
	dst, err := v.Bytes()
	if err != nil {
		return err
	}
	if !v.m.writable {
		return v.fail("set variable",
			fmt.Errorf("it is const; set it in the object before Load: %w", syscall.EPERM))
	}
	switch value := value.(type) {
	case []byte:
		if len(value) != len(dst) {
			return v.fail("set variable",
				fmt.Errorf("it has %d bytes, the value %d: %w", v.size, len(value), syscall.EINVAL))
		}
		copyWhole(dst, value)
		return nil
	case string:
		if !v.isText() {
			return v.fail("set variable",
				fmt.Errorf("it is not an array of char and cannot hold a string: %w",
					syscall.EINVAL))
		}
		if len(value) > len(dst) {
			return v.fail("set variable",
				fmt.Errorf("it has %d bytes, the text %d: %w", v.size, len(value), syscall.EINVAL))
		}
		clear(dst[copy(dst, value):])
		return nil
	}
	src := reflect.ValueOf(value)
	if !src.IsValid() {
		return v.fail("set variable", fmt.Errorf("no value given: %w", syscall.EINVAL))
	}
	if raw, ok, err := integerBytes(src, v.size); ok && v.isScalar() {
		if err != nil {
			return v.fail("set variable", err)
		}
		copyWhole(dst, raw[:])
		return nil
	}
	if kind := v.kind(); kind != btf.KindVoid && src.CanFloat() != (kind == btf.KindFloat) &&
		(src.CanFloat() || src.CanInt() || src.CanUint()) {
		return v.fail("set variable",
			fmt.Errorf("its type is %v, not %v: %w", kind, src.Type(), syscall.EINVAL))
	}
	proof, err := layout.Check(src.Type(), v.size, v.m.btf, v.typ)
	if err != nil {
		return v.fail("set variable", fmt.Errorf("%w: %w", err, syscall.EINVAL))
	}
	tmp := reflect.New(src.Type())
	tmp.Elem().Set(src)
	raw := unsafe.Slice((*byte)(tmp.UnsafePointer()), v.size)
	proof.Zero(raw)
	copyWhole(dst, raw)
	return nil
}

// kind returns the BTF kind of the variable, KindVoid if its type is not known.
func (v *Variable) kind() btf.Kind {
	if v.m.btf == nil || v.typ == 0 {
		return btf.KindVoid
	}
	return v.m.btf.Skip(v.typ).Kind()
}

// isScalar reports whether the variable is an integer, enum or pointer, as far as its type is
// known.
func (v *Variable) isScalar() bool {
	switch v.kind() {
	case btf.KindVoid, btf.KindInt, btf.KindEnum, btf.KindEnum64, btf.KindPtr:
		return true
	}
	return false
}

// isText reports whether the variable is an array of char, as far as its type is known.
func (v *Variable) isText() bool {
	if v.m.btf == nil || v.typ == 0 {
		return true
	}
	t := v.m.btf.Skip(v.typ)
	if t.Kind() != btf.KindArray {
		return false
	}
	e := v.m.btf.Skip(t.Array().Elem)
	return e.Kind() == btf.KindInt && e.Size() == 1
}

// integerBytes encodes an integer of any Go type for a variable of 1, 2, 4 or 8 bytes.
func integerBytes(v reflect.Value, size uint32) (raw []byte, ok bool, err error) {
	var n uint64
	switch {
	case v.CanInt():
		n = uint64(v.Int())
		if bits := size * 8; bits < 64 && (v.Int() < -1<<(bits-1) || v.Int() >= 1<<bits) {
			err = fmt.Errorf("%d does not fit %d bytes: %w", v.Int(), size, syscall.ERANGE)
		}
	case v.CanUint():
		n = v.Uint()
		if bits := size * 8; bits < 64 && n > math.MaxUint64>>(64-bits) {
			err = fmt.Errorf("%d does not fit %d bytes: %w", n, size, syscall.ERANGE)
		}
	default:
		return nil, false, nil
	}
	switch size {
	case 1:
		return []byte{byte(n)}, true, err
	case 2:
		return binary.NativeEndian.AppendUint16(nil, uint16(n)), true, err
	case 4:
		return binary.NativeEndian.AppendUint32(nil, uint32(n)), true, err
	case 8:
		return binary.NativeEndian.AppendUint64(nil, n), true, err
	}
	return nil, false, nil
}

// copyWhole copies between memory that others use; data with the size and alignment of a machine
// word is copied at once.
func copyWhole(dst, src []byte) {
	if len(dst) != len(src) || len(dst) == 0 {
		return
	}
	d, s := unsafe.Pointer(unsafe.SliceData(dst)), unsafe.Pointer(unsafe.SliceData(src))
	if size := uintptr(len(dst)); (uintptr(d)|uintptr(s))%size == 0 {
		switch size {
		case 2:
			*(*uint16)(d) = *(*uint16)(s)
			return
		case 4:
			atomic.StoreUint32((*uint32)(d), atomic.LoadUint32((*uint32)(s)))
			return
		case 8:
			atomic.StoreUint64((*uint64)(d), atomic.LoadUint64((*uint64)(s)))
			return
		}
	}
	copy(dst, src)
}

// VarOf returns a pointer to the variable's live memory, after checking as MapOf does that T has
// its layout. It may be used with sync/atomic. Don't write through it if v is read-only
// (Variable.ReadOnly), and don't use it after the Object is closed.
func VarOf[T any](v *Variable) (*T, error) {
	if err := v.absence(); err != nil {
		return nil, v.fail("map variable", err)
	}
	if _, err := layout.Check(reflect.TypeFor[T](), v.size, v.m.btf, v.typ); err != nil {
		return nil, v.fail("map variable", fmt.Errorf("%w: %w", err, syscall.EINVAL))
	}
	raw, err := v.Bytes()
	if err != nil {
		return nil, err
	}
	p := unsafe.Pointer(unsafe.SliceData(raw))
	if uintptr(p)%unsafe.Alignof(*new(T)) != 0 {
		return nil, v.fail("map variable",
			fmt.Errorf("it lies at offset %d, which is not aligned for %v: %w",
				v.offset, reflect.TypeFor[T](), syscall.EINVAL))
	}
	return (*T)(p), nil
}

// MemoryOf returns a pointer to the start of a map's mapped value; for a data section T is a struct
// with a field for each variable. T must have no pointers and must fit into the map; its fields are
// not checked. The rules of VarOf apply. Generated skeletons use it.
func MemoryOf[T any](m *Map) (*T, error) {
	if m.Memory() == nil {
		return nil, m.fail("map memory of",
			fmt.Errorf("it is not memory-mapped: %w", ErrNotSupported))
	}
	t := reflect.TypeFor[T]()
	if _, err := layout.Check(t, uint32(t.Size()), m.btf, 0); err != nil {
		return nil, m.fail("map memory of", fmt.Errorf("%w: %w", err, syscall.EINVAL))
	}
	if m.arenaStart+uint64(t.Size()) > uint64(len(m.memory)) {
		return nil, m.fail("map memory of",
			fmt.Errorf("%v has %d bytes, more than the map: %w", t, t.Size(), ErrTooBig))
	}
	return (*T)(unsafe.Pointer(&m.memory[m.arenaStart])), nil
}

func (v *Variable) fail(op string, err error) error {
	return newError(op, about{v.Map().orNone().object, v.Name()}, err)
}
