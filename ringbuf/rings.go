package ringbuf

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/sys"
)

// mapped is a ring in a map's memory.
type mapped struct {
	*ring
	control, content []byte
	m                *bpf.Map
}

// mapRing maps the memory of a map, which must be of the right type. The ring then owns the map.
func mapRing(m *bpf.Map) (*mapped, error) {
	page, size := os.Getpagesize(), uint64(m.MaxEntries())
	if size*2+uint64(page) > math.MaxInt {
		return nil, fmt.Errorf("%d bytes don't fit this machine's memory: %w", size, bpf.ErrTooBig)
	}
	control, err := sys.Mmap(m.FD(), 0, page, sys.ProtRead|sys.ProtWrite, sys.MapShared)
	if err != nil {
		return nil, err
	}
	r := &mapped{control: control}
	if r.content, err = sys.Mmap(m.FD(), int64(page), page+2*int(size), sys.ProtRead,
		sys.MapShared); err != nil {
		r.unmap()
		return nil, err
	}
	r.ring, err = newRing((*uintptr)(unsafe.Pointer(&r.control[0])),
		(*uintptr)(unsafe.Pointer(&r.content[0])), r.content[page:])
	if err != nil {
		r.unmap()
		return nil, err
	}
	r.name, r.m = m.Name(), m
	return r, nil
}

func (r *mapped) unmap() error {
	errs := []error{sys.Munmap(r.content), sys.Munmap(r.control)}
	if r.m != nil {
		errs = append(errs, r.m.Close())
	}
	return errors.Join(errs...)
}

// rings is the source of a Reader's stream. The goroutine that has claimed the stream may read the
// list; changing it, and reading it otherwise, needs the lock.
type rings struct {
	mu   sync.Mutex
	list []*mapped
}

func (s *rings) add(r *mapped) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.index = len(s.list)
	s.list = append(s.list, r)
}

// Ready reports whether any ring has a record to read.
func (s *rings) Ready() bool {
	for _, r := range s.list {
		if r.ready() {
			return true
		}
	}
	return false
}

// Drain consumes the available records, ring by ring.
func (s *rings) Drain(limit int, fn func(Record) error) (n int, err error) {
	for i := 0; i < len(s.list) && err == nil && n < limit; i++ {
		var k int
		k, err = s.list[i].consume(limit-n, fn)
		n += k
	}
	return n, err
}

// Release unmaps all rings.
func (s *rings) Release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, r := range s.list {
		errs = append(errs, r.unmap())
	}
	s.list = nil
	return errors.Join(errs...)
}

func (s *rings) mapOf(index int) *bpf.Map {
	s.mu.Lock()
	defer s.mu.Unlock()
	if index < 0 || index >= len(s.list) {
		return nil
	}
	return s.list[index].m
}

func (s *rings) position(index int) Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	if index < 0 || index >= len(s.list) {
		return Position{}
	}
	r := s.list[index]
	return Position{
		Consumer: uint64(atomic.LoadUintptr(r.consumer)),
		Producer: uint64(atomic.LoadUintptr(r.producer)), Size: uint64(r.mask + 1),
	}
}
