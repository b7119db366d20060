// Package structops is the command bpf struct_ops: implementations of the kernel's operations by
// programs, with bpftool's words.
package structops

import (
	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
)

// Command returns the command bpf struct_ops.
func Command() *cobra.Command {
	n := tool.Noun{
		Name: "struct_ops", Short: "Show, register and unregister struct_ops maps",
		Default: "show",
		Verbs: []tool.Verb{
			{
				Name: "show", Alias: "list", Args: "[MAP]",
				Short:    "Show struct_ops maps: all, or those that MAP, id N or name NAME, names",
				Keywords: []string{"id", "name"}, Run: show,
			},
			{
				Name: "register", Args: "OBJ [LINK_DIR]",
				Short: "Load an object and register its struct_ops maps, which stay",
				Run:   register,
			},
			{
				Name: "unregister", Args: "MAP",
				Short:    "Unregister a struct_ops map that has no link",
				Keywords: []string{"id", "name"}, Run: unregister,
			},
		},
	}
	return n.Command()
}
