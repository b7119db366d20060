// Package link is the command bpf link: the links in the kernel, with bpftool's words.
package link

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
)

// Command returns the command bpf link.
func Command() *cobra.Command {
	handle := []string{"id", "pinned"}
	n := tool.Noun{
		Name: "link", Short: "Show, pin and detach links: what programs are attached to",
		Default: "show",
		Verbs: []tool.Verb{
			{
				Name: "show", Alias: "list", Args: "[LINK]",
				Short: "Show links: all, or the one that LINK names",
				Long: `Show prints all links in the kernel, or the one that LINK names: id N or pinned PATH. A link keeps
a program attached until nobody has it open and nothing pins it. Programs that are attached without
a link are shown by bpf net, bpf cgroup and bpf perf.`,
				Keywords: handle, Run: show,
			},
			{
				Name: "pin", Args: "LINK FILE",
				Short:    "Pin a link to a file of a BPF file system, which keeps it attached",
				Keywords: handle, Run: pin,
			},
			{
				Name: "detach", Args: "LINK",
				Short:    "Detach the program of a link, whoever has it open",
				Keywords: handle, Run: detach,
			},
		},
	}
	return n.Command()
}

// open opens LINK.
func open(r *tool.Run) (*bpf.Link, error) {
	h, err := r.Link()
	if err != nil {
		return nil, err
	}
	return h.OneLink()
}

func pin(r *tool.Run) error {
	l, err := open(r)
	if err != nil {
		return err
	}
	defer l.Close()
	path, err := r.Next("path of the file")
	if err != nil {
		return err
	}
	if err := r.End(); err != nil {
		return err
	}
	return r.Pin(path, l.Pin)
}

func detach(r *tool.Run) error {
	l, err := open(r)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := r.End(); err != nil {
		return err
	}
	if err := l.Detach(); err != nil {
		if errors.Is(err, bpf.ErrNotSupported) {
			err = fmt.Errorf("%w: a link of this type ends when nobody has it open or pinned", err)
		}
		return err
	}
	return nil
}
