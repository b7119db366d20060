// Package token is the command bpf token: what BPF file systems delegate.
package token

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
)

// Command returns the command bpf token.
func Command() *cobra.Command {
	n := tool.Noun{
		Name: "token", Short: "Show what BPF file systems delegate to user namespaces",
		Default: "show",
		Verbs: []tool.Verb{{
			Name: "show", Alias: "list",
			Short: "Show the mounts that delegate commands of bpf(2), and what they allow",
			Run:   show,
		}},
	}
	return n.Command()
}

func show(r *tool.Run) error {
	if err := r.End(); err != nil {
		return err
	}
	list, err := inspect.Delegations()
	if err != nil {
		return err
	}
	if r.JSON != nil {
		r.JSON.Array()
		defer r.JSON.EndArray()
	}
	for _, d := range list {
		parts := [...]struct {
			name  string
			words []string
		}{
			{"allowed_cmds", d.Commands}, {"allowed_maps", d.MapTypes},
			{"allowed_progs", d.ProgTypes}, {"allowed_attachs", d.AttachTypes},
		}
		if r.JSON == nil {
			r.Printf("token_info  %s", d.Path)
			for _, p := range parts {
				r.Printf("\n\t%s:\n\t  %s", p.name, strings.Join(p.words, " "))
			}
			r.Printf("\n")
			continue
		}
		r.JSON.Object()
		r.JSON.StringKey("token_info", d.Path)
		for _, p := range parts {
			r.JSON.Key(p.name)
			r.JSON.Array()
			for _, word := range p.words {
				r.JSON.String(word)
			}
			r.JSON.EndArray()
		}
		r.JSON.EndObject()
	}
	return nil
}
