package probe

import (
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/glob"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/kernel"
)

// SplitModule splits "module:pattern". The module is "" for the kernel itself.
func SplitModule(pattern string) (module, rest string) {
	module, rest, ok := strings.Cut(pattern, ":")
	if !ok {
		return "", pattern
	}
	if module == "vmlinux" {
		module = ""
	}
	return module, rest
}

// MatchTraceable returns the ids of the functions that match a pattern and can be traced,
// ascending. loaded is the module that the program was loaded for.
func MatchTraceable(k *kernel.Facts, loaded, pattern string) ([]btf.ID, error) {
	module, pattern := SplitModule(pattern)
	if module != loaded {
		if loaded == "" {
			loaded = "the kernel itself"
		}
		return nil, fmt.Errorf("the program was loaded for functions of %s: %w",
			loaded, syscall.EINVAL)
	}
	spec, err := k.BTF()
	if err != nil {
		return nil, err
	}
	if module != "" {
		if spec, err = btfOfModule(k, module); err != nil {
			return nil, err
		}
	}
	var ids []btf.ID
	unfit := 0
	for id := spec.FirstID(); id < spec.Len(); id++ {
		t, _ := spec.Type(id)
		if t.Kind() != btf.KindFunc || !glob.Match(pattern, []byte(t.Name())) {
			continue
		}
		if facts.Traceable(spec, t) {
			ids = append(ids, id)
		} else {
			unfit++
		}
	}
	switch {
	case len(ids) > 0:
		return ids, nil
	case unfit > 0:
		return nil, fmt.Errorf(
			"none of the %d matching functions can be traced, because of arguments or results: %w",
			unfit, syscall.EINVAL)
	}
	err = fmt.Errorf("no function matches: %w", fs.ErrNotExist)
	if near := nearest.To(pattern); !glob.HasWildcard(pattern) {
		facts.EachTypeName(spec, "", btf.KindFunc, near.Offer)
		err = near.AddTo(err)
	}
	return nil, err
}

func btfOfModule(k *kernel.Facts, name string) (*btf.Spec, error) {
	list, err := k.Modules()
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if m.Name == name {
			return m.BTF, nil
		}
	}
	return nil, fmt.Errorf("no module %s with BTF is loaded: %w", name, fs.ErrNotExist)
}
