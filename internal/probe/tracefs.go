package probe

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/purebpf/bpf/kernel"
)

// tracefsEvent is an event in tracefs that this process made.
//
// A line written to a file of tracefs defines such an event; then it is used like a tracepoint. It
// belongs to the machine, not to the process: if the process is killed the event stays, attached to
// nothing, and occupies a name. So the name says who made it: "purebpf_PID_N_TARGET" here,
// "libbpf_PID_..." in C libbpf.
type tracefsEvent struct {
	id    uint64 // of perf_event_open
	root  string // of tracefs
	file  string // kprobe_events, uprobe_events
	group string
	name  string
}

// count numbers the events of this process.
var count atomic.Uint32

// nameMax is how long the name of an event may be (MAX_EVENT_NAME_LEN without its NUL).
const nameMax = 63

// eventName names the n-th event of process pid, on target: "purebpf_4711_3_do_unlinkat_0x0".
func eventName(pid int, n uint32, target string, offset uint64) string {
	name := []byte(fmt.Sprintf("purebpf_%d_%d_%s_0x%x", pid, n, target, offset))
	for i, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') {
			name[i] = '_'
		}
	}
	return string(name[:min(len(name), nameMax)])
}

// tries is how many names are tried: leftovers of a process with the same id may hold some.
const tries = 64

// define defines an event in the tracefs at root. kind is "kprobe" or "uprobe", place is in the
// format of tracefs ("func+0x0", "/bin/sh:0x1234"); target and offset become part of the name. The
// caller removes the event.
func define(root, kind string, ret bool, place, target string,
	offset uint64) (*tracefsEvent, error) {
	// A line in a file of tracefs ends at a newline or '#', its words at blanks.
	ends := func(r rune) bool { return r <= ' ' || r == 0x7f || r == '#' }
	if i := strings.IndexFunc(place, ends); i >= 0 {
		return nil, fmt.Errorf("tracefs accepts no %q in %q; use a link whose path has none: %w",
			place[i], place, syscall.EINVAL)
	}
	e := &tracefsEvent{root: root, file: kind + "_events", group: kind + "s"}
	letter := "p:"
	if ret {
		letter, e.group = "r:", kind[:1]+"ret"+kind[1:]+"s"
	}
	var err error
	for range tries {
		e.name = eventName(os.Getpid(), count.Add(1)-1, target, offset)
		if e.exists() {
			err = fmt.Errorf("%s/%s: %w", e.group, e.name, syscall.EEXIST)
			continue
		}
		err = e.write(letter + e.group + "/" + e.name + " " + place)
		if !errors.Is(err, syscall.EEXIST) {
			break
		}
	}
	if errors.Is(err, fs.ErrNotExist) && !e.supported() {
		err = fmt.Errorf("this kernel has no %ss: neither a perf event source of that name nor "+
			"%s/%s: %w",
			kind, root, e.file, errors.ErrUnsupported)
	}
	if err != nil {
		return nil, err
	}
	if e.id, err = kernel.EventID(root, e.group, e.name); err != nil {
		return nil, withUndo(err, e.undo())
	}
	return e, nil
}

// exists reports whether there is an event of that name. The kernel need not refuse it: since 5.4
// an event may have several probes, and one that is defined again, for another place, gets that as
// well.
func (e *tracefsEvent) exists() bool {
	file, err := os.Open(e.root + "/" + e.file)
	if err != nil {
		return false // write reports why
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		head, _, _ := strings.Cut(lines.Text(), " ")
		if _, name, _ := strings.Cut(head, ":"); name == e.group+"/"+e.name {
			return true
		}
	}
	return false
}

func (e *tracefsEvent) supported() bool {
	_, err := os.Stat(e.root + "/" + e.file)
	return err == nil
}

// write appends a command to the file that defines events.
func (e *tracefsEvent) write(line string) error {
	file, err := os.OpenFile(e.root+"/"+e.file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(line)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		// The path of the file says nothing that the line doesn't.
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		return fmt.Errorf("write %q to %s: %w", line, e.file, err)
	}
	return nil
}

// remove removes the event. EBUSY while something uses it.
func (e *tracefsEvent) remove() error { return e.write("-:" + e.group + "/" + e.name) }

// undo is remove with an error that says which event stays and what removes it.
func (e *tracefsEvent) undo() error {
	err := e.remove()
	if err == nil {
		return nil
	}
	return fmt.Errorf("the event %s/%s stays in tracefs; "+
		"inspect.CleanLegacyEvents removes it when this process has ended: %w", e.group, e.name,
		err)
}

// open opens the perf event, for a process or, if pid is 0, for all. It removes the event in
// tracefs if that fails.
func (e *tracefsEvent) open(pid int) (*Event, error) {
	fd, err := (&request{attr: tracepoint(e.id), pid: pid}).open()
	if err != nil {
		return nil, withUndo(fmt.Errorf("open perf event: %w", err), e.undo())
	}
	return &Event{fd: fd, defined: e}, nil
}

// withUndo returns err, and the error of undoing if there is one.
func withUndo(err, undone error) error {
	if undone == nil {
		return err
	}
	return fmt.Errorf("%w; %w", err, undone)
}
