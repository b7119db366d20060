package maprules

import (
	"slices"

	"github.com/purebpf/bpf/btf"
)

// specials are structs with a meaning to the kernel, allowed in values of arrays and hashes and
// refused in those of local storages. Other maps that may not have them are created without BTF,
// and have an ordinary struct there.
var specials = [...]string{"bpf_timer", "bpf_wq", "bpf_task_work", "bpf_list_head", "bpf_rb_root"}

// Special returns the first struct in a value that has a meaning to the kernel and that no local
// storage accepts; "" if there is none.
func Special(s *btf.Spec, value btf.ID) string {
	t := s.Skip(value)
	if !t.Kind().IsComposite() {
		return ""
	}
	for i := range t.Vlen() {
		member := s.Skip(t.Member(i).Type)
		if member.Kind() == btf.KindStruct && slices.Contains(specials[:], member.Name()) {
			return member.Name()
		}
	}
	return ""
}

// special refuses a special struct if the kernel knows that it is special.
func (f *finding) special() {
	switch {
	case f.k.Sizeof == nil:
		f.unsure("the value has a %s: %s takes none where the kernel knows it", f.Special,
			f.rule.name)
	case f.k.Sizeof(f.Special) != 0:
		f.broken("the value has a %s: %s takes none", f.Special, f.rule.name)
	}
}
