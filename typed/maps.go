package typed

import (
	"errors"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/uapi"
)

// Maps is a map whose values are maps (BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS;
// 4.12).
type Maps[K any] struct{ m *bpf.TypedMap[K, uint32] }

// MapsOf returns a typed view of a map of maps.
func MapsOf[K any](m *bpf.Map) (*Maps[K], error) {
	if err := ofKind(m, uapi.MapArrayOfMaps, uapi.MapHashOfMaps); err != nil {
		return nil, err
	}
	t, err := bpf.MapOf[K, uint32](m)
	if err != nil {
		return nil, err
	}
	return &Maps[K]{t}, nil
}

// Map returns the outer map.
func (o *Maps[K]) Map() *bpf.Map { return o.typed().Map() }

func (o *Maps[K]) typed() *bpf.TypedMap[K, uint32] {
	if o == nil {
		return nil
	}
	return o.m
}

// Put makes inner the value of key; flags are bpf.UpdateAny and the like. The outer map keeps the
// inner one alive, so the caller may close it. EINVAL if inner differs from the template that the
// outer map was made with.
func (o *Maps[K]) Put(key K, inner *bpf.Map, flags uapi.ElemFlags) error {
	own, err := inner.Clone() // another goroutine may close it
	if err != nil {
		return err
	}
	defer own.Close()
	err = o.typed().Update(key, uint32(own.FD()), flags)
	var e *bpf.Error
	if errors.Is(err, syscall.EINVAL) && errors.As(err, &e) && e.Hint == "" {
		hinted := *e
		hinted.Hint = "an inner map has the type, sizes and flags of the template of " +
			o.Map().Name() + "; " + inner.String() + " may not"
		return &hinted
	}
	return err
}

// Get opens the map that is the value of key. ErrNotExist if there is none. Needs CAP_SYS_ADMIN.
// The caller closes it.
func (o *Maps[K]) Get(key K) (*bpf.Map, error) {
	id, err := o.typed().Lookup(key)
	if err != nil {
		return nil, err
	}
	return bpf.MapFromID(id, 0)
}

// ID returns the kernel's id of the map that is the value of key. ErrNotExist if there is none.
func (o *Maps[K]) ID(key K) (uint32, error) { return o.typed().Lookup(key) }

// Delete removes key. ErrNotExist if it isn't there.
func (o *Maps[K]) Delete(key K) error { return o.typed().Delete(key) }
