// Package printk reads what the programs of an object print with bpf_printk. A trace instance of
// its own in tracefs takes nothing from other readers of trace_pipe. The kernel doesn't say which
// program printed a message: what matches none of the object's formats is left out.
package printk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Message is one message.
type Message struct {
	Task string // the task that ran the program, as the kernel writes it: "ping-4711"
	Text string // without the newline at its end
	Lost int    // > 0: so many events were lost here, and there is no message
}

// Reader reads messages.
type Reader struct {
	formats *Formats
	dir     string // of the instance
	pipe    *os.File
	rest    []byte
	last    *Message // whose text may continue in the next line
}

// prefix is how the names of instances begin, followed by the number of their process.
const prefix = "purebpf-printk-"

// New makes a trace instance in the tracefs at root. Instances of processes that have ended are
// removed: exists tells. It needs root, and Linux 5.9, from which on messages are an event.
func New(root string, formats *Formats, exists func(pid int) bool) (*Reader, error) {
	old, _ := filepath.Glob(filepath.Join(root, "instances", prefix+"*"))
	for _, dir := range old {
		pid, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(dir), prefix))
		if err == nil && !exists(pid) {
			os.Remove(dir)
		}
	}
	r := &Reader{formats: formats,
		dir: filepath.Join(root, "instances", prefix+strconv.Itoa(os.Getpid()))}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		return nil, err
	}
	if err := r.start(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Reader) start() error {
	for _, f := range [][2]string{
		{"buffer_size_kb", "64"},
		{"events/bpf_trace/bpf_trace_printk/enable", "1"},
	} {
		if err := os.WriteFile(filepath.Join(r.dir, f[0]), []byte(f[1]), 0); err != nil {
			return err
		}
	}
	var err error
	r.pipe, err = os.OpenFile(filepath.Join(r.dir, "trace_pipe"), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	return err
}

// Close removes the instance.
func (r *Reader) Close() error {
	if r.pipe != nil {
		r.pipe.Close()
	}
	if err := os.Remove(r.dir); err != nil {
		return fmt.Errorf("remove the trace instance of bpf_printk: %w", err)
	}
	return nil
}

// pause is the time between looks at an empty pipe. Its poll may wake readers only when a part of
// the buffer is full.
const pause = 50 * time.Millisecond

// lastMessages is how long messages are read after the end: a program may print one for each read.
const lastMessages = time.Second

// Read calls each for every message until ctx ends, and then for those that are there.
func (r *Reader) Read(ctx context.Context, each func(Message) error) error {
	buf := make([]byte, 4096)
	var end time.Time
	for {
		last := ctx.Err() != nil
		if last && end.IsZero() {
			end = time.Now().Add(lastMessages)
		}
		r.pipe.SetReadDeadline(time.Now().Add(pause))
		n, err := r.pipe.Read(buf)
		switch {
		case n > 0:
			if err := r.lines(buf[:n], each); err != nil {
				return err
			}
			if last && time.Now().After(end) {
				return r.flush(each)
			}
			continue
		case errors.Is(err, syscall.EAGAIN) && !last: // no deadlines here
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		case err != nil && err != io.EOF && !errors.Is(err, syscall.EAGAIN) &&
			!errors.Is(err, os.ErrDeadlineExceeded):
			return err
		}
		if err := r.flush(each); err != nil || last {
			return err
		}
	}
}

// lines takes a piece of the pipe.
func (r *Reader) lines(piece []byte, each func(Message) error) error {
	r.rest = append(r.rest, piece...)
	for {
		line, rest, whole := bytes.Cut(r.rest, []byte{'\n'})
		if !whole {
			return nil
		}
		if err := r.line(string(line), each); err != nil {
			return err
		}
		r.rest = append(r.rest[:0], rest...)
	}
}

// line takes a line: one with a prefix begins a message, another one continues it.
func (r *Reader) line(line string, each func(Message) error) error {
	var lost int
	if _, after, ok := strings.Cut(line, " [LOST "); ok && strings.HasPrefix(line, "CPU:") {
		lost, _ = strconv.Atoi(strings.TrimSuffix(after, " EVENTS]"))
	}
	head, text, begins := strings.Cut(line, ": bpf_trace_printk: ")
	switch {
	case lost > 0:
		if err := r.flush(each); err != nil {
			return err
		}
		return each(Message{Lost: lost})
	case begins:
		if err := r.flush(each); err != nil {
			return err
		}
		task := head[:max(strings.LastIndex(head, " ["), 0)] // the CPU follows
		r.last = &Message{Task: strings.TrimSpace(task), Text: text}
	case r.last != nil:
		r.last.Text += "\n" + line
	}
	return nil
}

// flush hands on the last message if it may be one of the object.
func (r *Reader) flush(each func(Message) error) error {
	m := r.last
	r.last = nil
	if m == nil {
		return nil
	}
	if m.Text = strings.TrimRight(m.Text, "\n"); !r.formats.Match(m.Text) {
		return nil
	}
	return each(*m)
}
