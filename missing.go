package bpf

import (
	"fmt"

	"github.com/purebpf/bpf/internal/load"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/uapi"
)

// # Missing names
//
// Object.Program, Map and Variable return a value for every name. For a name that the object
// doesn't have, every method of that value fails with an error that says so, so that a chain such
// as obj.Program("typo").AttachXDP(...) needs no check in between; Err returns the error
// beforehand. Nil pointers and zero values fail in the same way, without a name.

// absentName is the error for a name that an object doesn't have, or for a nil pointer. errors.Is
// finds ErrNotExist in it.
type absentName struct {
	kind string // "program", "map", "variable"
	name string // "" for a nil pointer
	// names calls offer for each name of the kind; nil if there is no object. An *Object here would
	// have the linker keep the methods of all types that are part of it.
	names func(offer func(name string))
}

// Error returns what is missing and similar names.
func (e *absentName) Error() string {
	if e.name == "" {
		return "there is no " + e.kind
	}
	if e.names == nil {
		return fmt.Sprintf("there is no object to have a %s %s", e.kind, e.name)
	}
	near := nearest.To(e.name)
	e.names(func(name string) { near.Offer([]byte(name)) })
	text := fmt.Sprintf("the object has no %s %s", e.kind, e.name)
	if hint := near.Hint(); hint != "" {
		return text + "; " + hint
	}
	return text
}

// Is reports whether target is ErrNotExist.
func (e *absentName) Is(target error) bool { return target == ErrNotExist }

// lacks returns the error for a name that o doesn't have.
func (o *Object) lacks(kind, name string) *absentName {
	e := &absentName{kind: kind, name: name}
	if o != nil {
		e.names = func(offer func(string)) { o.eachName(kind, offer) }
	}
	return e
}

// eachName calls offer for every name that Program, Map or Variable finds.
func (o *Object) eachName(kind string, offer func(string)) {
	switch kind {
	case "program":
		for _, p := range o.programs {
			offer(p.name)
		}
	case "map":
		for _, m := range o.maps {
			offer(m.name)
			if load.InSection(m.kind) {
				offer(m.section)
			}
		}
	case "variable":
		for _, m := range o.maps {
			for _, v := range m.vars {
				offer(v.Name)
			}
		}
	}
}

// errNothing returns the error of a nil pointer or a zero value.
func errNothing(kind string) *absentName { return &absentName{kind: kind} }

// isNone reports whether p is nil or the zero value: it neither belongs to an object nor was
// opened.
func (p *Program) isNone() bool {
	return p == nil || p.obj == nil && p.fd == nil && p.absent == nil
}

// isNone reports whether m is nil or the zero value.
func (m *Map) isNone() bool {
	return m == nil || m.fd == nil && m.typ == uapi.MapUnspec && m.absent == nil
}

// isNone reports whether l is nil or the zero value.
func (l *Link) isNone() bool { return l == nil || l.what == "" }

// isNone reports whether o is nil or the zero value.
func (o *Object) isNone() bool { return o == nil || o.running == nil }

// orNone returns p, or an absent program.
func (p *Program) orNone() *Program {
	if p.isNone() {
		return &Program{absent: errNothing("program")}
	}
	return p
}

// orNone returns m, or an absent map.
func (m *Map) orNone() *Map {
	if m.isNone() {
		return &Map{absent: errNothing("map")}
	}
	return m
}

// orNone returns v, or an absent variable.
func (v *Variable) orNone() *Variable {
	if v == nil {
		return &Variable{m: &Map{absent: errNothing("variable")}}
	}
	return v
}

// orNone returns l, or an absent link.
func (l *Link) orNone() *Link {
	if l.isNone() {
		return new(Link)
	}
	return l
}

// orNone returns o, or an absent object.
func (o *Object) orNone() *Object {
	if o.isNone() {
		return new(Object)
	}
	return o
}
