package tool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/printable"
)

// Run is one run of a command. It prints to JSON if that is not nil, to Text otherwise.
type Run struct {
	*Options
	*Words
	JSON *JSON
	// Text is buffered. Names in it are escaped by Printf and Name, and as a last resort by what it
	// writes to.
	Text *bufio.Writer
	Cmd  *cobra.Command

	owners *inspect.Owners
	pins   map[inspect.Held][]string
}

func newRun(cmd *cobra.Command, o *Options, args []string) *Run {
	out := cmd.OutOrStdout()
	r := &Run{Options: o, Words: &Words{Rest: args}, Text: bufio.NewWriterSize(out, flushAt),
		Cmd: cmd}
	if o.AsJSON() {
		if w, ok := out.(interface{ Unwrap() io.Writer }); ok {
			out = w.Unwrap() // JSON escapes what does not print
		}
		r.JSON = NewJSON(out, o.Pretty)
	}
	return r
}

// Context ends when the command should.
func (r *Run) Context() context.Context { return r.Cmd.Context() }

// Printf prints text; names in args are escaped.
func (r *Run) Printf(format string, args ...any) {
	for i, arg := range args {
		switch a := arg.(type) {
		case string:
			args[i] = printable.Text(a)
		case error:
			args[i] = printable.Error(a)
		case fmt.Stringer:
			args[i] = printable.Text(a.String())
		}
	}
	fmt.Fprintf(r.Text, format, args...)
}

// Info prints a line for a person on standard error, and nothing with -j.
func (r *Run) Info(format string, args ...any) {
	if r.JSON != nil {
		return
	}
	r.Text.Flush()
	fmt.Fprintln(r.Cmd.ErrOrStderr(), printable.Text(fmt.Sprintf(format, args...)))
}

// Flush writes what is held back, for commands that print while they wait.
func (r *Run) Flush() error {
	if r.JSON != nil {
		r.JSON.Flush()
		return r.JSON.err
	}
	return r.Text.Flush()
}

// end ends the output. With -j it tells the error, and returns only the status.
func (r *Run) end(err error) error {
	if r.JSON == nil {
		return errors.Join(r.Text.Flush(), err)
	}
	var told ExitStatus
	if err != nil && !errors.As(err, &told) {
		r.JSON.Fail(printable.Error(err))
		told = statusOf(err)
	}
	if err := r.JSON.Close(); err != nil {
		return err
	}
	if err != nil {
		return told
	}
	return nil
}

// Owners returns the processes that have an object open; none with --no-owners.
func (r *Run) Owners(kind inspect.Kind, id uint32) []inspect.Owner {
	if r.NoOwners {
		return nil
	}
	if r.owners == nil {
		var err error
		if r.owners, err = inspect.ReadOwners(); err != nil {
			r.owners = &inspect.Owners{}
		}
	}
	return r.owners.Of(kind, id)
}

// ShowOwners prints the owners of an object: the key pids, or a line.
func (r *Run) ShowOwners(kind inspect.Kind, id uint32) {
	owners := r.Owners(kind, id)
	if len(owners) == 0 {
		return
	}
	if r.JSON == nil {
		for i, o := range owners {
			lead := ", "
			if i == 0 {
				lead = "\n\tpids "
			}
			r.Printf(lead+"%s(%d)", o.Name, o.PID)
		}
		return
	}
	r.JSON.Key("pids")
	r.JSON.Array()
	for _, o := range owners {
		r.JSON.Object()
		r.JSON.UintKey("pid", uint64(o.PID))
		r.JSON.StringKey("comm", o.Name)
		r.JSON.EndObject()
	}
	r.JSON.EndArray()
}

// ShowPins prints where an object is pinned if -f asks for it: the key pinned, or lines.
func (r *Run) ShowPins(kind inspect.Kind, id uint32) error {
	if !r.Pins {
		return nil
	}
	if r.pins == nil {
		list, err := inspect.Pins()
		if err != nil {
			return err
		}
		r.pins = map[inspect.Held][]string{}
		for _, p := range list {
			r.pins[p.Held] = append(r.pins[p.Held], p.Path)
		}
	}
	paths := r.pins[inspect.Held{Kind: kind, ID: id}]
	if r.JSON == nil {
		for _, path := range paths {
			r.Printf("\n\tpinned %s", path)
		}
		return nil
	}
	r.JSON.Key("pinned")
	r.JSON.Array()
	for _, path := range paths {
		r.JSON.String(path)
	}
	r.JSON.EndArray()
	return nil
}
