package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/internal/verdict"
	"github.com/purebpf/bpf/internal/verify"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/spf13/cobra"
)

func newVerifyCommand() *cobra.Command {
	var asJSON, wholeLog bool
	var options objectOptions
	var settings settings
	cmd := &cobra.Command{
		Use:   "verify [-j] OBJ...",
		Short: "Load objects without attaching them, and print whether the kernel accepts them",
		Long: `Verify opens and loads each object, prints whether the kernel accepts it, and unloads it again. It
attaches and pins nothing, and ignores existing pins.

  bpf verify *.bpf.o
  bpf verify --log refused.bpf.o
  bpf verify cpudist.bpf.o --map start:max_entries=10240 --map hists:max_entries=1024

With -j each object is one line of JSON: the verdict, and the kernel's information about its
programs (tag, translated size) and maps. The exit status is 1 if an object didn't load.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := options.load()
			if err != nil {
				return err
			}
			if options.token == "" {
				if err := kernel.Running().Require("loading objects", kernel.CapBPF); err != nil {
					return err
				}
			}
			out := cmd.OutOrStdout()
			failed := false
			for _, path := range args {
				v, err := verify.With(path, opts, func(path string) (*object.Object, error) {
					o, err := options.open(path)
					if err == nil {
						err = settings.apply(o)
					}
					return o, err
				})
				failed = failed || err != nil
				if asJSON {
					line, err := json.Marshal(v)
					if err != nil {
						return err
					}
					fmt.Fprintf(printable.JSON{To: out}, "%s\n", line)
					continue
				}
				fmt.Fprintln(out, verdictLine(v, err))
				var refused *bpf.VerifierError
				if wholeLog && errors.As(err, &refused) {
					fmt.Fprintf(out, "%+v\n", refused)
				}
			}
			if failed {
				return tool.Failed
			}
			return nil
		},
	}
	options.resolving(cmd.Flags())
	settings.flags(cmd.Flags())
	options.delegated(cmd.Flags())
	cmd.Flags().BoolVarP(&asJSON, "json", "j", false, "one line of JSON per object")
	cmd.Flags().BoolVar(&wholeLog, "log", false,
		"print the whole verifier log of a refused program")
	return cmd
}

func verdictLine(v verdict.Object, err error) string {
	if err != nil {
		if strings.HasPrefix(err.Error(), v.Object+" ") {
			return "BAD  " + printable.Error(err)
		}
		return "BAD  " + printable.Text(v.Object) + ": " + printable.Error(err)
	}
	loaded := 0
	for _, p := range v.Programs {
		if p.Loaded {
			loaded++
		}
	}
	if len(v.Programs) == 0 {
		why := "nothing was verified"
		if o, err := bpf.Open(v.Object, nil); err == nil {
			why = o.WhyNoPrograms()
		}
		return printable.Text(
			fmt.Sprintf("OK   %s: no programs: %s; %d maps", v.Object, why, len(v.Maps)))
	}
	return fmt.Sprintf("OK   %s: %d of %d programs loaded, %d maps",
		printable.Text(v.Object), loaded, len(v.Programs), len(v.Maps))
}
