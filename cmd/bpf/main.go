// Command bpf loads, checks, runs and disassembles compiled BPF objects. `bpf help` lists the verbs; each verb is one file here.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	out := &output{to: os.Stdout}
	root := newRootCommand()
	root.SetOut(out)
	err := root.ExecuteContext(ctx)
	stop()
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

// output remembers the first failure to write, so that a command whose text went nowhere fails, whoever printed it.
type output struct {
	to     io.Writer
	failed error
}

func (o *output) Write(p []byte) (n int, err error) {
	n, err = o.to.Write(p)
	if o.failed == nil {
		o.failed = err
	}
	return n, err
}

// endings are the signals at which a command ends in order: Ctrl-C, kill, a reader who has had enough, a terminal that closes (unless nohup
// says to go on).
func endings() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE}
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
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
	return root
}
