package bpf

import (
	"fmt"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
)

// Handler holds an application's callbacks for programs of one kind of section, which the
// application defines or handles differently (libbpf libbpf_register_prog_handler). A row in
// object.Options.Sections defines the type of the programs, object.Options.Setup may change them
// when they are read, and a Handler in LoadOptions.Handlers takes part in loading and attaching
// them. All three apply to the objects that they are passed for.
type Handler struct {
	// Prepare is called before each program of that kind is loaded, also by Program.Clone, and may
	// change what is loaded. If it returns an error, the load fails. It must not close the object.
	// If Prepare is nil, nothing is changed.
	Prepare func(*ProgramLoad) error
	// Attach attaches a program of that kind: for Program.Attach, and for Object.Attach unless
	// autoattach is off. It may use the object, and close it. If it returns a nil Link and no
	// error, there is nothing to attach. If Attach is nil, the program is attached as its row says.
	Attach func(*Program) (*Link, error)
}

// ProgramLoad is the request to load one program.
type ProgramLoad struct {
	Program *Program // not loaded yet
	// Insns are its instructions, relocated, with file descriptors in them: a copy, which Prepare
	// may change in place or replace. If their number changes, change Attr's function and line
	// information as well (or omit it: set FuncInfoCnt and LineInfoCnt to 0).
	Insns []asm.Instruction
	// Attr is everything else. Its Insns, InsnCnt and log are filled in after Prepare returns.
	Attr *sys.ProgLoadAttr
}

// handlerOf returns the handler for programs of a row, nil if there is none.
func (o *Object) handlerOf(d *object.SecDef, p *Program) *Handler {
	if d == nil || d.Type != p.typ && d.Pattern != "" {
		return nil
	}
	if h, ok := o.handlers[d.Pattern]; ok {
		return &h
	}
	return nil
}

// letPrepare calls the program's handler before it is loaded.
func (p *Program) letPrepare(insns []asm.Instruction,
	attr *sys.ProgLoadAttr) ([]asm.Instruction, error) {
	h := p.obj.handlerOf(p.def, p)
	if h == nil || h.Prepare == nil {
		return insns, nil
	}
	load := ProgramLoad{Program: p, Insns: insns, Attr: attr}
	if err := h.Prepare(&load); err != nil {
		return nil, fmt.Errorf("the handler of SEC(%q): %w", p.def.Pattern, err)
	}
	p.events().Debug("program prepared by its handler", "object", p.obj.name, "program", p.name,
		"instructions", len(load.Insns))
	return load.Insns, nil
}
