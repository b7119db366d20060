package maps

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// printer prints elements of a map.
type printer struct {
	*target
	r *tool.Run
	// typed is where plain elements with types go: they are printed as JSON, as bpftool does.
	typed *tool.JSON
}

func newPrinter(r *tool.Run, t *target) *printer {
	p := &printer{target: t, r: r}
	if r.JSON == nil && t.spec != nil {
		p.typed = tool.NewJSON(r.Text, true)
	}
	return p
}

// element prints an element.
func (p *printer) element(key, val []byte) error {
	switch {
	case p.r.JSON != nil:
		return p.json(key, val)
	case p.typed != nil:
		return p.types(p.typed, key, val)
	}
	p.plain(key, val)
	return nil
}

// json prints an element as bytes and, if they are known, by its types.
func (p *printer) json(key, val []byte) error {
	j := p.r.JSON
	j.Object()
	j.Key("key")
	j.Bytes(key)
	if perCPU(p.Type()) {
		p.perCPU(j, val, func(one []byte) error {
			j.Bytes(one)
			return nil
		})
	} else {
		j.Key("value")
		j.Bytes(val)
		if ofMaps(p.Type()) {
			j.UintKey("inner_map_id", uint64(binary.NativeEndian.Uint32(val)))
		}
	}
	if p.spec != nil {
		j.Key("formatted")
		if err := p.types(j, key, val); err != nil {
			return err
		}
	}
	j.EndObject()
	return nil
}

// types prints an element by its types.
func (p *printer) types(j *tool.JSON, key, val []byte) error {
	f := &formatter{j: j, spec: p.spec, plain: j == p.typed}
	j.Object()
	if p.key != 0 {
		j.Key("key")
		if err := f.write(p.key, key); err != nil {
			return err
		}
	}
	if !perCPU(p.Type()) {
		j.Key("value")
		if err := f.write(p.value, val); err != nil {
			return err
		}
		j.EndObject()
		return nil
	}
	if err := p.perCPU(j, val,
		func(one []byte) error { return f.write(p.value, one) }); err != nil {
		return err
	}
	j.EndObject()
	return nil
}

// perCPU writes the values of an element, each as write does.
func (p *printer) perCPU(j *tool.JSON, val []byte, write func(one []byte) error) error {
	j.Key("values")
	j.Array()
	n, stride := p.cpus()
	for cpu := range n {
		j.Object()
		j.UintKey("cpu", uint64(cpu))
		j.Key("value")
		if err := write(val[cpu*stride:][:p.ValueSize()]); err != nil {
			return err
		}
		j.EndObject()
	}
	j.EndArray()
	return nil
}

// plain prints an element as bytes.
func (p *printer) plain(key, val []byte) {
	w := p.r.Text
	if perCPU(p.Type()) {
		if len(key) > 0 {
			w.WriteString("key:\n")
			hexBytes(w, key)
			w.WriteByte('\n')
		}
		n, stride := p.cpus()
		for cpu := range n {
			sep := byte(' ')
			if p.ValueSize() > 16 {
				sep = '\n'
			}
			fmt.Fprintf(w, "value (CPU %02d):%c", cpu, sep)
			hexBytes(w, val[cpu*stride:][:p.ValueSize()])
			w.WriteByte('\n')
		}
		return
	}
	lines := len(key) > 16 || len(val) > 16
	sep, end := byte(' '), "\n"
	if lines {
		sep = '\n'
	} else if len(key)+len(val) <= 24 {
		end = "  "
	}
	if len(key) > 0 {
		w.WriteString("key:")
		w.WriteByte(sep)
		hexBytes(w, key)
		w.WriteString(end)
	}
	switch {
	case len(val) == 0:
	case ofMaps(p.Type()):
		fmt.Fprintf(w, "inner_map_id:%c%d ", sep, binary.NativeEndian.Uint32(val))
	default:
		w.WriteString("value:")
		w.WriteByte(sep)
		hexBytes(w, val)
	}
	w.WriteByte('\n')
}

// unreadable prints a key whose value the kernel doesn't give.
func (p *printer) unreadable(key []byte, err error) {
	text := reason(err)
	if p.r.JSON == nil && errors.Is(err, syscall.ENOENT) {
		text = "<no entry>"
	}
	if j := p.r.JSON; j != nil {
		j.Object()
		j.Key("key")
		j.Bytes(key)
		j.Key("value")
		j.Object()
		j.StringKey("error", text)
		j.EndObject()
		j.EndObject()
		return
	}
	sep, end := byte(' '), "\n"
	if len(key) > 16 || len(text) > 16 {
		sep = '\n'
	} else if len(key)+len(text) <= 24 {
		end = "  "
	}
	p.r.Text.WriteString("key:")
	p.r.Text.WriteByte(sep)
	hexBytes(p.r.Text, key)
	fmt.Fprintf(p.r.Text, "%svalue:%c%s\n", end, sep, text)
}

// reason returns the text of an errno as C's library has it.
func reason(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	if errno == sys.ENOTSUPP { // not an errno of user space
		errno = syscall.EOPNOTSUPP
	}
	text := sys.ErrnoText(errno)
	return strings.ToUpper(text[:1]) + text[1:]
}

// hexBytes prints bytes in rows of 16, with a double gap after 8.
func hexBytes(w interface{ WriteByte(byte) error }, data []byte) {
	const digits = "0123456789abcdef"
	for i, b := range data {
		switch {
		case i == 0:
		case i%16 == 0:
			w.WriteByte('\n')
		case i%8 == 0:
			w.WriteByte(' ')
			w.WriteByte(' ')
		default:
			w.WriteByte(' ')
		}
		w.WriteByte(digits[b>>4])
		w.WriteByte(digits[b&15])
	}
}

// holes reports whether a key without a value is not worth a line: slots for programs and maps.
func holes(typ uapi.MapType) bool { return typ == uapi.MapProgArray || ofMaps(typ) }
