package main

import (
	"encoding/json"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/plan"
	"github.com/spf13/cobra"
)

func newPlanCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "plan OBJ",
		Short: "Print what loading an object would ask of the running kernel; nothing is done",
		Long: `Plan resolves an object against the running kernel and prints the result: BTF to upload, maps in order, programs with their attach
targets, CO-RE relocations and externs, and everything that was skipped, sanitised or poisoned on the way. Nothing is loaded.

It needs CAP_BPF and CAP_PERFMON: what a kernel lacks is found out by asking it for small maps and programs. bpf check does without.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := bpf.Open(args[0])
			if err != nil {
				return err
			}
			k := kernel.Running()
			if err := k.Require("probing what this kernel has", kernel.CapBPF, kernel.CapPerfmon); err != nil {
				return err
			}
			p, err := plan.Resolve(o, k, nil)
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(p.View())
			}
			_, err = p.WriteTo(cmd.OutOrStdout())
			return err
		},
	}
	cmd.Flags().BoolVarP(&asJSON, "json", "j", false, "print JSON")
	return cmd
}
