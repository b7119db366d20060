package btf

import (
	"strings"
	"sync"
)

// Looking up names
//
// Kernel BTF has 127 thousand types and is not sorted by name, so a lookup must visit all of them.
// Three measures make that cheap:
//
//   - A caller that needs several names announces them first (Prefetch): one pass finds them all
//     (filter.go).
//   - Results are kept for the life of the Spec, including misses.
//   - After a few passes an index is built, a hash table with chains in two arrays of ids. It uses
//     chains rather than probing, so that BTF in which all types have one name does not take
//     quadratic time.
//
// Both find types by essential name (without flavour), which is what CO-RE needs; lookups of exact
// names filter the result.
//
// Functions are kept separately. Four of five names in kernel BTF are functions, and a lookup of a
// struct needs none of them.

const (
	maxPasses = 4    // for several names at once; then the index is built
	maxSingle = 2    // for one name
	maxWanted = 4096 // for more names at once the index is built
)

// names holds what a Spec knows about the names of its own functions, or of all its other types.
type names struct {
	mu     sync.RWMutex
	known  map[string][]ID // by essential name, ascending
	passes int             // over all types so far
	single int             // passes for a single name
	index  *nameIndex
}

// Prefetch finds all types with the given names, except functions, in one pass, so that later Named
// and FindByName of these names need none. It looks only at the spec's own types; names that are
// known already cost nothing. Flavours are stripped.
func (s *Spec) Prefetch(list ...string) { s.named.prefetch(s, list, false) }

// PrefetchFuncs is Prefetch for functions.
func (s *Spec) PrefetchFuncs(list ...string) { s.funcs.prefetch(s, list, true) }

func (n *names) prefetch(s *Spec, list []string, funcs bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.index != nil {
		return
	}
	var want []string
	for _, name := range list {
		name = EssentialName(name)
		if _, ok := n.known[name]; !ok && name != "" {
			if n.known == nil {
				n.known = make(map[string][]ID, len(list))
			}
			name = strings.Clone(name)
			n.known[name] = nil
			want = append(want, name)
		}
	}
	switch {
	case len(want) == 0:
	case n.passes >= maxPasses || len(want) > maxWanted:
		n.build(s, funcs)
	default:
		n.passes++
		found := s.scan(want, funcs)
		for i, ids := range found {
			n.known[want[i]] = ids
		}
	}
}

// build makes the index. Known results are kept.
func (n *names) build(s *Spec, funcs bool) {
	n.index = newNameIndex(s, funcs)
	for name, ids := range n.known {
		if ids == nil {
			delete(n.known, name) // the index finds it; cached misses would accumulate
		}
	}
}

// Named returns the spec's own types (not its base's) with the essential name name, ascending, of
// any kind except functions. The slice is shared and must not be changed. The first call for a name
// that was not prefetched may take a pass over all types.
func (s *Spec) Named(name string) []ID { return s.named.list(s, name, false) }

// Funcs returns the spec's own functions with the essential name name, as Named does for other
// types.
func (s *Spec) Funcs(name string) []ID { return s.funcs.list(s, name, true) }

func (n *names) list(s *Spec, name string, funcs bool) []ID {
	if name == "" {
		return nil
	}
	n.mu.RLock()
	ids, ok := n.known[name]
	index := n.index
	n.mu.RUnlock()
	if ok {
		return ids
	}
	if index == nil {
		n.prefetchEssential(s, name, funcs)
		n.mu.RLock()
		ids, ok = n.known[name]
		index = n.index
		n.mu.RUnlock()
		if ok {
			return ids
		}
	}
	ids = index.lookup(s, name)
	if ids != nil {
		n.mu.Lock()
		n.known[strings.Clone(name)] = ids
		n.mu.Unlock()
	}
	return ids
}

// prefetchEssential makes name known, or builds the index.
func (n *names) prefetchEssential(s *Spec, name string, funcs bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.known[name]; ok || n.index != nil {
		return
	}
	if n.known == nil {
		n.known = make(map[string][]ID)
	}
	if n.single >= maxSingle || n.passes >= maxPasses {
		n.build(s, funcs)
		return
	}
	n.passes++
	n.single++
	n.known[strings.Clone(name)] = s.scanOne(name, funcs)
}

// FindByName returns the type of a kind with an exact name: the lowest id, in the base first
// (libbpf: btf__find_by_name_kind). For the name "void" and KindVoid it returns 0.
func (s *Spec) FindByName(name string, kind Kind) (ID, bool) {
	if kind == KindVoid || name == "void" {
		return 0, true
	}
	return s.find(name, kind)
}

// FindAny returns the type of any kind with an exact name: the lowest id, in the base first
// (libbpf: btf__find_by_name).
func (s *Spec) FindAny(name string) (ID, bool) {
	if name == "void" {
		return 0, true
	}
	return s.find(name, anyKind)
}

// anyKind stands for any kind; for FindOwn, for any except functions.
const anyKind Kind = 0xff

// FindOwn is FindByName among the spec's own types (libbpf: btf__find_by_name_kind_own).
func (s *Spec) FindOwn(name string, kind Kind) (ID, bool) {
	list := s.Named
	if kind == KindFunc {
		list = s.Funcs
	}
	for _, id := range list(EssentialName(name)) {
		t, _ := s.Type(id)
		if (kind == anyKind || t.Kind() == kind) && t.Name() == name {
			return id, true
		}
	}
	return 0, false
}

// find is FindByName that also accepts anyKind.
func (s *Spec) find(name string, kind Kind) (ID, bool) {
	if s.base != nil {
		if id, ok := s.base.find(name, kind); ok {
			return id, true
		}
	}
	id, ok := s.FindOwn(name, kind)
	if kind == anyKind {
		if f, isFunc := s.FindOwn(name, KindFunc); isFunc && (!ok || f < id) {
			return f, true
		}
	}
	return id, ok
}
