// Package network is the command bpf net: the programs of network interfaces, with bpftool's words.
package network

import (
	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
)

// Command returns the command bpf net.
func Command() *cobra.Command {
	n := tool.Noun{
		Name: "net", Short: "Show, attach and detach programs of network interfaces",
		Long: `Show, attach and detach programs of the interfaces of this process's network namespace.

TYPE is xdp, xdpgeneric, xdpdrv, xdpoffload, tcx_ingress or tcx_egress.`,
		Default: "show",
		Verbs: []tool.Verb{
			{
				Name: "show", Alias: "list", Args: "[dev IF]",
				Short:    "Show XDP, TC, flow dissector and netfilter programs",
				Keywords: []string{"dev"}, Run: show,
			},
			{
				Name: "attach", Args: "TYPE PROG dev IF [overwrite|prepend]",
				Short: "Attach a program to an interface, where it stays",
				Keywords: append([]string{"id", "tag", "name", "pinned", "dev", "overwrite",
					"prepend"}, kinds[:]...),
				Run: attach,
			},
			{
				Name: "detach", Args: "TYPE dev IF", Short: "Detach the program of an interface",
				Keywords: append([]string{"dev"}, kinds[:]...), Run: detach,
			},
		},
	}
	return n.Command()
}
