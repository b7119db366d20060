package bpf

import (
	"errors"
	"fmt"
	"iter"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// # Walking a map
//
// BPF_MAP_LOOKUP_BATCH (5.6) copies many elements with one call, about seven times cheaper per
// element than fetching the next key and then its value. The kernel keeps the place between calls
// in a cursor of its own format (for hashes the number of a bucket, else the last key) that the
// caller only hands back. A hash bucket is copied whole or not at all: ENOSPC asks for more room.
// Map types without batches, and older kernels, are walked key by key. There, the next key is
// fetched before an element is yielded, so that the loop's body may delete the element; if somebody
// else deletes an element at that moment a hash starts over, so a walk ends with an error after
// max_entries steps. An LPM trie is always walked in this way: it starts over, too, and the loop's
// body may have deleted the key that ends a batch.

// BatchCursor is the position of a walk in batches. It belongs to one map and one walk, and must
// not be used concurrently.
type BatchCursor struct {
	m       *Map
	in, out []byte
	started bool
	done    bool
}

// NewBatchCursor starts a walk through the map for LookupBatch.
func (m *Map) NewBatchCursor() *BatchCursor {
	size := max(m.KeySize(), 4)
	return &BatchCursor{m: m, in: make([]byte, size), out: make([]byte, size)}
}

// LookupBatch fills keys and values with the next elements, as many as fit, and returns their
// number (libbpf bpf_map_lookup_batch; 5.6). At the end of the map it returns the number of
// remaining elements, possibly 0, and ErrNotExist. ENOSPC means that a bucket of the hash doesn't
// fit: call again with longer slices. In an LPM trie the walk starts over if the last key of a
// batch is deleted before the next call; a walk by Iterate doesn't.
func (c *BatchCursor) LookupBatch(keys, values []byte, flags uapi.ElemFlags) (int, error) {
	return c.batch(keys, values, flags, false)
}

// LookupAndDeleteBatch does the same as LookupBatch and removes the elements that it returns
// (libbpf bpf_map_lookup_and_delete_batch; hashes, 5.6).
func (c *BatchCursor) LookupAndDeleteBatch(keys, values []byte, flags uapi.ElemFlags) (int, error) {
	return c.batch(keys, values, flags, true)
}

func (c *BatchCursor) batch(keys, values []byte, flags uapi.ElemFlags, remove bool) (int, error) {
	if c == nil {
		return 0, missing("read map in batches", "map")
	}
	n, err := c.m.batchLen(keys, values, flags)
	if err != nil || n == 0 { // the kernel does nothing then, and sets no cursor
		return 0, err
	}
	return c.step(unsafe.Pointer(unsafe.SliceData(keys)), unsafe.Pointer(unsafe.SliceData(values)),
		n, flags, remove)
}

// step relies on the caller for keys and values with room for n elements.
func (c *BatchCursor) step(keys, values unsafe.Pointer, n uint32, flags uapi.ElemFlags,
	remove bool) (int, error) {
	if c.done {
		return 0, c.m.fail("read map in batches", syscall.ENOENT)
	}
	fd, err := c.m.use()
	if err != nil {
		return 0, c.m.fail("read map in batches", err)
	}
	defer c.m.release()
	a := sys.MapBatchAttr{
		OutBatch: sys.Slice(c.out), Keys: sys.Ptr(keys), Values: sys.Ptr(values), Count: n,
		MapFD: uint32(fd), ElemFlags: flags,
	}
	if c.started {
		a.InBatch = sys.Slice(c.in)
	}

	if remove {
		err = sys.MapLookupAndDeleteBatch(&a)
	} else {
		err = sys.MapLookupBatch(&a)
	}
	switch err {
	case nil:
		c.started = true
		c.in, c.out = c.out, c.in
		return int(a.Count), nil
	case syscall.ENOENT:
		c.done = true
		return int(a.Count), c.m.fail("read map in batches", err)
	}
	return 0, c.m.fail("read map in batches", err)
}

// UpdateBatch sets the elements that keys and values hold with one call (libbpf
// bpf_map_update_batch; 5.6), up to the first failure, and returns how many. Flags may only be
// UpdateAny, UpdateLock, uapi.OnCPU and uapi.AllCPUs.
func (m *Map) UpdateBatch(keys, values []byte, flags uapi.ElemFlags) (int, error) {
	n, err := m.batchLen(keys, values, flags)
	if err != nil {
		return 0, err
	}
	return m.updateBatch(unsafe.Pointer(unsafe.SliceData(keys)),
		unsafe.Pointer(unsafe.SliceData(values)), n, flags)
}

func (m *Map) updateBatch(keys, values unsafe.Pointer, n uint32,
	flags uapi.ElemFlags) (int, error) {
	fd, err := m.use()
	if err != nil {
		return 0, m.fail("update map in a batch", err)
	}
	defer m.release()
	a := sys.MapBatchAttr{
		Keys: sys.Ptr(keys), Values: sys.Ptr(values), Count: n, MapFD: uint32(fd), ElemFlags: flags,
	}
	if err := sys.MapUpdateBatch(&a); err != nil {
		return batchDone(a.Count, n), m.fail("update map in a batch", err)
	}
	return int(a.Count), nil
}

// DeleteBatch removes elements with one call (libbpf bpf_map_delete_batch; 5.6). It stops at the
// first failure and returns how many were removed.
func (m *Map) DeleteBatch(keys []byte) (int, error) {
	if err := m.absence(); err != nil {
		return 0, m.fail("delete from map in a batch", err)
	}
	if m.keySize == 0 || len(keys)%int(m.keySize) != 0 {
		return 0, m.fail("delete from map in a batch",
			fmt.Errorf("%d bytes are no whole number of keys of %d: %w",
				len(keys), m.keySize, syscall.EINVAL))
	}
	return m.deleteBatch(unsafe.Pointer(unsafe.SliceData(keys)), uint32(len(keys)/int(m.keySize)))
}

func (m *Map) deleteBatch(keys unsafe.Pointer, n uint32) (int, error) {
	fd, err := m.use()
	if err != nil {
		return 0, m.fail("delete from map in a batch", err)
	}
	defer m.release()
	a := sys.MapBatchAttr{Keys: sys.Ptr(keys), Count: n, MapFD: uint32(fd)}
	if err := sys.MapDeleteBatch(&a); err != nil {
		return batchDone(a.Count, n), m.fail("delete from map in a batch", err)
	}
	return int(a.Count), nil
}

// batchDone returns how many elements of n a failed call processed. The kernel doesn't change the
// count if it refuses the whole request.
func batchDone(count, n uint32) int {
	if count >= n {
		return 0
	}
	return int(count)
}

// batchLen returns how many elements keys and values hold.
func (m *Map) batchLen(keys, values []byte, flags uapi.ElemFlags) (uint32, error) {
	if err := m.absence(); err != nil {
		return 0, m.fail("use map in batches", err)
	}
	value := m.valueLen(flags)
	if m.keySize == 0 || value == 0 || len(keys)%int(m.keySize) != 0 || len(values)%value != 0 ||
		len(keys)/int(m.keySize) != len(values)/value {
		return 0, m.fail("use map in batches",
			fmt.Errorf("%d bytes of keys of %d and %d bytes of values of %d don't hold the same "+
				"number of elements: %w",
				len(keys), m.keySize, len(values), value, syscall.EINVAL))
	}
	return uint32(len(keys) / int(m.keySize)), nil
}

// Iterator walks through a map's elements. All ranges over them once; Err then reports whether the
// walk was complete.
type Iterator struct{ w walk }

// Iterate returns an iterator over the map's elements, in batches where the kernel has them.
// Elements that change during the walk may be seen or not; the loop's body may delete the current
// element.
func (m *Map) Iterate() *Iterator { return &Iterator{w: walk{m: m}} }

// All yields each element. The slices are valid until the next one.
func (it *Iterator) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if it == nil || it.w.absent() {
			return
		}
		m := it.w.m
		keySize, valueSize := int(m.keySize), m.valueLen(0)
		room := it.w.room(keySize + valueSize)
		keys, values := alignedBytes(room*keySize), alignedBytes(room*valueSize)
		grow := func(n int) (unsafe.Pointer, unsafe.Pointer) {
			if n > room {
				room, keys, values = n, alignedBytes(n*keySize), alignedBytes(n*valueSize)
			}
			return unsafe.Pointer(unsafe.SliceData(keys)), unsafe.Pointer(unsafe.SliceData(values))
		}
		it.w.run(room, grow, func(n int) bool {
			for i := range n {
				if !yield(keys[i*keySize:(i+1)*keySize:(i+1)*keySize],
					values[i*valueSize:(i+1)*valueSize:(i+1)*valueSize]) {
					return false
				}
			}
			return true
		})
	}
}

