// Package prog is the command bpf prog: the programs in the kernel, with bpftool's words.
package prog

import (
	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
)

// Command returns the command bpf prog.
func Command() *cobra.Command {
	n := tool.Noun{
		Name: "prog", Short: "Show, dump, load, pin and run programs in the kernel",
		Default: "show",
		Verbs: []tool.Verb{
			showVerb(),
		},
	}
	return n.Command()
}
