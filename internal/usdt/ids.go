package usdt

import (
	"fmt"
	"sync"
)

// IDs allocates the keys of an object's SpecsMap, for all of its programs. Ids that were given back
// are reused first. Its methods are safe for concurrent use.
type IDs struct {
	mu   sync.Mutex
	next uint32
	free []uint32
}

// Take returns n ids below limit, the map's size. It returns an error if fewer are free.
func (s *IDs) Take(n int, limit uint32) ([]uint32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if fresh := n - len(s.free); fresh > 0 && uint64(s.next)+uint64(fresh) > uint64(limit) {
		return nil, fmt.Errorf(
			"%d more kinds of arguments, and the object's map %s has room for %d, "+
				"%d in use", n, SpecsMap, limit, s.inUse())
	}
	ids := make([]uint32, n)
	for i := range ids {
		if last := len(s.free) - 1; last >= 0 {
			ids[i], s.free = s.free[last], s.free[:last]
			continue
		}
		ids[i] = s.next
		s.next++
	}
	return ids, nil
}

// Give takes ids back. The kernel must no longer run programs for them.
func (s *IDs) Give(ids []uint32) {
	s.mu.Lock()
	s.free = append(s.free, ids...)
	s.mu.Unlock()
}

// InUse returns the number of ids that were taken and not given back.
func (s *IDs) InUse() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inUse()
}

func (s *IDs) inUse() int { return int(s.next) - len(s.free) }
