package tool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/internal/printable"
)

// ExitStatus ends the program with a status of its own after a command has printed everything.
type ExitStatus int

// The exit statuses of failures.
const (
	Failed  ExitStatus = 1
	Missing ExitStatus = 2 // what was named on a running system, or the entry of a map, doesn't exist
)

func (s ExitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// statusOf returns the exit status for an error about a running system.
func statusOf(err error) ExitStatus {
	var status ExitStatus
	switch {
	case errors.As(err, &status):
		return status
	case errors.Is(err, fs.ErrNotExist):
		return Missing
	}
	return Failed
}

// Tell tells the error of a command line that failed before or after its command printed JSON, as
// JSON if the line asks for it. It returns the exit status, and whether it told the error.
func Tell(w io.Writer, root *cobra.Command, line []string, err error) (status ExitStatus, told bool) {
	cmd, _, findErr := root.Find(Expand(root, line))
	if findErr != nil {
		return Failed, false
	}
	if _, ours := cmd.Annotations[frameKey]; !ours {
		return Failed, false
	}
	o := OptionsOf(line)
	if !o.AsJSON() {
		return statusOf(err), false
	}
	j := NewJSON(w, o.Pretty)
	j.Fail(printable.Error(err))
	return statusOf(err), j.Close() == nil
}
