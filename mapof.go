package bpf

import (
	"fmt"
	"iter"
	"reflect"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/internal/layout"
	"github.com/purebpf/bpf/uapi"
)

// TypedMap is a map with keys of type K and values of type V. Its operations allocate nothing and
// cost no more than the system call. It needs no Close.
type TypedMap[K, V any] struct {
	m          *Map
	key, value layout.Layout
}

// MapOf returns a typed view of a map. It checks once that K and V have the layout of the map's
// keys and values: by size and, where the object has BTF for them, field by field. Maps without
// keys (queues, stacks, bloom filters) take K = struct{}. Per-CPU maps need PerCPUMapOf. It fails
// after m is closed.
func MapOf[K, V any](m *Map) (*TypedMap[K, V], error) {
	if err := typable[K, V](m); err != nil {
		return nil, err
	}
	if m.cpus > 0 {
		return nil, m.fail("type map",
			fmt.Errorf("it has a value for each CPU; use PerCPUMapOf: %w", syscall.EINVAL))
	}
	t := &TypedMap[K, V]{m: m}
	var err error
	if t.key, t.value, err = proveMap[K, V](m); err != nil {
		return nil, err
	}
	return t, nil
}

// typable refuses maps that have no elements to type.
func typable[K, V any](m *Map) error {
	if m == nil || m.absent != nil {
		return m.fail("type map", m.absence())
	}
	switch m.typ {
	case uapi.MapRingBuf, uapi.MapUserRingBuf, uapi.MapArena, uapi.MapStructOps:
		return m.fail("type map",
			fmt.Errorf("maps of type %v have no elements: %w", m.typ, ErrNotSupported))
	}
	return nil
}

func proveMap[K, V any](m *Map) (key, value layout.Layout, err error) {
	if key, err = layout.Check(reflect.TypeFor[K](), m.keySize, m.btf, m.keyType); err != nil {
		return key, value, m.fail("type map", fmt.Errorf("key: %w: %w", err, syscall.EINVAL))
	}
	if value, err = layout.Check(reflect.TypeFor[V](), m.valueSize, m.btf,
		m.valueType); err != nil {
		return key, value, m.fail("type map", fmt.Errorf("value: %w: %w", err, syscall.EINVAL))
	}
	return key, value, nil
}

// Map returns the map itself.
func (t *TypedMap[K, V]) Map() *Map {
	if t == nil {
		return nil
	}
	return t.m
}

// absent reports whether there is no map at all: t is nil or was not made by MapOf.
func (t *TypedMap[K, V]) absent() bool { return t == nil || t.m == nil }

// Lookup returns the value of key. ErrNotExist if it is absent.
func (t *TypedMap[K, V]) Lookup(key K) (V, error) {
	if t.absent() {
		return *new(V), missing(opLookup, "map")
	}
	var value V
	clean(&t.key, &key)
	e := t.m.elem(uapi.CmdMapLookupElem, unsafe.Pointer(&key), unsafe.Pointer(&value), 0)
	return value, t.m.result(opLookup, e)
}

// LookupInto is Lookup into memory of the caller, for large values. With UpdateLock it reads under
// the value's bpf_spin_lock.
func (t *TypedMap[K, V]) LookupInto(key K, value *V, flags uapi.ElemFlags) error {
	if t.absent() {
		return missing(opLookup, "map")
	}
	clean(&t.key, &key)
	return t.m.result(opLookup,
		t.m.elem(uapi.CmdMapLookupElem, unsafe.Pointer(&key), unsafe.Pointer(value), flags))
}

// Update sets the value of key; flags are UpdateAny and the like.
func (t *TypedMap[K, V]) Update(key K, value V, flags uapi.ElemFlags) error {
	if t.absent() {
		return missing(opUpdate, "map")
	}
	clean(&t.key, &key)
	clean(&t.value, &value)
	return t.m.result(opUpdate,
		t.m.elem(uapi.CmdMapUpdateElem, unsafe.Pointer(&key), unsafe.Pointer(&value), flags))
}

