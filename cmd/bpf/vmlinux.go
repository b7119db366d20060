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
		Long: `Vmlinux writes a C header with the types of a kernel and the prototypes of its kfuncs. It
reads the BTF of the running kernel, or of FILE: a vmlinux image, BTF as in /sys/kernel/btf, a
module or a BPF object. BPF programs that include the header need no kernel headers. They also run
on other kernels, since accesses to its types are relocated (CO-RE).

With --types the header has only the named types and the types that they need.`,
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
	fl.StringSliceVar(&f.types, "types", nil, "write only these types and what they need")
	fl.StringVarP(&f.base, "base-btf", "B", "",
		"BTF of the kernel that the module in FILE belongs to")
	fl.BoolVar(&f.unsorted, "unsorted", false,
		"write types in the order of the BTF instead of by name")
	fl.StringVar(&f.guard, "guard", "", "macro of the include guard (default __VMLINUX_H__)")
	return cmd
}
