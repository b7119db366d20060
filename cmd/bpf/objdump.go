package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/purebpf/bpf/internal/input"
	"github.com/purebpf/bpf/internal/objdump"
	"github.com/spf13/cobra"
)

func newObjdumpCommand() *cobra.Command {
	var opts objdump.Options
	cmd := &cobra.Command{
		Use:   "objdump [-S] [--no-show-raw-insn] [--no-comments] OBJ...",
		Short: "Disassemble the code of compiled objects",
		Long: `Objdump disassembles compiled BPF objects of either byte order, as llvm-objdump -d does.

A comment after each instruction (" # ") names what it uses: the helper, kfunc or subprogram that it
calls, the map, variable, string or extern that it loads, or the field that CO-RE relocates. With
--no-comments the output is llvm-objdump's, byte for byte.`,
		Example: `  bpf objdump -S counter.bpf.o
  bpf objdump --no-show-raw-insn *.bpf.o`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, paths []string) error {
			return runObjdump(cmd.OutOrStdout(), cmd.ErrOrStderr(), paths, opts)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&opts.Source, "source", "S", false, "show lines of source text, from .BTF.ext")
	f.BoolVar(&opts.NoRaw, "no-show-raw-insn", false, "leave the bytes of the instructions out")
	f.BoolVar(&opts.NoComments, "no-comments", false, "leave the comments out")
	return cmd
}

// runObjdump lists each object. An object that can't be read doesn't keep the others from being
// listed.
func runObjdump(stdout, stderr io.Writer, paths []string, opts objdump.Options) error {
	out := bufio.NewWriter(stdout)
	var errs []error
	for _, path := range paths {
		opts.Warn = func(text string) { say(stderr, "bpf: warning: %s: %s", path, text) }
		raw, err := input.ReadStored(path, input.MaxObject)
		if err == nil {
			if err = objdump.Write(out, path, raw, &opts); err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
		}
		if err != nil {
			errs = append(errs, err)
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}
