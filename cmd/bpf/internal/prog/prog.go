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
		Long: `Prog shows, dumps, loads, pins and runs programs in the kernel. PROG is id N, tag TAG, name NAME or
pinned PATH, MAP is id N, name NAME or pinned PATH. Words may be abbreviated as in bpftool.

The exit status is 1 after an error, and 2 if what is named does not exist.`,
		Default: "show",
		Verbs: []tool.Verb{
			showVerb(),
			dumpVerb(),
			pinVerb(),
			loadVerb(),
			loadallVerb(),
			attachVerb(),
			detachVerb(),
			tracelogVerb(),
			runVerb(),
		},
	}
	return n.Command()
}
