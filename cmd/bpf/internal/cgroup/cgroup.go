// Package cgroup is the command bpf cgroup: the programs of cgroups, with bpftool's words.
package cgroup

import (
	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
)

// Command returns the command bpf cgroup.
func Command() *cobra.Command {
	n := tool.Noun{
		Name: "cgroup", Short: "Show, attach and detach programs of cgroups",
		Long: `Show, attach and detach programs of cgroups.

CGROUP is the path of a cgroup's directory. TYPE is the name of an attach type, such as
cgroup_inet_egress, or one of bpftool's short names, such as egress.`,
		Verbs: []tool.Verb{
			{
				Name: "show", Alias: "list", Args: "CGROUP [effective]",
				Short:    "Show the programs of a cgroup, or all that run in it",
				Keywords: []string{"effective"}, Run: show,
			},
			{
				Name: "tree", Args: "[CGROUP] [effective]",
				Short:    "Show the programs of a cgroup and of those below it; of all by default",
				Keywords: []string{"effective"}, Run: tree,
			},
			{
				Name: "attach", Args: "CGROUP TYPE PROG [multi|override]",
				Short:    "Attach a program to a cgroup, where it stays",
				Keywords: []string{"id", "tag", "name", "pinned", "multi", "override"}, Run: attach,
			},
			{
				Name: "detach", Args: "CGROUP TYPE PROG", Short: "Detach a program from a cgroup",
				Keywords: []string{"id", "tag", "name", "pinned"}, Run: detach,
			},
		},
	}
	return n.Command()
}
