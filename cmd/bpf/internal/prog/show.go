package prog

import (
	"iter"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
)

func showVerb() tool.Verb {
	return tool.Verb{
		Name: "show", Alias: "list", Args: "[PROG]",
		Short:    "Show programs: all, or those that PROG names",
		Keywords: []string{"id", "name", "tag", "pinned"},
		Run:      show,
	}
}

func show(r *tool.Run) error {
	list, single := inspect.Programs(), false
	if r.More() {
		h, err := r.Program()
		if err != nil {
			return err
		}
		var n int
		if n, list, err = h.Programs(); err != nil {
			return err
		}
		single = n == 1
	}
	if err := r.End(); err != nil {
		return err
	}
	return tool.List(r, list, single, showOne)
}

var _ iter.Seq2[*bpf.Program, error]

func showOne(r *tool.Run, p *bpf.Program) error {
	info, err := p.Info()
	if err != nil {
		return err
	}
	if r.JSON != nil {
		r.JSON.Object()
		r.JSON.UintKey("id", uint64(info.ID))
		r.JSON.EndObject()
		return nil
	}
	r.Printf("%d: %s\n", info.ID, info.Name)
	return nil
}
