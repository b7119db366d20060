package typed

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/uapi"
)

// Trie is a map that finds the longest prefix of an IP address (BPF_MAP_TYPE_LPM_TRIE, 4.11). Its
// keys are struct bpf_lpm_trie_key with the 4 bytes of an IPv4 or the 16 of an IPv6 address in
// network byte order.
type Trie[V any] struct {
	m    *bpf.Map
	four *bpf.TypedMap[key4, V] // one of them is nil
	six  *bpf.TypedMap[key6, V]
}

type (
	key4 struct {
		bits [4]byte // a number in the host's byte order; bytes stand for any C type
		addr [4]byte
	}
	key6 struct {
		bits [4]byte
		addr [16]byte
	}
)

// TrieOf returns a typed view of an LPM trie.
func TrieOf[V any](m *bpf.Map) (*Trie[V], error) {
	if err := ofKind(m, uapi.MapLPMTrie); err != nil {
		return nil, err
	}
	t := &Trie[V]{m: m}
	var err error
	switch m.KeySize() {
	case 8:
		t.four, err = bpf.MapOf[key4, V](m)
	case 20:
		t.six, err = bpf.MapOf[key6, V](m)
	default:
		err = refuse(m, "type map", fmt.Errorf("keys of %d bytes are no prefixes of IP addresses; "+
			"those have 8 or 20: %w", m.KeySize(), syscall.EINVAL))
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Map returns the map itself.
func (t *Trie[V]) Map() *bpf.Map {
	if t == nil {
		return nil
	}
	return t.m
}

// Lookup returns the value of the longest prefix that contains addr. ErrNotExist if none does.
func (t *Trie[V]) Lookup(addr netip.Addr) (V, error) {
	return t.LookupPrefix(netip.PrefixFrom(addr.WithZone(""), addr.BitLen()))
}

// LookupPrefix returns the value of the longest prefix that contains all of p, which may be p
// itself. ErrNotExist if none does.
func (t *Trie[V]) LookupPrefix(p netip.Prefix) (V, error) {
	k4, k6, err := t.key("look up in map", p)
	switch {
	case err != nil:
		return *new(V), err
	case t.four != nil:
		return t.four.Lookup(k4)
	}
	return t.six.Lookup(k6)
}

// Update sets the value of a prefix; flags are bpf.UpdateAny and the like. Bits of the address
// behind the prefix are dropped. ErrTooBig or ENOSPC if the map is full.
func (t *Trie[V]) Update(p netip.Prefix, value V, flags uapi.ElemFlags) error {
	k4, k6, err := t.key("update map", p)
	switch {
	case err != nil:
		return err
	case t.four != nil:
		return t.four.Update(k4, value, flags)
	}
	return t.six.Update(k6, value, flags)
}

// Delete removes exactly the prefix p. ErrNotExist if it isn't there.
func (t *Trie[V]) Delete(p netip.Prefix) error {
	k4, k6, err := t.key("delete from map", p)
	switch {
	case err != nil:
		return err
	case t.four != nil:
		return t.four.Delete(k4)
	}
	return t.six.Delete(k6)
}

// key returns a prefix as a key of the map's family. An IPv4 trie takes IPv4-mapped IPv6 addresses.
func (t *Trie[V]) key(op string, p netip.Prefix) (k4 key4, k6 key6, err error) {
	if t == nil || t.m == nil {
		_, err = (*bpf.TypedMap[key4, V])(nil).Lookup(k4) // says that there is no map
		return k4, k6, err
	}
	if t.four != nil && p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	switch p = p.Masked(); {
	case !p.IsValid():
		return k4, k6, refuse(t.m, op, fmt.Errorf("the prefix or address is not valid: %w",
			syscall.EINVAL))
	case t.four != nil && p.Addr().Is4():
		k4.addr = p.Addr().As4()
		binary.NativeEndian.PutUint32(k4.bits[:], uint32(p.Bits()))
		return k4, k6, nil
	case t.six != nil && p.Addr().Is6():
		k6.addr = p.Addr().As16()
		binary.NativeEndian.PutUint32(k6.bits[:], uint32(p.Bits()))
		return k4, k6, nil
	}
	return k4, k6, refuse(t.m, op, fmt.Errorf("%v is of another address family than the map's keys "+
		"of %d bytes: %w", p, t.m.KeySize(), syscall.EINVAL))
}

// Iterate returns an iterator over the prefixes: for prefix, value := range it.All(), and
// afterwards it.Err(). The kernel yields longer prefixes before those that contain them.
func (t *Trie[V]) Iterate() *TrieIterator[V] {
	if t == nil {
		return nil
	}
	it := &TrieIterator[V]{four: t.four.Iterate()}
	if t.six != nil {
		it = &TrieIterator[V]{six: t.six.Iterate()}
	}
	return it
}

// TrieIterator walks through the elements of a Trie.
type TrieIterator[V any] struct {
	four *bpf.TypedIterator[key4, V] // one of them is nil
	six  *bpf.TypedIterator[key6, V]
}

// All yields each prefix with its value.
func (it *TrieIterator[V]) All() iter.Seq2[netip.Prefix, V] {
	return func(yield func(netip.Prefix, V) bool) {
		if it == nil {
			return
		}
		for k, v := range it.four.All() {
			if !yield(prefix(netip.AddrFrom4(k.addr), k.bits), v) {
				return
			}
		}
		for k, v := range it.six.All() {
			if !yield(prefix(netip.AddrFrom16(k.addr), k.bits), v) {
				return
			}
		}
	}
}

func prefix(addr netip.Addr, bits [4]byte) netip.Prefix {
	return netip.PrefixFrom(addr, int(binary.NativeEndian.Uint32(bits[:])))
}

// Err returns why the walk ended before the map's end, nil if it was complete.
func (it *TrieIterator[V]) Err() error {
	switch {
	case it == nil:
		return (*bpf.TypedIterator[key4, V])(nil).Err() // says that there is no map
	case it.six != nil:
		return it.six.Err()
	}
	return it.four.Err()
}
