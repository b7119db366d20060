package prog

import "github.com/purebpf/bpf/cmd/bpf/internal/tool"

func pinVerb() tool.Verb {
	return tool.Verb{
		Name: "pin", Args: "PROG FILE",
		Short:    "Pin a program to a file of a BPF file system, which keeps it in the kernel",
		Keywords: []string{"id", "tag", "name", "pinned"},
		Run:      pin,
	}
}

func pin(r *tool.Run) error {
	h, err := r.Program()
	if err != nil {
		return err
	}
	path, err := r.Next("path of the file")
	if err != nil {
		return err
	}
	if err := r.End(); err != nil {
		return err
	}
	p, err := h.OneProgram()
	if err != nil {
		return err
	}
	defer p.Close()
	return r.Pin(path, p.Pin)
}
