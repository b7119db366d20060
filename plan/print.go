package plan

import (
	"bufio"
	"io"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/internal/printable"
)

// WriteTo prints the plan for people: what it uploads, creates and loads, in that order, and the
// decisions of the resolver.
func (p *Plan) WriteTo(w io.Writer) (int64, error) {
	g := &page{w: w}
	g.b = bufio.NewWriterSize(g, 32<<10)
	p.View().text(g)
	err := g.b.Flush()
	return g.n, err
}

// page writes lines and aligned tables.
type page struct {
	w     io.Writer
	n     int64 // bytes written
	b     *bufio.Writer
	rows  [][]string
	cells []string // cells of the collected rows
}

// Write writes the buffered text to the underlying writer.
func (g *page) Write(text []byte) (int, error) {
	n, err := g.w.Write(text)
	g.n += int64(n)
	return n, err
}

// A table with more rows is written in pieces. A longer cell does not widen its column.
const (
	tableRows = 2000
	cellWidth = 200
)

// row adds a row. Cells come from the object and the kernel and are printed in one line each.
func (g *page) row(cells ...string) {
	if len(g.rows) == tableRows {
		g.flush()
	}
	at := len(g.cells)
	for _, c := range cells {
		g.cells = append(g.cells, printable.Text(c))
	}
	g.rows = append(g.rows, g.cells[at:len(g.cells):len(g.cells)])
}

// flush writes the collected rows as a table, with two blanks before the first column and between
// columns.
func (g *page) flush() {
	var width []int
	for _, r := range g.rows {
		for i, c := range r {
			if i == len(width) {
				width = append(width, 0)
			}
			if i < len(r)-1 && len(c) <= cellWidth {
				width[i] = max(width[i], len(c))
			}
		}
	}
	for _, r := range g.rows {
		g.b.WriteByte(' ')
		pad := 1
		for i, c := range r {
			if c == "" && i == len(r)-1 {
				break
			}
			g.b.WriteString(strings.Repeat(" ", pad))
			g.b.WriteString(c)
			pad = max(width[i]-len(c), 0) + 2
		}
		g.b.WriteByte('\n')
	}
	g.rows, g.cells = g.rows[:0], g.cells[:0]
}

func (g *page) line(parts ...string) {
	for _, s := range parts {
		g.b.WriteString(printable.Text(s))
	}
	g.b.WriteByte('\n')
}

// head starts a section of the page.
func (g *page) head(parts ...string) {
	g.b.WriteByte('\n')
	g.line(parts...)
}

func (v *View) text(g *page) {
	license := "license " + strconv.Quote(v.License)
	if v.License == "" {
		license = "no license"
	}
	g.line("object ", v.Object, ": ", count(len(v.Maps), "map"), ", ",
		count(len(v.Programs), "program"), " to load, ", license)
	for _, e := range v.Errors {
		g.line("CANNOT BE LOADED: ", e)
	}
	v.textBTF(g)
	v.textMaps(g)
	v.textPrograms(g)
	v.textExterns(g)
	v.textCore(g)
	v.textEvents(g)
}

func (v *View) textBTF(g *page) {
	switch {
	case v.BTF == nil:
		g.head("BTF: none")
	case v.BTF.Changed:
		g.head("BTF: ", strconv.Itoa(v.BTF.Bytes), " bytes, changed for this kernel")
	default:
		g.head("BTF: ", strconv.Itoa(v.BTF.Bytes), " bytes, as compiled")
	}
}

func (v *View) textMaps(g *page) {
	if len(v.Maps) == 0 {
		return
	}
	g.head("maps, in order of creation")
	for i := range v.Maps {
		v.Maps[i].row(g, strconv.Itoa(i), v.Maps[i].Name)
		if in := v.Maps[i].Inner; in != nil {
			in.row(g, "", "  inner")
		}
	}
	g.flush()
}

