package skel

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/typesum"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// Type is a type that a skeleton was generated from, and the checksum of its layout: "struct
// event", "map events", "section .data".
type Type struct {
	Name string
	Sum  uint64
}

// Opened is an object that has been read but not loaded yet. Generated code has one in its spec
// type.
type Opened struct {
	Object   *object.Object
	name     string
	err      error
	sections []*section
	ops      []func() error
	loaded   bool
	closed   bool
}

// Open reads the object of a skeleton, and checks that it has the types that the skeleton was
// generated from. Generated code calls it.
//
// The value type of a ring buffer, __type(value, struct event), says of what type its records are.
// The kernel refuses ring buffers with a value size, and libbpf loads no object that has one; Open
// removes it.
func Open(name string, raw []byte, types []Type) (*Opened, error) {
	o, err := (&object.Options{Name: name}).Parse(raw, name)
	if err != nil {
		return nil, err
	}
	if err := checkTypes(o, types); err != nil {
		return nil, fmt.Errorf("skeleton %s: %w", name, err)
	}
	for _, m := range o.Maps {
		if m.Type == uapi.MapRingBuf {
			m.ValueSize, m.ValueType = 0, 0
		}
	}
	return &Opened{Object: o, name: name}, nil
}

// checkTypes compares the types of an object with those that a skeleton was generated from.
func checkTypes(o *object.Object, types []Type) error {
	if o.BTF != nil {
		names := make([]string, 0, len(types))
		for _, t := range types {
			if kind, name, _ := strings.Cut(t.Name, " "); kindOf(kind) != btf.KindVoid {
				names = append(names, name)
			}
		}
		o.BTF.Prefetch(names...)
	}
	const most = 4
	var differ []string
	for _, t := range types {
		if same, found := hasType(o, t); !found {
			differ = append(differ, "no "+t.Name)
		} else if !same {
			differ = append(differ, "another "+t.Name)
		}
	}
	if len(differ) == 0 {
		return nil
	}
	if n := len(differ) - most; n > 0 {
		differ = append(differ[:most], fmt.Sprintf("and %d more differences", n))
	}
	return fmt.Errorf("%w: the object has %s: generate the skeleton again", ErrStale,
		strings.Join(differ, ", "))
}

// ErrStale reports that an object was compiled again and has other types than its skeleton.
var ErrStale = errors.New("the skeleton is older than its object")

// kindOf returns the kind that the name of a type begins with, KindVoid if it is none.
func kindOf(word string) btf.Kind {
	switch word {
	case "struct":
		return btf.KindStruct
	case "union":
		return btf.KindUnion
	case "enum":
		return btf.KindEnum
	case "enum64":
		return btf.KindEnum64
	case "typedef":
		return btf.KindTypedef
	}
	return btf.KindVoid
}

func hasType(o *object.Object, t Type) (same, found bool) {
	kind, name, _ := strings.Cut(t.Name, " ")
	switch kind {
	case "map":
		m := o.Map(name)
		return m != nil && typesum.Map(o.BTF, m) == t.Sum, m != nil
	case "section":
		m := o.Arena
		if name != object.ArenaSection {
			m = o.Map(name)
		}
		return m != nil && typesum.Variables(o.BTF, m.Vars) == t.Sum, m != nil
	}
	if o.BTF == nil {
		return false, false
	}
	for _, id := range o.BTF.Named(btf.EssentialName(name)) {
		c, _ := o.BTF.Type(id)
		if c.Kind() != kindOf(kind) || c.Name() != name {
			continue
		}
		found = true
		if typesum.Type(o.BTF, id) == t.Sum {
			return true, true
		}
	}
	return false, found
}

// Map sets *to to a map of the object.
func (o *Opened) Map(name string, to **object.Map) {
	var err error
	*to, err = o.Object.FindMap(name)
	o.note(err)
}

// Program sets *to to a program of the object.
func (o *Opened) Program(name string, to **object.Program) {
	var err error
	*to, err = o.Object.FindProgram(name)
	o.note(err)
}

func (o *Opened) note(err error) {
	if o.err == nil && err != nil {
		o.err = fmt.Errorf("skeleton %s: %w", o.name, err)
	}
}

// Err returns the first error of setting up the spec, and closes it if there was an error.
func (o *Opened) Err() error {
	if o.err != nil {
		o.Close()
	}
	return o.err
}

// Close frees the memory of the variables, unless the loaded object uses it.
func (o *Opened) Close() error {
	if o.closed || o.loaded {
		return nil
	}
	o.closed = true
	var errs []error
	for _, s := range o.sections {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// Load loads the object, once. Afterwards Object has the values of variables as compiled again;
// changing them doesn't change the loaded ones.
func (o *Opened) Load(opts *bpf.LoadOptions) (*Loaded, error) {
	switch {
	case o.closed:
		return nil, fmt.Errorf("skeleton %s: load: the spec is closed: %w", o.name, bpf.ErrClosed)
	case o.loaded:
		return nil, fmt.Errorf("skeleton %s: load: the spec was loaded before, open another: %w",
			o.name, syscall.EINVAL)
	}
	for _, s := range o.sections {
		s.complete()
	}
	for _, set := range o.ops {
		if err := set(); err != nil {
			return nil, fmt.Errorf("skeleton %s: load: %w", o.name, err)
		}
	}
	obj, err := bpf.Load(o.Object, opts)
	if err != nil {
		return nil, err
	}
	o.loaded = true
	for _, s := range o.sections {
		s.release()
	}
	logger := slog.New(slog.DiscardHandler)
	if opts != nil && opts.Logger != nil {
		logger = opts.Logger
	}
	return &Loaded{Object: obj, name: o.name, sections: o.sections, logger: logger}, nil
}