// Delete removes key. ErrNotExist if it is absent.
func (t *TypedMap[K, V]) Delete(key K) error {
	if t.absent() {
		return missing(opDelete, "map")
	}
	clean(&t.key, &key)
	return t.m.result(opDelete, t.m.elem(uapi.CmdMapDeleteElem, unsafe.Pointer(&key), nil, 0))
}

// LookupAndDelete returns the value of key and removes it: hashes since 5.14, queues and stacks
// since 4.20.
func (t *TypedMap[K, V]) LookupAndDelete(key K) (V, error) {
	if t.absent() {
		return *new(V), missing(opTake, "map")
	}
	var value V
	clean(&t.key, &key)
	e := t.m.elem(uapi.CmdMapLookupAndDeleteElem, unsafe.Pointer(&key), unsafe.Pointer(&value), 0)
	return value, t.m.result(opTake, e)
}

// UpdateBatch sets elements with one call; see Map.UpdateBatch. keys and values have the same
// length. Padding bytes are zeroed.
func (t *TypedMap[K, V]) UpdateBatch(keys []K, values []V, flags uapi.ElemFlags) (int, error) {
	if t.absent() {
		return 0, missing("update map in a batch", "map")
	}
	if len(keys) != len(values) {
		return 0, t.m.fail("update map in a batch",
			fmt.Errorf("%d keys, %d values: %w", len(keys), len(values), syscall.EINVAL))
	}
	if len(keys) == 0 {
		return 0, nil
	}
	for i := range keys {
		clean(&t.key, &keys[i])
		clean(&t.value, &values[i])
	}
	return t.m.updateBatch(unsafe.Pointer(&keys[0]), unsafe.Pointer(&values[0]), uint32(len(keys)),
		flags)
}

// DeleteBatch removes many elements with one call (5.6) and returns how many.
func (t *TypedMap[K, V]) DeleteBatch(keys []K) (int, error) {
	if t.absent() {
		return 0, missing("delete from map in a batch", "map")
	}
	if len(keys) == 0 {
		return 0, nil
	}
	for i := range keys {
		clean(&t.key, &keys[i])
	}
	return t.m.deleteBatch(unsafe.Pointer(&keys[0]), uint32(len(keys)))
}

// Iterate returns an iterator over the elements: for key, value := range it.All(), and afterwards
// it.Err(). Elements that change during the walk may be seen or not; the loop's body may delete the
// current element.
func (t *TypedMap[K, V]) Iterate() *TypedIterator[K, V] {
	return &TypedIterator[K, V]{walk{m: t.Map()}}
}

// TypedIterator walks through the elements of a TypedMap.
type TypedIterator[K, V any] struct{ w walk }

// All yields each element once.
func (it *TypedIterator[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if it == nil || it.w.absent() {
			return
		}
		room := it.w.room(int(it.w.m.keySize + it.w.m.valueSize))
		keys, values := make([]K, room), make([]V, room)
		grow := func(n int) (unsafe.Pointer, unsafe.Pointer) {
			if n > len(keys) {
				keys, values = make([]K, n), make([]V, n)
			}
			return unsafe.Pointer(unsafe.SliceData(keys)), unsafe.Pointer(unsafe.SliceData(values))
		}
		it.w.run(room, grow, func(n int) bool {
			for i := range n {
				if !yield(keys[i], values[i]) {
					return false
				}
			}
			return true
		})
	}
}

// Err returns why the walk ended before the map's end, nil if it was complete.
func (it *TypedIterator[K, V]) Err() error {
	if it == nil {
		return missing("walk through map", "map")
	}
	return it.w.err
}

// clean zeroes the bytes of *v that belong to no field.
func clean[T any](l *layout.Layout, v *T) {
	if l.HasGaps() {
		l.Zero(unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v)))
	}
}
