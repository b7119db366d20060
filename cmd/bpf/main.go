// Command bpf loads, checks, runs and disassembles compiled BPF objects. `bpf help` lists the
// verbs; each verb is one file here.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/internal/printable"
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // a write returns it as an error
	bpf.SetLogger(logger())
	out := &output{to: os.Stdout}
	text, errText := printable.NewWriter(out), printable.NewWriter(os.Stderr)
	line := os.Args[1:]
	root := newCommandLine(line)
	root.SetOut(text)
	root.SetErr(errText)
	err := root.ExecuteContext(tool.WithRoot(context.Background(), newCommandLine))
	text.Flush()
	errText.Flush()
	if err == nil {
		err = out.failed
	}
	if err == nil {
		return
	}
	if errors.Is(err, syscall.EPIPE) {
		os.Exit(1) // nobody would read an error message
	}
	var told tool.ExitStatus
	if errors.As(err, &told) {
		os.Exit(int(told))
	}
	status, isTold := tool.Tell(out, root, line, err)
	if isTold {
		os.Exit(int(status))
	}
	var own usageError
	if _, _, findErr := root.Find(line); errors.As(err, &own) ||
		findErr != nil && findErr.Error() == err.Error() {
		// proposes commands, in lines of its own
		fmt.Fprintln(os.Stderr, "bpf:", printable.Lines(err.Error()))
	} else {
		tellErrors(os.Stderr, err)
	}
	os.Exit(int(status))
}

// logger returns the logger of the process: LIBBPF_LOG_LEVEL decides, warnings if it is unset.
func logger() *slog.Logger {
	if _, set := os.LookupEnv("LIBBPF_LOG_LEVEL"); set {
		return bpf.EnvLogger()
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// tellErrors writes each error of an errors.Join on a line.
func tellErrors(w io.Writer, err error) {
	const prefix = "bpf: "
	var lines []string
	for list := []error{err}; len(list) > 0; {
		first := list[0]
		list = list[1:]
		if parts, ok := printable.Parts(first); ok {
			list = append(slices.Clone(parts), list...)
			continue
		}
		lines = append(lines, printable.Error(first))
	}
	fmt.Fprintln(w, prefix+strings.Join(lines, "\n"))
}

// usageError has lines of its own.
type usageError struct{ error }

// nearFlag adds similar flags of the command to an error about an unknown flag.
func nearFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return err
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return withNear(err, "--"+unknown.GetSpecifiedName(), names...)
}

// newCommandLine returns the command bpf that will run a command line, in which bpftool's commands
// may be abbreviated.
func newCommandLine(line []string) *cobra.Command {
	line = tool.VersionFirst(line)
	root := newRootCommand(line...)
	root.SetArgs(tool.Expand(root, line))
	return root
}

// newRootCommand returns the command bpf for a command line; without one it has all verbs.
func newRootCommand(line ...string) *cobra.Command {
	root := &cobra.Command{
		Use:   "bpf",
		Short: "Load, run, check and disassemble compiled BPF objects",
		Long: `Load, run, check and disassemble compiled BPF objects.

  sudo bpf run              count packets on loopback
  sudo bpf run prog.bpf.o   load an object, attach its programs, show their events and maps
  bpf check prog.bpf.o      print what the object needs of a kernel`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	new(tool.Options).Hidden(root.Flags())
	root.AddGroup(&cobra.Group{ID: objects, Title: "Objects:"},
		&cobra.Group{ID: system, Title: "A running system, as bpftool:"})
	root.AddCommand(commands(line)...)
	root.SetFlagErrorFunc(nearFlag)
	root.InitDefaultHelpCmd()
	if help, _, err := root.Find([]string{"help"}); err == nil {
		// otherwise help for an unknown verb is the general one, without an error
		help.Args = func(_ *cobra.Command, args []string) error {
			if _, _, err := root.Find(args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	return root
}
