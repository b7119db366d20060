package cdump

import (
	"strconv"
	"strings"

	"github.com/purebpf/bpf/btf"
)

// name writes the name of a type, with its number if others before had that name.
func (d *Dumper) name(t btf.Type, counts map[string]uint32) { d.str(d.nameOf(t, counts)) }

// identOf returns the name of a typedef.
func (d *Dumper) identOf(t btf.Type) string { return d.nameOf(t, d.idents) }

// nameOf returns the name of a type. Forward declarations and enums without enumerators announce
// a type of the same name and don't take a number.
func (d *Dumper) nameOf(t btf.Type, counts map[string]uint32) string {
	name := identifier(t.Name())
	if name == "" || t.Kind() == btf.KindFwd || t.Kind().IsEnum() && t.Vlen() == 0 {
		return name
	}
	s := &d.states[t.ID()]
	if !s.named {
		s.named = true
		if n := count(counts, name); n > 1 {
			d.numbers[t.ID()] = n
		}
	}
	return numbered(name, d.numbers[t.ID()])
}

// ident writes the name of an enumerator.
func (d *Dumper) ident(name string) {
	name = identifier(name)
	d.str(numbered(name, count(d.idents, name)))
}

func count(counts map[string]uint32, name string) uint32 {
	n := counts[name] + 1
	counts[name] = n
	return n
}

func numbered(name string, n uint32) string {
	if n < 2 {
		return name
	}
	return name + "___" + strconv.FormatUint(uint64(n), 10)
}

// identifier returns name as C allows it for an identifier.
func identifier(name string) string {
	for i := range len(name) {
		if !isIdentByte(name[i], i) {
			return cleaned(name)
		}
	}
	if isKeyword(name) {
		return name + "_"
	}
	return name
}

// cleaned replaces what isn't allowed in an identifier.
func cleaned(name string) string {
	b := []byte(name)
	for i, c := range b {
		if !isIdentByte(c, i) && !(i == 0 && c >= '0' && c <= '9') {
			b[i] = '_'
		}
	}
	if b[0] >= '0' && b[0] <= '9' {
		return "_" + string(b)
	}
	return string(b)
}

// isIdentByte reports whether an identifier may have c at index i. GCC allows a dollar sign and
// names clones of functions with a dot, which C doesn't allow.
func isIdentByte(c byte, i int) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == '$':
		return true
	case c >= '0' && c <= '9':
		return i > 0
	}
	return false
}

// intName returns the name of an integer or float, which may be several words: "unsigned int".
func intName(name string) string {
	for i := range len(name) {
		if !isIdentByte(name[i], i) && name[i] != ' ' {
			return cleaned(name)
		}
	}
	return name
}

// quoted writes a C string literal.
func (d *Dumper) quoted(s string) {
	d.out = append(d.out, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			d.out = append(d.out, '\\', c)
		case c < ' ' || c >= 0x7f || c == '?': // ? may start a trigraph
			d.out = append(d.out, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			d.out = append(d.out, c)
		}
	}
	d.out = append(d.out, '"')
}

// isAttribute reports whether s has the form of an attribute: a name, with or without a list of
// words in parentheses, as in "address_space(1)".
func isAttribute(s string) bool {
	name, args, found := strings.Cut(s, "(")
	if found {
		var ok bool
		if args, ok = strings.CutSuffix(args, ")"); !ok {
			return false
		}
		for i := range len(args) {
			if c := args[i]; !isIdentByte(c, 1) && c != ',' && c != ' ' {
				return false
			}
		}
	}
	for i := range len(name) {
		if !isIdentByte(name[i], i) {
			return false
		}
	}
	return name != ""
}

// isKeyword reports whether clang for BPF reserves the name, in C up to C23.
func isKeyword(name string) bool {
	switch name {
	case "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else",
		"enum", "extern", "float", "for", "goto", "if", "inline", "int", "long", "register",
		"restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch",
		"typedef", "union", "unsigned", "void", "volatile", "while", "asm", "typeof", "_Alignas",
		"_Alignof", "_Atomic", "_Bool", "_Complex", "_Generic", "_Imaginary", "_Noreturn",
		"_Static_assert", "_Thread_local":
		return true
	}
	return false
}
