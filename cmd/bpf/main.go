// Command bpf loads, checks, runs and disassembles compiled BPF objects. `bpf help` lists the verbs; each verb is one file here.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // it is an error of the write
	out := &output{to: os.Stdout}
	root := newRootCommand()
	root.SetOut(out)
	err := root.ExecuteContext(context.Background())
	if err == nil {
		err = out.failed
	}
	if err == nil {
		return
	}
	if errors.Is(err, syscall.EPIPE) {
		os.Exit(1) // nobody reads what would be said
	}
	var status exitStatus
	if errors.As(err, &status) {
		os.Exit(int(status))
	}
	fmt.Fprintln(os.Stderr, "bpf:", err)
	os.Exit(1)
}

// exitStatus ends the program with a status of its own after a command has already said all there is to say.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "bpf",
		Short:         "Load, run, check and disassemble compiled BPF objects",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(commands()...)
	root.InitDefaultHelpCmd()
	if help, _, err := root.Find([]string{"help"}); err == nil {
		help.Args = func(_ *cobra.Command, args []string) error { // else help for no such verb is the general one, and no error
			_, _, err := root.Find(args)
			return err
		}
	}
	return root
}
