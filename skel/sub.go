package skel

import (
	"fmt"
	"strings"

	"github.com/purebpf/bpf"
)

// Bound is a loaded object in which a subskeleton looks for its part. Generated code uses it.
type Bound struct {
	Loaded
	missing []string
}

// Bind returns a Bound for an object. It checks nothing yet: see Bound.Err.
func Bind(name string, o *bpf.Object) *Bound {
	return &Bound{Loaded: Loaded{Object: o, name: name}}
}

// Has reports whether the object has the map, and notes it as missing if not.
func (b *Bound) Has(name string) bool {
	if b.Object.Map(name).Err() != nil {
		b.missing = append(b.missing, "map "+name)
		return false
	}
	return true
}

// Program sets *to to a program of the object.
func (b *Bound) Program(name string, to **bpf.Program) {
	if *to = b.Object.Program(name); (*to).Err() != nil {
		b.missing = append(b.missing, "program "+name)
	}
}

// VarOf sets *to to the memory of a global variable of the object. It stays nil if the object's
// section isn't memory-mapped.
func VarOf[T any](b *Bound, name string, to **T) {
	v := b.Object.Variable(name)
	if v.Err() != nil {
		b.missing = append(b.missing, "variable "+name)
		return
	}
	if !v.Map().Created() || v.Map().Memory() == nil {
		return
	}
	var err error
	*to, err = bpf.VarOf[T](v)
	b.note(err)
}

// Err returns an error that names what is missing in the object or has other types there.
func (b *Bound) Err() error {
	if len(b.missing) > 0 {
		return fmt.Errorf("skeleton %s: object %s lacks %s: %w", b.name, b.Object.Name(),
			strings.Join(b.missing, ", "), bpf.ErrNotExist)
	}
	return b.err
}
