package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/btf/cdump"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/internal/printable"
)

func newBTFCommand() *cobra.Command {
	n := tool.Noun{
		Name:    "btf",
		Short:   "Show and print type information (BTF) of files, and in the kernel",
		Default: "show",
		Verbs: []tool.Verb{{
			Name: "show", Alias: "list", Args: "[id N]",
			Short: "List the BTF objects in the kernel, and what was created with them",
			Run:   showBTF,
		}, {
			Name:  "dump",
			Args:  "SOURCE [format raw|c [unsorted]] [root_id N]...",
			Short: "Print the types of BTF, one by one or as C declarations",
			Long: `Dump prints the types of BTF: one by one (format raw, the default) or as a C header (format c),
sorted by name or, with unsorted, in the order of the BTF. The keywords are bpftool's, and may be
abbreviated as in bpftool. SOURCE is one of

  file PATH    BTF as in /sys/kernel/btf, or an object, module or vmlinux image that has it
  id N         a BTF object in the kernel
  prog PROG    the BTF of a program; PROG is id N, tag TAG, name NAME or pinned PATH
  map MAP [key|value|kv|all]
               the types of a map's keys and values, or all BTF it was created with;
               MAP is id N, name NAME or pinned PATH

With root_id only the types with these ids are printed; format c adds the types that they need.

The BTF of a module refers to types of its kernel. For /sys/kernel/btf/MODULE these are the running
kernel's; for other files --base-btf names a file with the kernel's BTF.`,
			Example: `  bpf btf dump file /sys/kernel/btf/vmlinux format c > vmlinux.h
  bpf btf dump map name flows format c
  bpf btf dump file nf_nat.ko --base-btf vmlinux`,
			Keywords: []string{"file", "id", "prog", "map"},
			Run: func(r *tool.Run) error {
				d := btfDump{base: r.BaseBTF, asJSON: r.AsJSON(), pretty: r.Pretty}
				r.JSON = nil // it prints its own, large as it is
				if err := d.parse(r.Words); err != nil {
					return err
				}
				return d.print(r.Cmd.OutOrStdout())
			},
		}},
	}
	return n.Command()
}

// btfDump is one `bpf btf dump`.
type btfDump struct {
	base     string
	asJSON   bool
	pretty   bool // JSON, indented
	asC      bool
	unsorted bool
	source   btfSource
}

func (d *btfDump) parse(w *tool.Words) (err error) {
	switch {
	case w.Take("id"):
		var id uint32
		if id, err = w.Number("id of a BTF object"); err == nil {
			d.source, err = btfFromID(id)
		}
	case w.Take("map"):
		d.source, err = btfOfMap(w)
	case w.Take("prog"):
		d.source, err = btfOfProgram(w)
	case w.Take("file"):
		var path string
		if path, err = w.Next("path of a file"); err == nil {
			d.source, err = btfFromFile(path, d.base)
		}
	case !w.More():
		return errors.New("name a source of BTF: file PATH, id N, prog PROG or map MAP")
	default:
		return fmt.Errorf("%q is no source of BTF: name file PATH, id N, prog PROG or map MAP",
			w.Rest[0])
	}
	if err != nil {
		return err
	}
	return d.parseFormat(w)
}

func (d *btfDump) parseFormat(w *tool.Words) error {
	for len(w.Rest) > 0 {
		switch {
		case w.Take("format"):
			switch {
			case w.Take("c"):
				d.asC = true
				d.unsorted = w.Take("unsorted")
			case w.Take("raw"):
				d.asC = false
			default:
				format, err := w.Next("name of a format")
				if err == nil {
					err = fmt.Errorf("format %q does not exist: raw or c", format)
				}
				return err
			}
		case w.Take("root_id"):
			id, err := w.Number("root_id")
			if err != nil {
				return err
			}
			if btf.ID(id) >= d.source.spec.Len() {
				return fmt.Errorf("%s has no type [%d], the last is [%d]", d.source.name, id,
					d.source.spec.Len()-1)
			}
			d.source.roots = append(d.source.roots, btf.ID(id))
		default:
			return w.End()
		}
	}
	if d.asC && d.asJSON {
		return errors.New("format c has no JSON form")
	}
	return nil
}

func (d *btfDump) print(w io.Writer) error {
	switch {
	case d.asC:
		return cdump.Header(w, d.source.spec,
			&cdump.Options{Roots: d.source.roots, Unsorted: d.unsorted})
	case d.pretty:
		var compact, indented bytes.Buffer
		if err := d.printJSON(&compact); err != nil {
			return err
		}
		if err := json.Indent(&indented, compact.Bytes(), "", "    "); err != nil {
			return err
		}
		_, err := indented.WriteTo(w)
		return err
	case d.asJSON:
		return d.printJSON(w)
	}
	return d.write(w, nil, btf.Type.AppendRaw, "")
}

func (d *btfDump) printJSON(w io.Writer) error {
	first := true
	add := func(t btf.Type, out []byte) []byte {
		if !first {
			out = append(out, ',')
		}
		first = false
		return t.AppendRawJSON(out)
	}
	return d.write(printable.JSON{To: w}, []byte(`{"types":[`), add, "]}\n")
}

// write writes out, each type, and the end, many types at a time.
func (d *btfDump) write(w io.Writer, out []byte, add func(t btf.Type, out []byte) []byte,
	end string) error {
	const flushAt = 64 << 10
	for t := range d.source.each() {
		if out = add(t, out); len(out) >= flushAt {
			if _, err := w.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
	_, err := w.Write(append(out, end...))
	return err
}