func (m *MapView) row(g *page, index, name string) {
	if m.Skipped {
		g.row(index, name, m.Type, "NOT CREATED")
		return
	}
	var notes []string
	note := func(on bool, text string) {
		if on {
			notes = append(notes, text)
		}
	}
	note(len(m.Flags) > 0, strings.Join(m.Flags, ","))
	note(m.Extra != 0, "extra 0x"+strconv.FormatUint(m.Extra, 16))
	note(m.NumaNode != 0, "numa node "+num(m.NumaNode))
	note(m.IfIndex != 0, "ifindex "+num(m.IfIndex))
	note(m.KeyType != 0 || m.ValueType != 0, "btf key ["+num(m.KeyType)+"] value ["+
		num(m.ValueType)+"]")
	note(m.KernelType != "", "kernel value type "+m.KernelType)
	note(m.Image > 0, "image "+strconv.Itoa(m.Image)+" bytes")
	note(m.ImageAt > 0, "at offset "+strconv.FormatUint(m.ImageAt, 10))
	note(m.Frozen, "frozen")
	note(m.Mapped, "mapped")
	note(m.Exclusive != "", "exclusive to program "+m.Exclusive)
	note(m.Pin != "", "pinned at "+m.Pin)
	note(len(m.Slots) > 0, "slots "+strings.Join(m.Slots, ", "))
	g.row(index, name, m.Type, "key "+num(m.KeySize), "value "+num(m.ValueSize), "max_entries "+
		num(m.MaxEntries), strings.Join(notes, "; "))
}

func (v *View) textPrograms(g *page) {
	if len(v.Programs) == 0 {
		return
	}
	g.head("programs, in order of loading")
	for i := range v.Programs {
		p := &v.Programs[i]
		kind := p.Type
		if p.Attach != "" {
			kind += "/" + p.Attach
		}
		g.row(strconv.Itoa(i), p.Name, kind, count(p.Insns, "instruction"), "SEC(\""+p.Section+
			"\")")
	}
	g.flush()
	for i := range v.Programs {
		v.Programs[i].details(g)
	}
}

func (p *ProgramView) details(g *page) {
	g.head("program ", p.Name)
	item := func(on bool, name, text string) {
		if on {
			g.row(name, text)
		}
	}
	item(p.Unloadable != "", "CANNOT LOAD", p.Unloadable)
	item(p.Target != "", "attach target", p.Target+" ["+num(p.TargetID)+"]")
	item(len(p.Flags) > 0, "flags", strings.Join(p.Flags, ","))
	item(true, "relocated", count(p.Fixups, "file descriptor")+" to fill in, "+
		count(p.FuncInfo, "func_info record")+", "+count(p.LineInfo, "line_info record"))
	for _, s := range p.Subprogs {
		item(true, "subprogram", s.Name+" at "+strconv.Itoa(s.Start))
	}
	item(len(p.Modules) > 0, "kfuncs from", strings.Join(p.Modules, ", "))
	item(len(p.Bind) > 0, "binds", strings.Join(p.Bind, ", "))
	for _, x := range p.Poisons {
		item(true, "POISONED", "instruction "+strconv.Itoa(x.Insn)+": "+x.Text)
	}
	g.flush()
}

func (v *View) textExterns(g *page) {
	if len(v.Externs) == 0 {
		return
	}
	g.head("externs")
	for _, x := range v.Externs {
		note := ""
		switch {
		case !x.Found:
			note = "absent, weak"
		case x.Weak:
			note = "weak"
		}
		g.row(x.Name, x.Kind, x.Value, note)
	}
	g.flush()
}

func (v *View) textCore(g *page) {
	if len(v.CORE) == 0 {
		return
	}
	g.head("CO-RE relocations")
	for _, c := range v.CORE {
		out := strconv.FormatUint(c.Value, 10)
		switch {
		case c.Error != "":
			out = "FAILED: " + c.Error
		case c.Poison:
			out = "POISONED"
		case !c.Found:
			out += " (not in this kernel)"
		case c.Value != c.Local:
			out += " (was " + strconv.FormatUint(c.Local, 10) + ")"
		}
		g.row(c.Func, strconv.Itoa(c.Insn), c.Spec, "-> "+out)
	}
	g.flush()
}

func (v *View) textEvents(g *page) {
	if len(v.Events) == 0 {
		return
	}
	g.head("events")
	for _, e := range v.Events {
		g.row(e.Kind, e.Subject, e.Text)
	}
	g.flush()
}

func num(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
