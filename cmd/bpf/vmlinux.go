package main

import (
	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/btf/cdump"
)

type vmlinuxFlags struct {
	types    []string
	base     string
	unsorted bool
	guard    string
}

func newVmlinuxCommand() *cobra.Command {
	var f vmlinuxFlags
	cmd := &cobra.Command{
		Use:   "vmlinux [FILE] [--types NAME,...]",
		Short: "Write vmlinux.h: the types of a kernel as a C header",
		Long: `Vmlinux writes a C header with the types of a kernel and the prototypes of its kfuncs, from the
BTF of the running kernel, or of FILE: a vmlinux image, BTF as in /sys/kernel/btf, a module, a
BPF object. BPF programs are compiled with it instead of kernel headers, and run on other kernels
too, since accesses to its types are relocated (CO-RE).

With --types the header has only these types and what they need.`,
		Example: `  bpf vmlinux > vmlinux.h
  bpf vmlinux --types task_struct,sk_buff > vmlinux.h
  bpf vmlinux /sys/kernel/btf/nf_conntrack > nf_conntrack.h`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := vmlinuxBTF
			if len(args) == 1 {
				path = args[0]
			}
			source, err := btfFromFile(path, f.base)
			if err != nil {
				return err
			}
			opts := cdump.Options{Unsorted: f.unsorted, Guard: f.guard}
			if opts.Roots, err = source.types(f.types); err != nil {
				return err
			}
			return cdump.Header(cmd.OutOrStdout(), source.spec, &opts)
		},
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.types, "types", nil, "only these types and what they need")
	fl.StringVarP(&f.base, "base-btf", "B", "", "BTF of the kernel, for that of a module in FILE")
	fl.BoolVar(&f.unsorted, "unsorted", false, "in the order of the BTF instead of by name")
	fl.StringVar(&f.guard, "guard", "", "macro of the include guard (default __VMLINUX_H__)")
	return cmd
}