// Err returns why the walk ended before the map's end, nil if it was complete.
func (it *Iterator) Err() error {
	if it == nil {
		return missing("walk through map", "map")
	}
	return it.w.err
}

// alignedBytes makes a slice whose start is aligned for any value.
func alignedBytes(n int) []byte {
	words := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), n)
}

// ErrWalkInterrupted ends a walk through a hash that had to start over more often than the map has
// entries, because the map changes too fast.
var ErrWalkInterrupted = errors.New("the map changed too often during the walk")

// walk is one pass over a map.
type walk struct {
	m   *Map
	err error
}

// absent fails the walk if there is no map.
func (w *walk) absent() bool {
	if w.err = w.m.absence(); w.err != nil {
		w.err = w.m.fail("walk through map", w.err)
	}
	return w.err != nil
}

// Limits for the memory of a walk.
const (
	walkBytes    = 64 << 10 // bytes of the first batch
	walkElements = 4096     // and its maximum number of elements
)

// room returns how many elements of size bytes the first batch takes.
func (w *walk) room(size int) int {
	if w.m.typ == uapi.MapLPMTrie {
		return 1
	}
	return max(1, min(walkBytes/max(size, 1), walkElements, int(min(w.m.maxEntries, walkElements))))
}

// run calls each with the number of elements in the memory that grow returned last. It stops when
// each returns false.
func (w *walk) run(room int, grow func(int) (keys, values unsafe.Pointer), each func(int) bool) {
	w.err = nil
	m := w.m
	if m.keySize == 0 {
		w.err = m.fail("walk through map",
			fmt.Errorf("maps of type %v have no keys: %w", m.typ, ErrNotSupported))
		return
	}
	if m.typ == uapi.MapLPMTrie {
		keys, values := grow(1)
		w.oneByOne(keys, values, each)
		return
	}
	c := m.NewBatchCursor()
	for {
		keys, values := grow(room)
		n, err := c.step(keys, values, uint32(room), 0, false)
		if err == nil || c.done {
			if n > 0 && !each(n) || c.done {
				return
			}
			continue
		}
		var errno syscall.Errno
		errors.As(err, &errno)
		switch {
		case errno == syscall.ENOSPC && uint64(room) < 2*uint64(m.maxEntries):
			room *= 2
		case !c.started && (errno == syscall.EINVAL || errno == sys.ENOTSUPP ||
			errno == syscall.EOPNOTSUPP):
			w.oneByOne(keys, values, each)
			return
		default:
			w.err = err
			return
		}
	}
}

// oneByOne walks by next key and lookup.
func (w *walk) oneByOne(key, value unsafe.Pointer, each func(int) bool) {
	m := w.m
	next := alignedBytes(int(m.keySize))
	e := m.elem(uapi.CmdMapGetNextKey, nil, unsafe.Pointer(unsafe.SliceData(next)), 0)
	current := unsafe.Slice((*byte)(key), m.keySize)
	for steps := uint64(0); e == 0; steps++ {
		if steps > uint64(m.maxEntries) {
			w.err = m.fail("walk through map", ErrWalkInterrupted)
			return
		}
		copy(current, next)
		missing := m.elem(uapi.CmdMapLookupElem, key, value, 0)
		if missing != 0 && missing != syscall.ENOENT {
			w.err = m.elemError(opLookup, missing)
			return
		}
		e = m.elem(uapi.CmdMapGetNextKey, key, unsafe.Pointer(unsafe.SliceData(next)), 0)
		if missing == 0 && !each(1) {
			return
		}
	}
	if e != syscall.ENOENT {
		w.err = m.elemError(opStep, e)
	}
}
