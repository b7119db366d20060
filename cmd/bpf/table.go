package main

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/printable"
)

// column is one leaf of a key or value type, shown in one column of a table.
type column struct {
	name    string
	typ     btf.ID
	offset  uint32
	size    uint32
	counter bool // an integer that can be summed over CPUs and shown as a rate
	signed  bool
}

// columns flattens a type into its leaves, in memory order. Structs with bit fields, unions and
// arrays stay whole.
func columns(s *btf.Spec, id btf.ID, name string) []column {
	return appendColumns(nil, s, id, name, 0, 0)
}

func appendColumns(cols []column, s *btf.Spec, id btf.ID, name string, offset uint32,
	depth int) []column {
	t := s.Skip(id)
	if t.Kind() == btf.KindStruct && depth < 8 && !hasBitfields(t) {
		for i := range t.Vlen() {
			m := t.Member(i)
			sub := m.Name
			if depth > 0 && name != "" {
				sub = name + "." + m.Name
			}
			if m.Name == "" {
				sub = name
			}
			cols = appendColumns(cols, s, m.Type, sub, offset+m.BitOffset/8, depth+1)
		}
		return cols
	}
	size, err := s.SizeOf(id)
	if err != nil || size == 0 || size > 1<<20 {
		return cols
	}
	c := column{name: name, typ: id, offset: offset, size: uint32(size)}
	if t.Kind() == btf.KindInt && size <= 8 && t.IntEncoding()&(btf.Char|btf.Bool) == 0 {
		c.counter, c.signed = true, t.IntEncoding()&btf.Signed != 0
	}
	return append(cols, c)
}

func hasBitfields(t btf.Type) bool {
	for i := range t.Vlen() {
		if m := t.Member(i); m.BitSize != 0 || m.BitOffset%8 != 0 {
			return true
		}
	}
	return false
}

// number returns the value of a counter column. A negative number keeps its bits: the sum over CPUs
// wraps as it does in C.
func (c column) number(data []byte) uint64 {
	b := data[c.offset : c.offset+c.size]
	switch c.size {
	case 1:
		if c.signed {
			return uint64(int64(int8(b[0])))
		}
		return uint64(b[0])
	case 2:
		if c.signed {
			return uint64(int64(int16(binary.NativeEndian.Uint16(b))))
		}
		return uint64(binary.NativeEndian.Uint16(b))
	case 4:
		if c.signed {
			return uint64(int64(int32(binary.NativeEndian.Uint32(b))))
		}
		return uint64(binary.NativeEndian.Uint32(b))
	case 8:
		return binary.NativeEndian.Uint64(b)
	}
	return 0
}

// text returns one column of data, as bpf run and map tables show it.
func (c column) text(s *btf.Spec, data []byte) string {
	if int(c.offset)+int(c.size) > len(data) {
		return "?"
	}
	if c.counter && c.size <= 8 {
		if c.signed {
			return strconv.FormatInt(int64(c.number(data)), 10)
		}
		return strconv.FormatUint(c.number(data), 10)
	}
	value := data[c.offset : c.offset+c.size]
	if c.typ == 0 {
		return fmt.Sprintf("%x", value)
	}
	out, err := btf.AppendValue(nil, s, c.typ, value, nil)
	if err != nil {
		return fmt.Sprintf("%x", value)
	}
	return string(out)
}

// mapTable remembers the last values of a map so that the next print can show rates.
type mapTable struct {
	name   string
	kind   string
	spec   *btf.Spec
	keys   []column
	values []column
	last   map[string][]uint64
	seen   time.Time
}

// entry is one element: the key's bytes and one value per CPU (a single one for maps that are not
// per CPU).
type entry struct {
	key    []byte
	values [][]byte
}

// sum adds a counter column over the CPUs of an entry.
func (e entry) sum(c column) uint64 {
	var n uint64
	for _, v := range e.values {
		if int(c.offset)+int(c.size) <= len(v) {
			n += c.number(v)
		}
	}
	return n
}

// print writes the entries as one table. Counter columns of the value come with a rate since the
// last print.
func (t *mapTable) print(w io.Writer, entries []entry, more bool, now time.Time) {
	count := strconv.Itoa(len(entries))
	if more {
		count = "first " + count
	}
	say(w, "%s  (%s, %s entries)", t.name, t.kind, count)
	if len(entries) == 0 {
		return
	}
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	for _, c := range t.keys {
		fmt.Fprintf(tw, "%s\t", printable.Text(c.name))
	}
	for _, c := range t.values {
		fmt.Fprintf(tw, "%s\t", printable.Text(c.name))
		if c.counter {
			fmt.Fprint(tw, "/s\t")
		}
	}
	fmt.Fprintln(tw)
	elapsed := now.Sub(t.seen).Seconds()
	next := make(map[string][]uint64, len(entries))
	for _, e := range entries {
		for _, c := range t.keys {
			fmt.Fprintf(tw, "%s\t", printable.Text(c.text(t.spec, e.key)))
		}
		before, known := t.last[string(e.key)]
		var numbers []uint64
		for _, c := range t.values {
			if !c.counter {
				fmt.Fprintf(tw, "%s\t", printable.Text(c.text(t.spec, e.values[0])))
				continue
			}
			n := e.sum(c)
			if c.signed {
				fmt.Fprintf(tw, "%d\t", int64(n))
			} else {
				fmt.Fprintf(tw, "%d\t", n)
			}
			if rate := "-"; !known || t.seen.IsZero() || n < before[len(numbers)] {
				fmt.Fprintf(tw, "%s\t", rate)
			} else {
				fmt.Fprintf(tw, "%s\t", formatRate(float64(n-before[len(numbers)])/elapsed))
			}
			numbers = append(numbers, n)
		}
		next[string(e.key)] = numbers
		fmt.Fprintln(tw)
	}
	tw.Flush()
	t.last, t.seen = next, now
}

// valueJSON returns data as JSON by its type, or as a string of hexadecimal digits without one.
func valueJSON(s *btf.Spec, id btf.ID, data []byte) json.RawMessage {
	if id != 0 {
		if out, err := btf.AppendJSON(nil, s, id, data, nil); err == nil {
			return out
		}
	}
	return json.RawMessage(strconv.Quote(hex.EncodeToString(data)))
}

func formatRate(r float64) string {
	switch {
	case r == 0:
		return "0"
	case r < 10:
		return strings.TrimSuffix(strconv.FormatFloat(r, 'f', 1, 64), ".0")
	}
	return strconv.FormatFloat(r, 'f', 0, 64)
}
