package core

import (
	"errors"
	"strings"
	"sync"

	"github.com/purebpf/bpf/btf"
)

// ErrNoBTF reports that a relocation needs the target's BTF and there is none.
var ErrNoBTF = errors.New("no BTF of the target kernel")

// Target is the kernel against which relocations are resolved: its BTF, and the candidates found in
// it so far. One Target serves a whole process; it is safe for concurrent use. It keeps a short
// list for each name that was looked up.
type Target struct {
	vmlinux *btf.Spec
	modules func() ([]*btf.Spec, error)

	mu     sync.RWMutex
	cands  map[candidateKey][]candidate
	modmu  sync.Mutex
	mods   []*btf.Spec
	modsOK bool
}

// candidate is a target type with the right kind and essential name.
type candidate struct {
	spec *btf.Spec
	id   btf.ID
}

type candidateKey struct {
	name string   // essential
	kind btf.Kind // KindEnum stands for both enums
}

// NewTarget returns a Target for a kernel's BTF and a function that lists the BTF of its modules,
// which is called only when a name is not in vmlinux, and not again once it succeeded. If modules
// is nil no module is searched: libbpf does the same for BTF that the user chose (btf_custom_path).
// With a nil vmlinux, only relocations that need no target can be resolved.
func NewTarget(vmlinux *btf.Spec, modules func() ([]*btf.Spec, error)) *Target {
	return &Target{vmlinux: vmlinux, modules: modules, cands: make(map[candidateKey][]candidate)}
}

// BTF returns the target's vmlinux (or custom) BTF, nil if it has none.
func (t *Target) BTF() *btf.Spec { return t.vmlinux }

// Prefetch looks up the candidates' names of all relos in one pass over the target's BTF. It is an
// optimisation: without it each new name costs its own pass.
func (t *Target) Prefetch(local *btf.Spec, relos []Relo) {
	if t.vmlinux == nil || local == nil {
		return
	}
	var names []string
	var last btf.ID
	for _, r := range relos {
		if r.Type == last || r.Kind == TypeIDLocal {
			continue
		}
		last = r.Type
		lt, ok := local.Type(r.Type)
		if !ok || lt.Name() == "" {
			continue
		}
		names = append(names, btf.EssentialName(lt.Name()))
	}
	for s := t.vmlinux; s != nil && len(names) > 0; s = s.Base() {
		s.Prefetch(names...)
	}
}

// candidates returns the target types for a local type of this kind and essential name. The caller
// must not change the list.
func (t *Target) candidates(name string, kind btf.Kind) ([]candidate, error) {
	if t.vmlinux == nil {
		return nil, ErrNoBTF
	}
	if kind == btf.KindEnum64 {
		kind = btf.KindEnum
	}
	key := candidateKey{name, kind}
	t.mu.RLock()
	found, ok := t.cands[key]
	t.mu.RUnlock()
	if ok {
		return found, nil
	}
	found = appendCandidates(nil, t.vmlinux, true, key)
	if len(found) == 0 && t.modules != nil {
		mods, err := t.moduleBTF()
		if err != nil {
			return nil, err
		}
		for _, m := range mods {
			found = appendCandidates(found, m, false, key)
		}
	}
	// The name is part of the object's BTF, which the target must not keep alive.
	key.name = strings.Clone(name)
	t.mu.Lock()
	t.cands[key] = found
	t.mu.Unlock()
	return found, nil
}

func appendCandidates(to []candidate, s *btf.Spec, base bool, key candidateKey) []candidate {
	if b := s.Base(); base && b != nil {
		to = appendCandidates(to, b, true, key)
	}
	list := s.Named
	if key.kind == btf.KindFunc {
		list = s.Funcs
	}
	for _, id := range list(key.name) {
		if tt, ok := s.Type(id); ok && sameKind(tt.Kind(), key.kind) {
			to = append(to, candidate{s, id})
		}
	}
	return to
}

func (t *Target) moduleBTF() ([]*btf.Spec, error) {
	t.modmu.Lock()
	defer t.modmu.Unlock()
	if !t.modsOK {
		mods, err := t.modules()
		if err != nil {
			return nil, err
		}
		t.mods, t.modsOK = mods, true
	}
	return t.mods, nil
}
