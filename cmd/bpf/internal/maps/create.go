package maps

import (
	"errors"
	"fmt"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

func create(r *tool.Run) error {
	path, err := r.Next("path to pin the map at")
	if err != nil {
		return err
	}
	spec := &object.Map{}
	opts := &bpf.MapOptions{}
	given := map[string]bool{}
	once := func(word string) bool {
		if !r.Take(word) {
			return false
		}
		if given[word] {
			err = fmt.Errorf("%s is given twice", word)
		}
		given[word] = true
		return err == nil
	}
	for r.More() && err == nil {
		switch {
		case once("type"):
			spec.Type, err = mapType(r)
		case once("name"):
			spec.Name, err = r.Next("name of the map")
		case once("key"):
			spec.KeySize, err = r.Number("size of a key")
		case once("value"):
			spec.ValueSize, err = r.Number("size of a value")
		case once("entries"):
			spec.MaxEntries, err = r.Number("number of entries")
		case once("flags"):
			var n uint32
			n, err = r.Number("flags")
			spec.Flags = uapi.MapFlags(n)
		case once("inner_map"):
			opts.Inner, err = r.OpenMap(0) // a template
			if err == nil {
				defer opts.Inner.Close()
			}
		case once("offload_dev"), once("dev"):
			spec.IfIndex, err = device(r)
		case err == nil:
			err = r.Unexpected()
		}
	}
	if err == nil {
		err = complete(spec, given)
	}
	if err != nil {
		return err
	}
	if !r.NoMount {
		if err := kernel.EnsureBPFFS(path); err != nil {
			return err
		}
	}
	m, err := bpf.CreateMap(spec, opts)
	if err != nil {
		return err
	}
	return errors.Join(m.Pin(path), m.Close())
}

// complete checks that a map is described.
func complete(spec *object.Map, given map[string]bool) error {
	for _, word := range [...]string{"type", "name"} {
		if !given[word] {
			return fmt.Errorf("%s is missing", word)
		}
	}
	if strings.IndexByte(spec.Name, 0) >= 0 {
		return errors.New("the name has a NUL")
	}
	return nil
}

// mapType takes the name of a map type.
func mapType(r *tool.Run) (uapi.MapType, error) {
	word, err := r.Next("type of the map")
	if err != nil {
		return 0, err
	}
	near := nearest.To(word)
	for t := uapi.MapHash; t <= uapi.MapRHash; t++ {
		if t.String() == word {
			return t, nil
		}
		near.Offer([]byte(t.String()))
	}
	return 0, near.AddTo(fmt.Errorf("there is no map type %q", word))
}

// device takes the name of an interface.
func device(r *tool.Run) (uint32, error) {
	name, err := r.Next("name of an interface")
	if err != nil {
		return 0, err
	}
	index, err := rtnl.Interface(name)
	return uint32(index), err
}
