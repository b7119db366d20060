package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/pathname"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// hooked is an attached program: its links, or the function that removes an attachment without a
// link.
type hooked struct {
	subject
	hook  *hook // nil: as its SEC() says
	links bpf.Links
	what  string // names the attachment without a link
	undo  func() error
}

func one(l *bpf.Link, err error) (hooked, error) {
	if err != nil {
		return hooked{}, err
	}
	return hooked{links: bpf.Links{l}}, nil
}

// Close detaches.
func (h hooked) Close() error {
	err := h.links.Close()
	if h.undo != nil {
		err = errors.Join(err, h.undo())
	}
	return err
}

// text returns what is attached where, one line for each link.
func (h hooked) text() []string {
	var lines []string
	for _, l := range h.links {
		lines = append(lines, l.String())
	}
	if h.what != "" {
		lines = append(lines, h.what)
	}
	return lines
}

// iterator returns the link of an iterator, nil if it is none.
func (h hooked) iterator() *bpf.Link {
	if h.Program == nil || h.Type() != uapi.ProgTracing || len(h.links) != 1 ||
		h.links[0].FD() < 0 {
		return nil
	}
	if info, err := h.links[0].Info(); err != nil || info.Type != uapi.LinkIter {
		return nil
	}
	return h.links[0]
}

// attachedDocument is what --json prints for an attached program.
type attachedDocument struct {
	Program   string       `json:"program,omitempty"`
	ProgramID uint32       `json:"program_id,omitempty"`
	Map       string       `json:"map,omitempty"`
	MapID     uint32       `json:"map_id,omitempty"`
	Hook      string       `json:"hook,omitempty"`
	To        []string     `json:"attached"`
	Links     []linkNumber `json:"links,omitempty"`
}

type linkNumber struct {
	ID  uint32 `json:"id"`
	Pin string `json:"pin,omitempty"`
}

func (h hooked) document() (attachedDocument, error) {
	d := attachedDocument{To: h.text()}
	if h.hook != nil {
		d.Hook = h.hook.text
	}
	if h.ops != nil {
		info, err := h.ops.Info()
		if err != nil {
			return d, err
		}
		d.Map, d.MapID = h.ops.Name(), info.ID
	} else {
		info, err := h.Program.Info()
		if err != nil {
			return d, err
		}
		d.Program, d.ProgramID = h.Program.Name(), info.ID
	}
	for _, l := range h.links {
		if l.FD() < 0 {
			continue
		}
		info, err := l.Info()
		if err != nil {
			return d, err
		}
		d.Links = append(d.Links, linkNumber{info.ID, l.PinPath()})
	}
	return d, nil
}

// pinnable reports, as an error, why links of programs of these names can't be pinned in dir, which
// is "" for none. It may mount the BPF file system.
func pinnable(dir string, names ...string) error {
	if dir == "" {
		return nil
	}
	for _, name := range names {
		if err := pathname.Check(name); err != nil {
			return fmt.Errorf("--pin %s: program %q: %w", dir, name, err)
		}
	}
	return kernel.EnsureBPFFS(dir)
}

// pinLinks pins links as DIR/NAME by the names of their programs; several of one program are
// NAME-1, NAME-2, ... All or none.
func pinLinks(w io.Writer, links bpf.Links, dir string) (err error) {
	of := map[string]int{}
	var names []string
	for _, l := range links {
		of[l.Name()]++
		names = append(names, l.Name())
	}
	if err := pinnable(dir, names...); err != nil {
		return err
	}
	_, dirErr := os.Lstat(dir)
	var pinned bpf.Links
	defer func() {
		if err != nil {
			for _, l := range pinned {
				err = errors.Join(err, l.Unpin())
			}
			if dirErr != nil {
				os.Remove(dir) // the first pin made it
			}
		}
	}()
	nth := map[string]int{}
	for _, l := range links {
		path := filepath.Join(dir, l.Name())
		if of[l.Name()] > 1 {
			nth[l.Name()]++
			path += "-" + strconv.Itoa(nth[l.Name()])
		}
		if err := l.Pin(path); err != nil {
			return err
		}
		pinned = append(pinned, l)
		say(w, "pinned %s at %s", l.Name(), path)
	}
	return nil
}

// maxIterated limits how much of an iterator's output is printed.
const maxIterated = 16 << 20

// iteratorDocument is what --json prints for an iterator.
type iteratorDocument struct {
	Time     time.Time `json:"time"`
	Iterator string    `json:"iterator"`
	Output   string    `json:"output"`
	More     bool      `json:"more,omitempty"` // there was more output
}

// showIterator prints the output of an iterator, as it is or as a JSON document. more means that
// the output was cut.
func showIterator(ctx context.Context, w io.Writer, l *bpf.Link,
	asJSON bool) (more bool, err error) {
	if !asJSON {
		return iterate(ctx, w, l, maxIterated)
	}
	var text bytes.Buffer
	if more, err = iterate(ctx, &text, l, maxIterated); err != nil {
		return more, err
	}
	return more, json.NewEncoder(printable.JSON{To: w}).Encode(
		iteratorDocument{time.Now(), l.Name(), text.String(), more})
}

// iterate copies the output of an iterator, until ctx ends. more means that the output was cut.
func iterate(ctx context.Context, w io.Writer, l *bpf.Link, most int64) (more bool, err error) {
	r, err := l.Iterate()
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for buf := make([]byte, 32<<10); ; {
		n, err := r.Read(buf)
		part := buf[:min(int64(n), most)]
		most -= int64(len(part))
		if _, err := w.Write(part); err != nil {
			return false, err
		}
		switch {
		case n > len(part) || ctx.Err() != nil:
			return true, nil
		case err == io.EOF:
			return false, nil
		case err != nil:
			return false, err
		}
	}
}

// programNamed opens a program by its id or its pin. The caller closes it.
func programNamed(name string) (*bpf.Program, error) {
	if id, err := strconv.ParseUint(name, 10, 32); err == nil {
		return bpf.ProgramFromID(uint32(id))
	}
	return bpf.OpenProgram(name)
}

// mapNamed finds a map of an object by its name, or opens it by its id or its pin. done closes what
// was opened.
func mapNamed(obj *bpf.Object, name string) (m *bpf.Map, done func() error, err error) {
	if obj != nil {
		if m := obj.Map(name); m.Err() == nil {
			return m, func() error { return nil }, nil
		}
	}
	if id, convErr := strconv.ParseUint(name, 10, 32); convErr == nil {
		m, err = bpf.MapFromID(uint32(id), 0)
	} else {
		m, err = bpf.OpenMap(name, 0)
	}
	if obj != nil && errors.Is(err, bpf.ErrNotExist) && !strings.Contains(name, "/") {
		err = fmt.Errorf("nothing is pinned at %s, and %w", name, obj.Map(name).Err())
	}
	if err != nil {
		return nil, nil, err
	}
	return m, m.Close, nil
}
