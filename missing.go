package bpf

import (
	"fmt"

	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/uapi"
)

// # What isn't there
//
// Object.Program, Map and Variable return a value for every name. One for a name that the object
// doesn't have fails with an error that says so, whatever is asked of it, so that a chain such as
// obj.Program("typo").AttachXDP(...) needs no check in between; Err tells beforehand. Nil
// pointers and zero values fail in the same way, without a name.

// absentName is the error about a name that an object doesn't have, or about a nil pointer. It is
// ErrNotExist.
type absentName struct {
	object *Object
	kind   string // "program", "map", "variable"
	name   string // "" for a nil pointer
}

// Error names what is missing and what is near.
func (e *absentName) Error() string {
	if e.name == "" {
		return "there is no " + e.kind
	}
	if e.object == nil {
		return fmt.Sprintf("there is no object to have a %s %s", e.kind, e.name)
	}
	near := nearest.To(e.name)
	e.object.eachName(e.kind, func(name string) { near.Offer([]byte(name)) })
	text := fmt.Sprintf("the object has no %s %s", e.kind, e.name)
	if hint := near.Hint(); hint != "" {
		return text + "; " + hint
	}
	return text
}

// Is says that the error is ErrNotExist.
func (e *absentName) Is(target error) bool { return target == ErrNotExist }

// eachName calls offer for the names that Program, Map or Variable finds.
func (o *Object) eachName(kind string, offer func(string)) {
	switch kind {
	case "program":
		for _, p := range o.programs {
			offer(p.name)
		}
	case "map":
		for _, m := range o.maps {
			offer(m.name)
			if inSection(m.kind) {
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

// errNothing is what a nil pointer or a zero value fails with.
func errNothing(kind string) *absentName { return &absentName{kind: kind} }

// isNone reports whether p is nil or the zero value, which no object has and nobody opened.
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

// orNone is p, or a program that isn't there.
func (p *Program) orNone() *Program {
	if p.isNone() {
		return &Program{absent: errNothing("program")}
	}
	return p
}

// orNone is m, or a map that isn't there.
func (m *Map) orNone() *Map {
	if m.isNone() {
		return &Map{absent: errNothing("map")}
	}
	return m
}

// orNone is v, or a variable that isn't there.
func (v *Variable) orNone() *Variable {
	if v == nil {
		return &Variable{m: &Map{absent: errNothing("variable")}}
	}
	return v
}

// orNone is l, or a link that isn't there.
func (l *Link) orNone() *Link {
	if l.isNone() {
		return new(Link)
	}
	return l
}

// orNone is o, or an object that isn't there.
func (o *Object) orNone() *Object {
	if o.isNone() {
		return new(Object)
	}
	return o
}
