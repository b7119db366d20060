package maps

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/uapi"
)

// given are the key, value and flags that the words after MAP give.
type given struct {
	key, value []byte
	flags      uapi.ElemFlags
	hasFlags   bool
	// close closes what a descriptor in value is of; nil for other values.
	close func() error
}

// parts says which words may follow MAP.
type parts struct{ key, value, flags bool }

// take takes them, in any order.
func (t *target) take(r *tool.Run, want parts) (g given, err error) {
	for r.More() {
		switch {
		case want.key && r.Take("key"):
			switch {
			case g.key != nil:
				err = errors.New("the key is given twice")
			case t.KeySize() == 0:
				err = fmt.Errorf("a %v has no keys", t.Type())
			default:
				g.key, err = t.data(r, "key", t.KeySize(), t.key)
			}
		case want.value && r.Take("value"):
			if g.value != nil {
				err = errors.New("the value is given twice")
			} else {
				err = t.takeValue(r, &g)
			}
		case want.flags && r.Take("any"):
			err = g.flag(bpf.UpdateAny)
		case want.flags && r.Take("noexist"):
			err = g.flag(bpf.UpdateNoExist)
		case want.flags && r.Take("exist"):
			err = g.flag(bpf.UpdateExist)
		default:
			err = r.Unexpected()
		}
		if err != nil {
			return g, err
		}
	}
	switch {
	case want.key && g.key == nil && t.KeySize() > 0:
		err = fmt.Errorf("the key is missing: key and %d bytes", t.KeySize())
	case want.value && g.value == nil && t.ValueSize() > 0:
		err = fmt.Errorf("the value is missing: value and %d bytes", t.ValueSize())
	}
	return g, err
}

func (g *given) flag(f uapi.ElemFlags) error {
	if g.hasFlags {
		return errors.New("only one of any, exist and noexist may be given")
	}
	g.flags, g.hasFlags = f, true
	return nil
}

// takeValue takes a value: DATA or, if it is a descriptor, the MAP or program that it is of.
func (t *target) takeValue(r *tool.Run, g *given) error {
	switch {
	case ofMaps(t.Type()):
		m, err := r.OpenMap(0)
		if err != nil {
			return err
		}
		g.close = m.Close
		g.value = binary.NativeEndian.AppendUint32(nil, uint32(m.FD()))
		return nil
	case t.Type() == uapi.MapProgArray:
		p, err := r.OpenProgram()
		if err != nil {
			return err
		}
		g.close = p.Close
		g.value = binary.NativeEndian.AppendUint32(nil, uint32(p.FD()))
		return nil
	}
	one, err := t.data(r, "value", t.ValueSize(), t.value)
	if err != nil {
		return err
	}
	n, stride := t.cpus()
	if !perCPU(t.Type()) {
		g.value = one
		return nil
	}
	one = append(one, make([]byte, stride-len(one))...)
	g.value = bytes.Repeat(one, n)
	return nil
}

func update(r *tool.Run) error {
	t, err := open(r, 0)
	if err != nil {
		return err
	}
	defer t.Close()
	g, err := t.take(r, parts{key: true, value: true, flags: true})
	if g.close != nil {
		defer g.close()
	}
	if err != nil {
		return err
	}
	return t.Update(g.key, g.value, g.flags)
}

func remove(r *tool.Run) error {
	t, err := open(r, 0)
	if err != nil {
		return err
	}
	defer t.Close()
	g, err := t.take(r, parts{key: true})
	if err != nil {
		return err
	}
	if t.Type() == uapi.MapArray || t.Type() == uapi.MapPerCPUArray {
		return fmt.Errorf("map %s is a %v, whose elements can't be removed: bpf map update sets "+
			"their value: %w", t.Name(), t.Type(), errors.ErrUnsupported)
	}
	return t.Delete(g.key)
}

func lookup(r *tool.Run) error {
	t, err := open(r, uapi.FOpenRdonly)
	if err != nil {
		return err
	}
	defer t.Close()
	g, err := t.take(r, parts{key: true})
	if err != nil {
		return err
	}
	val := make([]byte, t.ValueLen())
	err = t.Lookup(g.key, val)
	if errors.Is(err, syscall.ENOENT) {
		if r.JSON == nil && t.KeySize() > 0 {
			r.Printf("key:\n")
			hexBytes(r.Text, g.key)
			r.Printf("\n\nNot found\n")
		}
		return tool.Missing
	}
	if err != nil {
		return err
	}
	return printOne(r, t, g.key, val)
}

// printOne prints a single element.
func printOne(r *tool.Run, t *target, key, val []byte) error {
	if human(r) {
		return showHuman(r, t, [][2][]byte{{key, val}}, false)
	}
	p := newPrinter(r, t)
	if err := p.element(key, val); err != nil {
		return err
	}
	if p.typed != nil {
		return p.typed.Close()
	}
	return nil
}

func getNext(r *tool.Run) error {
	t, err := open(r, uapi.FOpenRdonly)
	if err != nil {
		return err
	}
	defer t.Close()
	var g given
	if r.More() {
		if g, err = t.take(r, parts{key: true}); err != nil {
			return err
		}
	}
	next := make([]byte, t.KeySize())
	if err := t.NextKey(g.key, next); err != nil {
		if errors.Is(err, syscall.ENOENT) && g.key == nil {
			return fmt.Errorf("map %s is empty: %w", t.Name(), err)
		}
		return err
	}
	if j := r.JSON; j != nil {
		j.Object()
		j.Key("key")
		if g.key == nil {
			j.Null()
		} else {
			j.Bytes(g.key)
		}
		j.Key("next_key")
		j.Bytes(next)
		j.EndObject()
		return nil
	}
	if g.key == nil {
		r.Printf("key: None\n")
	} else {
		r.Printf("key:\n")
		hexBytes(r.Text, g.key)
		r.Printf("\n")
	}
	r.Printf("next key:\n")
	hexBytes(r.Text, next)
	r.Printf("\n")
	return nil
}
