package bpf

import (
	"fmt"
	"iter"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/internal/layout"
	"github.com/purebpf/bpf/uapi"
)

// PerCPUMap is a map with keys of type K and, for each key, a value of type V for each possible
// CPU.
type PerCPUMap[K, V any] struct {
	m          *Map
	key, value layout.Layout
}

// PerCPUMapOf returns a typed view of a per-CPU map, checked as by MapOf.
func PerCPUMapOf[K, V any](m *Map) (*PerCPUMap[K, V], error) {
	if err := typable[K, V](m); err != nil {
		return nil, err
	}
	if m.cpus == 0 {
		return nil, m.fail("type map",
			fmt.Errorf("it has one value for all CPUs; use MapOf: %w", syscall.EINVAL))
	}
	t := &PerCPUMap[K, V]{m: m}
	var err error
	if t.key, t.value, err = proveMap[K, V](m); err != nil {
		return nil, err
	}
	return t, nil
}

// Map returns the map itself.
func (t *PerCPUMap[K, V]) Map() *Map {
	if t == nil {
		return nil
	}
	return t.m
}

// absent reports whether there is no map at all: t is nil or was not made by PerCPUMapOf.
func (t *PerCPUMap[K, V]) absent() bool { return t == nil || t.m == nil }

// CPUs returns the number of possible CPUs, that is of values of each key.
func (t *PerCPUMap[K, V]) CPUs() int { return t.Map().orNone().cpus }

// Lookup returns the values of key, by CPU, in dst if it is long enough. ErrNotExist if the key is
// absent. It allocates only if dst is shorter, or if the values take more than 4 KiB and the size
// of one is not a multiple of 8.
func (t *PerCPUMap[K, V]) Lookup(key K, dst []V) ([]V, error) {
	if t.absent() {
		return nil, missing(opLookup, "map")
	}
	clean(&t.key, &key)
	if cap(dst) < t.m.cpus {
		dst = make([]V, t.m.cpus)
	}
	dst = dst[:t.m.cpus]
	if unsafe.Sizeof(dst[0])%8 == 0 {
		return dst, t.m.result(opLookup, t.m.elem(uapi.CmdMapLookupElem, unsafe.Pointer(&key),
			unsafe.Pointer(unsafe.SliceData(dst)), 0))
	}
	var local localValues
	buf := t.m.roomFor(&local)
	e := t.m.elem(uapi.CmdMapLookupElem, unsafe.Pointer(&key), buf, 0)
	if e == 0 {
		t.unpack(dst, buf)
	}
	return dst, t.m.result(opLookup, e)
}

// localValues is room on the stack for the values of all CPUs.
type localValues [512]uint64

// roomFor returns room for the values of a key: local if they fit.
func (m *Map) roomFor(local *localValues) unsafe.Pointer {
	if n := m.valueLen(0); n > len(local)*8 {
		return unsafe.Pointer(unsafe.SliceData(alignedBytes(n)))
	}
	return unsafe.Pointer(local)
}

// unpack copies values that lie cpuStride apart.
func (t *PerCPUMap[K, V]) unpack(dst []V, from unsafe.Pointer) {
	stride := t.m.cpuStride()
	for cpu := range dst {
		dst[cpu] = *(*V)(unsafe.Add(from, cpu*stride))
	}
}

// Update sets the values of key, one for each possible CPU. It allocates only if the values take
// more than 4 KiB and the size of one is not a multiple of 8.
func (t *PerCPUMap[K, V]) Update(key K, values []V, flags uapi.ElemFlags) error {
	if t.absent() {
		return missing(opUpdate, "map")
	}
	if len(values) != t.m.cpus {
		return t.m.fail(opUpdate,
			fmt.Errorf("%d values for %d CPUs: %w", len(values), t.m.cpus, syscall.EINVAL))
	}
	clean(&t.key, &key)
	if unsafe.Sizeof(values[0])%8 == 0 && !t.value.HasGaps() {
		return t.m.result(opUpdate, t.m.elem(uapi.CmdMapUpdateElem, unsafe.Pointer(&key),
			unsafe.Pointer(unsafe.SliceData(values)), flags))
	}
	stride := t.m.cpuStride()
	var local localValues
	buf := t.m.roomFor(&local)
	for cpu := range values {
		value := (*V)(unsafe.Add(buf, cpu*stride))
		*value = values[cpu]
		clean(&t.value, value)
	}
	return t.m.result(opUpdate,
		t.m.elem(uapi.CmdMapUpdateElem, unsafe.Pointer(&key), buf, flags))
}

// Delete removes key with all its values.
func (t *PerCPUMap[K, V]) Delete(key K) error {
	if t.absent() {
		return missing(opDelete, "map")
	}
	clean(&t.key, &key)
	return t.m.result(opDelete, t.m.elem(uapi.CmdMapDeleteElem, unsafe.Pointer(&key), nil, 0))
}

// Iterate returns an iterator over the elements; see TypedMap.Iterate. The values are valid until
// the next element.
func (t *PerCPUMap[K, V]) Iterate() *PerCPUIterator[K, V] {
	return &PerCPUIterator[K, V]{Iterator: t.Map().Iterate(), t: t}
}

// PerCPUIterator walks through the elements of a PerCPUMap.
type PerCPUIterator[K, V any] struct {
	*Iterator
	t *PerCPUMap[K, V]
}

// All yields each key with its values by CPU.
func (it *PerCPUIterator[K, V]) All() iter.Seq2[K, []V] {
	return func(yield func(K, []V) bool) {
		if it == nil {
			return
		}
		values := make([]V, it.t.CPUs())
		for k, v := range it.Iterator.All() {
			var key K // the batch's keys need not be aligned for K
			copy(unsafe.Slice((*byte)(unsafe.Pointer(&key)), unsafe.Sizeof(key)), k)
			it.t.unpack(values, unsafe.Pointer(unsafe.SliceData(v)))
			if !yield(key, values) {
				return
			}
		}
	}
}

// Err returns why the walk ended before the map's end, nil if it was complete.
func (it *PerCPUIterator[K, V]) Err() error {
	if it == nil {
		return missing("walk through map", "map")
	}
	return it.Iterator.Err()
}
