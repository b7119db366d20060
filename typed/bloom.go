package typed

import (
	"errors"
	"reflect"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/layout"
	"github.com/purebpf/bpf/uapi"
)

// Bloom is a Bloom filter (BPF_MAP_TYPE_BLOOM_FILTER, 5.16): a set that may say of a value that was
// not added that it was, but never the reverse. Values can't be removed.
type Bloom[T any] struct {
	m     *bpf.TypedMap[struct{}, T]
	value layout.Layout
}

// BloomOf returns a typed view of a Bloom filter.
func BloomOf[T any](m *bpf.Map) (*Bloom[T], error) {
	if err := ofKind(m, uapi.MapBloomFilter); err != nil {
		return nil, err
	}
	t, err := bpf.MapOf[struct{}, T](m)
	if err != nil {
		return nil, err
	}
	value, err := layout.Check(reflect.TypeFor[T](), uint32(m.ValueSize()), nil, 0)
	if err != nil {
		return nil, refuse(m, "type map", err)
	}
	return &Bloom[T]{t, value}, nil
}

// Map returns the map itself.
func (b *Bloom[T]) Map() *bpf.Map { return b.typed().Map() }

func (b *Bloom[T]) typed() *bpf.TypedMap[struct{}, T] {
	if b == nil {
		return nil
	}
	return b.m
}

// Add adds a value (bpf_map_push_elem).
func (b *Bloom[T]) Add(value T) error { return b.typed().Update(struct{}{}, value, 0) }

// Has reports whether a value was added: false is certain (bpf_map_peek_elem).
func (b *Bloom[T]) Has(value T) (bool, error) {
	if b != nil && b.value.HasGaps() { // the kernel hashes all bytes
		b.value.Zero(unsafe.Slice((*byte)(unsafe.Pointer(&value)), unsafe.Sizeof(value)))
	}
	err := b.typed().LookupInto(struct{}{}, &value, 0)
	if b.typed() != nil && errors.Is(err, bpf.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
