package facts

import (
	"strings"

	"github.com/purebpf/bpf/btf"
)

// EachTypeName calls each for the types of that kind in s itself, not in its base, whose names
// start with prefix. It passes the rest of the name, which each must not keep.
func EachTypeName(s *btf.Spec, prefix string, kind btf.Kind, each func(name []byte)) {
	for t := range s.Types() {
		if t.Kind() != kind {
			continue
		}
		if name, ok := strings.CutPrefix(t.Name(), prefix); ok {
			each([]byte(name))
		}
	}
}
