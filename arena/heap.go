package arena

import (
	"fmt"
	"math/bits"
	"reflect"
	"sync"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/arenapages"
	"github.com/purebpf/bpf/kernel"
)

// Heap allocates memory in an arena, in pages that programs don't allocate meanwhile. What it knows
// about them is memory of this process: another one can't free them. Several goroutines may use it.
type Heap struct {
	m        *bpf.Map
	page     int
	upper    uint64 // the upper half of all addresses
	mu       sync.Mutex
	pages    *arenapages.Pages
	blocks   map[uint64]*block                  // by the address of their first page
	withRoom [bits.UintSize]map[*block]struct{} // by size
}

// block is a page that is divided into places of one size, or pages with one value.
type block struct {
	address uint64
	size    int // of a place; more than half a page: there is one
	count   int // of pages
	used    []uint64
	free    int // places
}

// minSize is the least size of a place, and the alignment of all of them.
const minSize = 8

// NewHeap returns a heap in the arena m, which must be mapped and outlive it. It loads two programs
// and needs CAP_BPF and CAP_PERFMON; 6.9. The caller closes it.
func NewHeap(m *bpf.Map) (*Heap, error) {
	h := &Heap{m: m, page: kernel.Running().PageSize(), blocks: map[uint64]*block{}}
	err := Walk(m, func(w *Walker) error {
		start := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(w.memory))))
		h.upper = start &^ 0xffff_ffff
		return m.UseFD(func(fd int) (err error) {
			h.pages, err = arenapages.Load(fd)
			return err
		})
	})
	if err != nil {
		return nil, h.fail(err)
	}
	return h, nil
}

// err returns why h can't be used, nil if it can.
func (h *Heap) err() error {
	switch {
	case h == nil || h.pages == nil:
		return fmt.Errorf("no heap: NewHeap makes one: %w", syscall.EINVAL)
	case h.pages.Closed():
		return h.fail(bpf.ErrClosed)
	}
	return nil
}

// Close closes the programs. What was allocated stays until the map is gone.
func (h *Heap) Close() error {
	if h == nil || h.pages == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.pages.Close()
}

// New allocates a T, which is zero.
func New[T any](h *Heap) (Ptr[T], error) { return Make[T](h, 1) }

// Make allocates an array of n zeroes, at least one. ENOMEM if the arena has no room.
func Make[T any](h *Heap, n int) (Ptr[T], error) {
	if err := h.err(); err != nil {
		return 0, err
	}
	t := reflect.TypeFor[T]()
	var address uint64
	err := Walk(h.m, func(w *Walker) error {
		if err := w.check(t); err != nil {
			return err
		}
		if n < 1 || t.Size() > 0 && n > len(w.memory)/int(t.Size()) {
			return h.fail(fmt.Errorf("%d × %v: %w", n, t, syscall.ENOMEM))
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if err := h.err(); err != nil {
			return err
		}
		size := n * int(t.Size())
		var err error
		if address, err = h.take(size); err != nil {
			return h.fail(err)
		}
		place, err := Ptr[byte](address).Slice(w, size)
		clear(place)
		return err
	})
	return Ptr[T](address), err
}

// Free frees what [New] or [Make] returned; null is nothing to free. EINVAL if it is not in use.
func Free[T any](h *Heap, p Ptr[T]) error {
	if err := h.err(); err != nil || p.IsNull() {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.err(); err != nil {
		return err
	}
	if err := h.give(uint64(p)); err != nil {
		return h.fail(fmt.Errorf("free %v: %w", p, err))
	}
	return nil
}

// take returns the address of a place of at least size bytes.
func (h *Heap) take(size int) (uint64, error) {
	if size > h.page/2 {
		b := &block{size: size, count: (size + h.page - 1) / h.page, used: []uint64{1}}
		err := h.allocate(b)
		return b.address, err
	}
	class := bits.Len(uint(max(size, minSize) - 1))
	for b := range h.withRoom[class] {
		return h.place(class, b), nil
	}
	places := h.page >> class
	b := &block{size: 1 << class, count: 1, used: make([]uint64, (places+63)/64), free: places}
	if err := h.allocate(b); err != nil {
		return 0, err
	}
	if h.withRoom[class] == nil {
		h.withRoom[class] = map[*block]struct{}{}
	}
	h.withRoom[class][b] = struct{}{}
	return h.place(class, b), nil
}

// allocate gets the pages of b.
func (h *Heap) allocate(b *block) (err error) {
	if b.address, err = h.pages.Allocate(0, b.count); err != nil {
		return err
	}
	h.blocks[b.address] = b
	return nil
}

// place takes a place of b, which has one.
func (h *Heap) place(class int, b *block) uint64 {
	for word := range b.used {
		if bit := bits.TrailingZeros64(^b.used[word]); bit < 64 {
			b.used[word] |= 1 << bit
			if b.free--; b.free == 0 {
				delete(h.withRoom[class], b)
			}
			return b.address + uint64(word*64+bit)<<class
		}
	}
	panic("a block with room is full")
}

// give frees the place at an address.
func (h *Heap) give(address uint64) error {
	if address>>32 == 0 { // as programs store it with BPF_F_NO_USER_CONV
		address |= h.upper
	}
	b := h.blocks[address&^uint64(h.page-1)]
	if b == nil {
		return fmt.Errorf("it is not in use: %w", syscall.EINVAL)
	}
	at := int(address - b.address)
	n := at / b.size
	if at%b.size != 0 || b.used[n/64]>>(n%64)&1 == 0 {
		return fmt.Errorf("it is not in use: %w", syscall.EINVAL)
	}
	class := bits.Len(uint(b.size - 1))
	if b.size <= h.page/2 {
		b.used[n/64] &^= 1 << (n % 64)
		b.free++
		h.withRoom[class][b] = struct{}{}
		if b.free < h.page>>class || len(h.withRoom[class]) == 1 {
			return nil // in use, or kept for what comes next
		}
	}
	if err := h.pages.Free(b.address, b.count); err != nil {
		return err
	}
	delete(h.withRoom[class], b)
	delete(h.blocks, b.address)
	return nil
}

func (h *Heap) fail(err error) error { return fmt.Errorf("heap in arena %s: %w", h.m.Name(), err) }
