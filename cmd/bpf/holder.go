package main

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/holder"
	"github.com/purebpf/bpf/inspect"
)

// retold is an error told in other words.
type retold struct {
	text string
	err  error
}

func (e *retold) Error() string { return e.text }

func (e *retold) Unwrap() error { return e.err }

// taken retells an error about a hook that holds one program, and has one already: which program,
// by which link of which process or pin, and how to detach it. It returns other errors as they are.
func (h *hook) taken(err error) error {
	if !errors.Is(err, syscall.EBUSY) || h.kind.there == nil {
		return err
	}
	list, listErr := h.kind.there(h)
	if listErr != nil || len(list) != 1 {
		return err
	}
	a := list[0]
	text := fmt.Sprintf("%s on %s is taken: program %d", h.kind.name, h.target, a.program)
	if p, err := bpf.ProgramFromID(a.program); err == nil {
		text += fmt.Sprintf(" (%s)", p.Name())
		p.Close()
	}
	switch len(a.links) {
	case 0:
		text += fmt.Sprintf(" without a link; bpf detach %s:%s --program-id %d detaches it",
			h.kind.name, h.target, a.program)
	case 1:
		id := a.links[0]
		text += fmt.Sprintf(" by link %d", id)
		var processes, pins []string
		for _, who := range holder.Read().Of(inspect.KindLink, id) {
			if who.Path != "" {
				pins = append(pins, who.Path)
			} else {
				processes = append(processes, who.String())
			}
		}
		if len(processes) > 0 {
			text += " of " + listed(processes)
		}
		if len(pins) > 0 {
			text += ", pinned at " + listed(pins)
		}
		text += fmt.Sprintf("; bpf detach %d detaches it", id)
	default:
		return err
	}
	return &retold{text, err}
}
