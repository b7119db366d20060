package prog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

func tracelogVerb() tool.Verb {
	return tool.Verb{
		Name: "tracelog", Args: "[stdout|stderr PROG]",
		Short: "Print what programs print, until Ctrl-C",
		Long: `Tracelog prints what all programs print with bpf_printk, until Ctrl-C. It reads the kernel's
trace_pipe, so no other reader gets these lines; bpf run has a pipe of its own.

With stdout or stderr it prints what a program has written to its stream, and ends (Linux 6.17).
The kernel reports faults of programs on stderr.`,
		Keywords: []string{"stdout", "stderr", "id", "tag", "name", "pinned"},
		Run:      tracelog,
	}
}

func tracelog(r *tool.Run) error {
	from := sys.Stream(0)
	switch {
	case !r.More():
		return tracePipe(r)
	case r.Take("stdout"):
		from = sys.StreamStdout
	case r.Take("stderr"):
		from = sys.StreamStderr
	default:
		return r.Unexpected()
	}
	h, err := r.Program()
	if err != nil {
		return err
	}
	if err := r.End(); err != nil {
		return err
	}
	p, err := h.OneProgram()
	if err != nil {
		return err
	}
	defer p.Close()
	w := newLineWriter(r)
	for buf := make([]byte, 4096); ; {
		n, err := inspect.ReadStream(p, from, buf)
		if err != nil {
			return fmt.Errorf("read what program %s printed: %w", p.Name(), err)
		}
		if n == 0 {
			return w.end()
		}
		w.add(buf[:n])
	}
}

// tracePipe prints the lines of the kernel's trace pipe until a signal ends it.
func tracePipe(r *tool.Run) error {
	root, err := kernel.Running().Tracefs()
	if err != nil {
		return err
	}
	pipe, err := os.OpenFile(filepath.Join(root, "trace_pipe"), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer pipe.Close()
	ctx, stop := tool.UntilSignal(r.Context())
	defer stop()
	defer context.AfterFunc(ctx, func() { pipe.Close() })()
	w := newLineWriter(r)
	for buf := make([]byte, 4096); ; {
		n, err := pipe.Read(buf)
		w.add(buf[:n])
		if flushErr := r.Flush(); flushErr != nil {
			return flushErr
		}
		if err != nil {
			if errors.Is(err, os.ErrClosed) || errors.Is(err, io.EOF) {
				err = nil
			}
			return errors.Join(err, w.end())
		}
	}
}

// lineWriter prints text by lines: as it is, or as an array of strings.
type lineWriter struct {
	*tool.Run
	part string // of a line that isn't complete
}

func newLineWriter(r *tool.Run) *lineWriter {
	if r.JSON != nil {
		r.JSON.Array()
	}
	return &lineWriter{Run: r}
}

func (w *lineWriter) add(text []byte) {
	w.part += string(text)
	for {
		line, rest, whole := strings.Cut(w.part, "\n")
		if !whole {
			return
		}
		w.part = rest
		w.line(line)
	}
}

func (w *lineWriter) line(text string) {
	if w.JSON != nil {
		w.JSON.String(text)
	} else {
		w.Printf("%s\n", text)
	}
}

func (w *lineWriter) end() error {
	if w.part != "" {
		w.line(w.part)
	}
	if w.JSON != nil {
		w.JSON.EndArray()
	}
	return nil
}
