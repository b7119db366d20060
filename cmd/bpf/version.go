package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/purebpf/bpf/kernel"
	"github.com/spf13/cobra"
)

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this tool and of the running kernel",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "bpf %s %s/%s, %s\n", buildVersion(), runtime.GOOS, runtime.GOARCH,
				runtime.Version())
			k := kernel.Running()
			v := k.Version()
			fmt.Fprintf(out, "kernel %d.%d.%d", v>>16, v>>8&0xff, v&0xff)
			if spec, err := k.BTF(); err != nil {
				say(out, ", no BTF: %v", err)
			} else {
				fmt.Fprintf(out, ", BTF with %d types\n", spec.Len()-1)
			}
			return nil
		},
	}
}

// stamp is the version that scripts/release.sh gives the linker.
var stamp string

// buildVersion returns the stamp, the module's version, or the revision that it was built from.
func buildVersion() string {
	if stamp != "" {
		return stamp
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel " + s.Value[:12]
		}
	}
	return "(devel)"
}
