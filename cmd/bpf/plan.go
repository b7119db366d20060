package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/spf13/cobra"
)

type planFlags struct {
	objectOptions
	settings
	btf    []string
	asJSON bool
}

func newPlanCommand() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan OBJ [--btf FILE|DIR]...",
		Short: "Print what loading an object would ask of a kernel, without doing it",
		Long: `Plan prints what loading an object would ask of a kernel, and loads nothing: the BTF to upload, the
maps in order, the programs with their attach targets, CO-RE relocations and externs, and everything
that is skipped, sanitised or poisoned.

  sudo bpf plan opensnoop.bpf.o
  bpf plan opensnoop.bpf.o --btf vmlinux-6.1.btf

Without --btf, plan examines the running kernel. That needs CAP_BPF and CAP_PERFMON, since plan
creates small maps and programs to find out what the kernel supports. --btf names a recorded kernel,
on any OS and without privileges; "bpf check --help" describes its files. Facts that a recording
lacks count as missing. If something is missing, the plan says so and continues, and the exit status
is 1.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := f.open(args[0])
			if err != nil {
				return err
			}
			if err := f.apply(o); err != nil {
				return err
			}
			if len(f.btf) > 0 {
				return f.recorded(cmd.OutOrStdout(), o)
			}
			return f.running(cmd.OutOrStdout(), o)
		},
	}
	f.all(cmd.Flags())
	f.flags(cmd.Flags())
	cmd.Flags().StringArrayVar(&f.btf, "btf", nil,
		"kernel to plan for instead of the running one (repeatable)")
	cmd.Flags().BoolVarP(&f.asJSON, "json", "j", false,
		"print JSON, with --btf one document per kernel")
	return cmd
}

// running plans for the kernel of this machine.
func (f *planFlags) running(w io.Writer, o *object.Object) error {
	opts, err := f.plan()
	if err != nil {
		return err
	}
	k, token, err := f.kernel()
	if err != nil {
		return err
	}
	defer token.Close()
	if f.token == "" {
		if err := k.Require("probing what this kernel has",
			kernel.CapBPF, kernel.CapPerfmon); err != nil {
			return err
		}
	}
	p, err := plan.Resolve(o, k, opts)
	if err != nil {
		return err
	}
	return f.print(w, p)
}

// recorded plans for kernels that are not running, as far as possible.
func (f *planFlags) recorded(w io.Writer, o *object.Object) error {
	targets, err := recordedKernels(f.btf)
	if err != nil {
		return err
	}
	opts, err := f.plan()
	if err != nil {
		return err
	}
	opts.Foreign, opts.KeepGoing = true, true
	bad := false
	for i, t := range targets {
		p, err := plan.Resolve(o, withCPUs{t.kernel}, opts)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		bad = bad || len(p.Errors) > 0
		for _, prog := range p.Programs {
			bad = bad || prog.Err != nil
		}
		if !f.asJSON && len(targets) > 1 {
			if i > 0 {
				fmt.Fprintln(w)
			}
			say(w, "kernel %s", t.name)
			fmt.Fprintln(w)
		}
		if err := f.print(w, p); err != nil {
			return err
		}
	}
	if bad {
		return tool.Failed
	}
	return nil
}

func (f *planFlags) print(w io.Writer, p *plan.Plan) error {
	if f.asJSON {
		enc := json.NewEncoder(printable.JSON{To: w})
		enc.SetIndent("", "  ")
		return enc.Encode(p.View())
	}
	_, err := p.WriteTo(w)
	return err
}

// withCPUs is a kernel whose number of CPUs counts as 1 if it was not recorded.
type withCPUs struct{ facts.Kernel }

// PossibleCPUs returns the recorded number, else 1.
func (k withCPUs) PossibleCPUs() (int, error) {
	n, err := k.Kernel.PossibleCPUs()
	if errors.Is(err, facts.ErrNotRecorded) {
		return 1, nil
	}
	return n, err
}
