package records

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/asm"
)

// FieldKind is how a program writes a field of a record whose type is not known.
type FieldKind uint8

// The kinds of fields.
const (
	Number FieldKind = iota + 1 // one store of 1, 2, 4 or 8 bytes
	Bytes                       // something copied by a helper, or by several stores
	Text                        // a string, ended by a zero byte
)

// Field is a piece of a record that a program writes. Its type is not known.
type Field struct {
	Off, Size uint32
	Kind      FieldKind
	// Name is the member that the line of source names in which the field is written, "" if there
	// is none.
	Name string
}

// String returns "+OFFSET:SIZE NAME".
func (f Field) String() string {
	text := "+" + strconv.Itoa(int(f.Off)) + ":" + strconv.Itoa(int(f.Size))
	if f.Name == "" {
		return text
	}
	return text + " " + f.Name
}

// fields returns what a program writes into a record: ascending, without overlaps.
func (m *machine) fields(e *emit) []Field {
	if e.at.kind != pointer || e.at.flags&fixed == 0 {
		return nil
	}
	_, hi := e.size.bounds()
	var list []Field
	for _, i := range e.cells {
		c := &m.cells[i]
		off := int64(c.off) - int64(e.at.off)
		if c.varies || off < 0 || uint64(off) >= hi {
			continue
		}
		f := Field{Off: uint32(off), Name: m.member(c.at)}
		switch {
		case c.kind == cellStore:
			f.Size, f.Kind = uint32(c.width), Number
			if c.val.isConst() && (c.val.lo == 0 || c.width == 8 || f.Name == "") ||
				c.val.kind == dynptr {
				continue // zeros are written to many members at once, small constants too
			}
		case c.kind == cellBytes && c.size > 0:
			f.Size, f.Kind = uint32(c.size), Bytes
			if _, ok := asm.MemSizeOf(int(c.size)); ok {
				f.Kind = Number
			}
		case c.kind == cellString && c.size > 0:
			f.Size, f.Kind = uint32(c.size), Text
		default:
			continue
		}
		if uint64(f.Off)+uint64(f.Size) > hi {
			continue
		}
		list = append(list, f)
	}
	return combine(list)
}

// combine makes one field of those that overlap, and of those that follow one another with the same
// name, as when several instructions copy a member.
func combine(list []Field) []Field {
	slices.SortStableFunc(list, func(a, b Field) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Off, b.Off),
			cmp.Compare(b.Size, a.Size))
	})
	list = slices.CompactFunc(list, func(a, b Field) bool { return a == b })
	joined := list[:0]
	for _, f := range list {
		if n := len(joined); n > 0 && f.Name != "" && joined[n-1].Name == f.Name &&
			joined[n-1].end() == f.Off && joined[n-1].Kind != Text && f.Kind != Text {
			joined[n-1].Size += f.Size
			joined[n-1].Kind = Bytes
			continue
		}
		joined = append(joined, f)
	}
	slices.SortStableFunc(joined, func(a, b Field) int {
		return cmp.Or(cmp.Compare(a.Off, b.Off), cmp.Compare(b.Size, a.Size))
	})
	out := joined[:0]
	for _, f := range joined {
		if len(out) == 0 || out[len(out)-1].end() <= f.Off {
			out = append(out, f)
			continue
		}
		last := &out[len(out)-1]
		switch {
		case last.Off != f.Off || last.Size != f.Size:
			*last = Field{Off: last.Off, Size: max(last.end(), f.end()) - last.Off, Kind: Bytes}
		case last.Name == "":
			last.Name = f.Name
		case f.Name != "" && f.Name != last.Name:
			last.Name = ""
		}
		if last.Kind != f.Kind {
			last.Kind = Bytes
		}
	}
	return out
}

func (f Field) end() uint32 { return f.Off + f.Size }

// unambiguous removes names that lie at more than one place in the records of a buffer: a compiler
// may attribute an instruction to the line of another.
func unambiguous(sources []Source) {
	at := map[string]Field{}
	bad := map[string]bool{}
	for i := range sources {
		for _, f := range sources[i].Fields {
			if f.Name == "" {
				continue
			}
			old, ok := at[f.Name]
			bad[f.Name] = bad[f.Name] || ok && (old.Off != f.Off || old.Size != f.Size)
			at[f.Name] = f
		}
	}
	for i := range sources {
		for j := range sources[i].Fields {
			if f := &sources[i].Fields[j]; bad[f.Name] {
				f.Name = ""
			}
		}
	}
}

// member returns the member that a line of source writes, if it names one: the x of "event.x = 1;"
// or of "bpf_get_current_comm(&event->x, sizeof(event->x));".
func (m *machine) member(at site) string {
	if at.fn < 0 {
		return ""
	}
	f := &m.funcs[at.fn]
	if f.line.Count == 0 {
		return ""
	}
	off := uint32(f.f.Offset) + uint32(at.insn)*asm.Size
	i := f.line.First(off + 1)
	if i == 0 || f.line.InsnOff(i-1) < uint32(f.f.Offset) {
		return ""
	}
	text, _ := m.o.BTF.Name(f.line.LineInfo(i - 1).LineOff)
	if in := f.f.Insns[at.insn]; in.IsCall() {
		for _, f := range fills {
			if f.helper == in.Imm && in.IsHelperCall() {
				if name := argument(text, int(f.dst)-1); name != "" {
					return name
				}
				break
			}
		}
		if _, right, _ := strings.Cut(text, "="); !reads(right) {
			return ""
		}
	} else if strings.Contains(text, "memcpy(") || strings.Contains(text, "memmove(") {
		return argument(text, 0)
	}
	return assigned(text)
}

// reads reports whether an expression is a macro that returns what a helper has read, as
// BPF_CORE_READ does.
func reads(expr string) bool {
	expr = strings.TrimSpace(expr)
	return strings.HasPrefix(expr, "BPF_") && strings.Contains(expr, "READ")
}

// assigned returns the member that a line assigns to.
func assigned(line string) string {
	left, right, ok := strings.Cut(line, "=")
	if !ok || strings.HasPrefix(right, "=") || left == "" {
		return ""
	}
	return lastMember(strings.TrimSpace(strings.TrimRight(left, "+-*/%&|^<>")))
}

// argument returns the member whose address a line passes as an argument of a call: of the first
// call that names one there.
func argument(line string, n int) string {
	for {
		_, args, ok := strings.Cut(line, "(")
		if !ok {
			return ""
		}
		line = args
		for range n {
			if _, args, ok = strings.Cut(args, ","); !ok {
				break
			}
		}
		args = strings.TrimLeft(args, " \t&*(")
		if end := strings.IndexAny(args, " ,)"); end >= 0 {
			args = args[:end]
		}
		args, _, _ = strings.Cut(args, "[")
		if name := lastMember(args); ok && name != "" {
			return name
		}
	}
}

func isWord(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// lastMember returns the members of an expression like "e->a.b", without the variable: "a.b". The
// last may have an index that is a number: "a.b[1]".
func lastMember(expr string) string {
	i := strings.IndexFunc(expr, func(r rune) bool { return !isWord(r) })
	if i <= 0 {
		return ""
	}
	rest, ok := strings.CutPrefix(expr[i:], "->")
	if !ok {
		if rest, ok = strings.CutPrefix(expr[i:], "."); !ok {
			return ""
		}
	}
	members, index, ok := strings.Cut(rest, "[")
	if ok && strings.Trim(index, "0123456789") != "]" {
		return ""
	}
	for _, r := range members {
		if !isWord(r) && r != '.' {
			return ""
		}
	}
	return rest
}
