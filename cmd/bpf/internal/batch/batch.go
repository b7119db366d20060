// Package batch is the command bpf batch, which runs commands from a file.
package batch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
)

// Command returns the command bpf batch.
func Command() *cobra.Command {
	v := tool.Verb{
		Name: "batch", Args: "file FILE",
		Short: "Run commands from a file, until one fails",
		Long: `Batch runs the commands in a file, or with - those on standard input. Each line is a command
without bpf at its beginning. Words may be in quotes, # begins a comment, and a line that ends in \
continues in the next one. The first command that fails ends the batch; the error names its line.

Options of batch hold for all commands. With -j, the output is an array with the words and the
output of each command.`,
		Example: `  bpf batch file commands
  echo "prog show" | bpf -j batch file -`,
		Keywords: []string{"file"},
		Run:      run,
	}
	return v.Command()
}

func run(r *tool.Run) error {
	if !r.Take("file") {
		return r.Unexpected()
	}
	path, err := r.Next("path of a file, or -")
	if err != nil {
		return err
	}
	if err := r.End(); err != nil {
		return err
	}
	in, name := io.Reader(os.Stdin), "standard input"
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		in, name = f, path
	}
	if r.JSON != nil {
		r.JSON.Array()
	}
	lines := newReader(in)
	n := 0
	for {
		words, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = command(r, words)
		}
		if err != nil {
			return &lineError{name, lines.number, err}
		}
		n++
	}
	if r.JSON != nil {
		r.JSON.EndArray()
	}
	r.Info("processed %d commands", n)
	return nil
}

// lineError is the error of a command, with its line.
type lineError struct {
	file string
	line int
	err  error
}

func (e *lineError) Error() string {
	text := e.err.Error()
	if e.isTold() {
		text = "the command failed"
	}
	return fmt.Sprintf("%s: line %d: %s", e.file, e.line, text)
}

func (e *lineError) Unwrap() error {
	if e.isTold() {
		return nil // the command has told its error, the batch tells which it was
	}
	return e.err
}

// isTold reports whether the command has printed its error.
func (e *lineError) isTold() bool {
	var told tool.ExitStatus
	return errors.As(e.err, &told)
}

// command runs one command with the options of the batch.
func command(r *tool.Run, words []string) error {
	root := tool.NewRoot(r.Context(), words)
	if root == nil {
		return errors.New("no commands can be run here")
	}
	line := tool.Expand(root, words)
	found, _, err := root.Find(line)
	if err != nil {
		return err
	}
	if found.Name() == "batch" {
		return errors.New("a batch in a batch is not possible")
	}
	root.SetArgs(append(line, r.Options.For(found)...))
	root.SetErr(r.Cmd.ErrOrStderr())
	if r.JSON == nil {
		if err := r.Flush(); err != nil {
			return err
		}
		root.SetOut(r.Cmd.OutOrStdout())
		return root.ExecuteContext(r.Context())
	}
	var out bytes.Buffer
	root.SetOut(&out)
	err = root.ExecuteContext(r.Context())
	r.JSON.Object()
	r.JSON.Key("command")
	r.JSON.Array()
	for _, w := range words {
		r.JSON.String(w)
	}
	r.JSON.EndArray()
	r.JSON.Key("output")
	document(r.JSON, out.Bytes())
	r.JSON.EndObject()
	return err
}

// document writes what a command has printed: as JSON if it is, or as text.
func document(j *tool.JSON, text []byte) {
	if len(bytes.TrimSpace(text)) == 0 {
		j.Null()
		return
	}
	if !json.Valid(text) {
		j.String(string(text))
		return
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	value(j, d)
}

// value writes the next value of d, which is valid JSON.
func value(j *tool.JSON, d *json.Decoder) {
	token, err := d.Token()
	if err != nil {
		return
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '[' {
			j.Array()
			for d.More() {
				value(j, d)
			}
			d.Token()
			j.EndArray()
			return
		}
		j.Object()
		for d.More() {
			key, _ := d.Token()
			name, _ := key.(string)
			j.Key(name)
			value(j, d)
		}
		d.Token()
		j.EndObject()
	case string:
		j.String(t)
	case json.Number:
		j.Raw([]byte(t))
	case bool:
		j.Bool(t)
	case nil:
		j.Null()
	}
}
