package prog

import (
	"errors"
	"fmt"
	"os"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/cmd/bpf/internal/xlated"
	"github.com/purebpf/bpf/inspect"
)

func dumpVerb() tool.Verb {
	return tool.Verb{
		Name: "dump", Args: "xlated|jited PROG [file FILE | [opcodes] [linum] [visual]]",
		Short: "Print the code of programs, as the verifier left it or as machine code",
		Long: `Dump prints the code of the programs that PROG names: xlated is BPF code after the verifier
rewrote it, jited is the machine code that the kernel made of it. Lines of source are shown if the
program has them.

  file FILE   write the code to a file, as bytes
  opcodes     show the bytes of each instruction
  linum       show file, line and column of the source
  visual      print the control flow in Graphviz's language (xlated only)`,
		Example: `  bpf prog dump xlated name handle_exec linum
  bpf prog dump jited id 42
  bpf prog dump xlated id 42 visual | dot -Tsvg > flow.svg`,
		Keywords: []string{"xlated", "jited", "id", "tag", "name", "pinned", "file", "opcodes",
			"linum", "visual"},
		Run: dump,
	}
}

// dumping is one bpf prog dump.
type dumping struct {
	machine bool
	file    string
	visual  bool
	options xlated.Options
}

func dump(r *tool.Run) error {
	var d dumping
	switch {
	case r.Take("jited"):
		d.machine = true
	case r.Take("xlated"):
	default:
		return r.Unexpected()
	}
	h, err := r.Program()
	if err != nil {
		return err
	}
	if err := d.parse(r); err != nil {
		return err
	}
	n, list, err := h.Programs()
	if err != nil {
		return err
	}
	if n > 1 && (d.file != "" || d.visual) {
		return fmt.Errorf("%d programs have %v: name one", n, h)
	}
	if r.JSON != nil && n > 1 {
		r.JSON.Array()
	}
	first := true
	for p, err := range list {
		if err != nil {
			return err
		}
		if n > 1 {
			if err := header(r, p, first); err != nil {
				return err
			}
		}
		first = false
		if err := d.one(r, p); err != nil {
			return err
		}
		if n > 1 && r.JSON != nil {
			r.JSON.EndObject()
		}
	}
	if r.JSON != nil && n > 1 {
		r.JSON.EndArray()
	}
	return nil
}

func (d *dumping) parse(r *tool.Run) (err error) {
	if r.Take("file") {
		if d.file, err = r.Next("path of a file"); err != nil {
			return err
		}
		return r.End()
	}
	for r.More() {
		switch {
		case r.Take("opcodes"):
			d.options.Opcodes = true
		case r.Take("linum"):
			d.options.Lines = true
		case !d.machine && r.Take("visual"):
			d.visual = true
		default:
			return r.Unexpected()
		}
	}
	if d.visual && r.JSON != nil {
		return errors.New("visual prints Graphviz's language, which has no JSON form")
	}
	return nil
}

// header begins the code of one of several programs.
func header(r *tool.Run, p *bpf.Program, first bool) error {
	info, err := p.Info()
	if err != nil {
		return err
	}
	if r.JSON != nil {
		r.JSON.Object()
		headerJSON(r.JSON, p, info)
		r.JSON.Key("insns")
		return nil
	}
	if !first {
		r.Printf("\n")
	}
	headerText(r, p, info)
	return nil
}

func (d *dumping) one(r *tool.Run, p *bpf.Program) error {
	code, err := inspect.CodeOf(p)
	if err != nil {
		return err
	}
	if d.machine {
		return d.jited(r, code)
	}
	switch {
	case len(code.Insns) == 0:
		return errors.New("the kernel does not show the instructions: " +
			"that needs CAP_BPF and CAP_PERFMON, and kernel.kptr_restrict below 2")
	case d.file != "":
		return os.WriteFile(d.file, asm.Raw(code.Insns), 0o600)
	case d.visual:
		r.Text.WriteString(xlated.Graph(code, d.options))
	case r.JSON != nil:
		xlated.JSON(r.JSON, code, d.options)
	default:
		xlated.Text(r, code, d.options)
	}
	return nil
}

func (d *dumping) jited(r *tool.Run, code *inspect.Code) error {
	switch {
	case len(code.Machine) == 0:
		return errors.New("the kernel has or shows no machine code: the program runs in the " +
			"interpreter (sysctl net.core.bpf_jit_enable), or CAP_BPF and CAP_PERFMON are missing")
	case d.file != "":
		return os.WriteFile(d.file, code.Machine, 0o600)
	case r.JSON != nil:
		jitedJSON(r.JSON, code, d.options)
	default:
		jitedText(r, code, d.options)
	}
	return nil
}
