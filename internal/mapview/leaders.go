package mapview

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
)

// Leaders finds the keys of a map whose number grows most, in passes over all elements, without
// keeping the elements. What leads is measured exactly. To find others, a table has the numbers of
// the pass before, by a hash of the key; where two keys collide, the later one of a pass stays, and
// every other pass hashes anew. In the first pass the largest numbers lead.
type Leaders struct {
	size    int
	pass    uint64
	prints  []uint16 // of the keys in numbers
	numbers []uint32 // their low bits
	tracked map[string]*uint64
	current leaderHeap
}

type leader struct {
	key   string
	grown uint64
	n     uint64
}

func (a leader) compare(b leader) int {
	return cmp.Or(cmp.Compare(a.grown, b.grown), cmp.Compare(a.n, b.n), cmp.Compare(a.key, b.key))
}

// NewLeaders returns an empty list of size keys of a map with at most entries elements.
func NewLeaders(size int, entries uint32) *Leaders {
	slots := 1
	for slots < int(entries) && slots < 1<<19 {
		slots *= 2
	}
	return &Leaders{size: size, prints: make([]uint16, slots), numbers: make([]uint32, slots)}
}

// Add takes the number of a key.
func (l *Leaders) Add(key []byte, n uint64) {
	var grown uint64
	if before, ok := l.tracked[string(key)]; ok {
		grown = n - *before
		*before = n
	} else {
		hash := l.hash(key)
		at, print := hash&uint64(len(l.prints)-1), uint16(hash>>48)|1
		if l.prints[at] == print && l.pass%2 == 1 {
			grown = uint64(uint32(n) - l.numbers[at])
		}
		l.prints[at], l.numbers[at] = print, uint32(n)
	}
	if int64(grown) < 0 {
		grown = 0
	}
	if len(l.current) < l.size {
		heap.Push(&l.current, leader{string(key), grown, n})
		return
	}
	least := l.current[0]
	if cmp.Or(cmp.Compare(grown, least.grown), cmp.Compare(n, least.n)) > 0 {
		l.current[0] = leader{string(key), grown, n}
		heap.Fix(&l.current, 0)
	}
}

// hash is FNV-1a, which starts differently after each two passes.
func (l *Leaders) hash(key []byte) uint64 {
	h := 14695981039346656037 + l.pass/2*0x9e3779b97f4a7c15
	for _, b := range key {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h ^ h>>29
}

// End ends a pass.
func (l *Leaders) End() {
	l.tracked = make(map[string]*uint64, len(l.current))
	for _, x := range l.current {
		l.tracked[x.key] = &x.n
	}
	l.current = l.current[:0]
	if l.pass++; l.pass%2 == 0 {
		clear(l.prints)
	}
}

// Keys returns the keys that lead: those of the last pass and, so far, of this one.
func (l *Leaders) Keys() []string {
	list := make([]string, 0, len(l.tracked)+len(l.current))
	for key := range l.tracked {
		list = append(list, key)
	}
	for _, x := range l.current {
		list = append(list, x.key)
	}
	slices.SortFunc(list, strings.Compare)
	return slices.Compact(list)
}

// leaderHeap has the least leader first.
type leaderHeap []leader

func (h leaderHeap) Len() int           { return len(h) }
func (h leaderHeap) Less(i, j int) bool { return h[i].compare(h[j]) < 0 }
func (h leaderHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *leaderHeap) Push(x any)        { *h = append(*h, x.(leader)) }
func (h *leaderHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
