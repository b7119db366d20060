package bpf

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/kernel"
)

// # Events in tracefs
//
// Before there were perf events for kprobes and uprobes (4.17), a probe was an event that is defined by a line written to a file of
// tracefs and then used like a tracepoint. Such an event is the machine's, not the process's: it stays when the process is killed, not
// attached to anything but there, and costs a name. So the names say who made them: "purebpf_PID_N_TARGET" here, "libbpf_PID_..." in C.
// LegacyEvents lists those whose maker is gone.

// legacyEvent is an event in tracefs that this process made.
type legacyEvent struct {
	root  string // of tracefs
	file  string // kprobe_events, uprobe_events
	group string
	name  string
	id    uint64 // as perf_event_open knows it
}

// legacyCount tells the events of this process apart.
var legacyCount atomic.Uint32

// legacyNameMax is how long the name of an event may be (MAX_EVENT_NAME_LEN without its NUL).
const legacyNameMax = 63

// legacyName names the n-th event of process pid, on target: "purebpf_4711_3_do_unlinkat_0x0".
func legacyName(pid int, n uint32, target string, offset uint64) string {
	name := []byte(fmt.Sprintf("purebpf_%d_%d_%s_0x%x", pid, n, target, offset))
	for i, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') {
			name[i] = '_'
		}
	}
	return string(name[:min(len(name), legacyNameMax)])
}

// legacyTries is how many names are tried before giving up: leftovers of a process with the same id may hold some.
const legacyTries = 64

// newLegacyEvent defines an event in tracefs: kind is "kprobe" or "uprobe", place what its line says ("func+0x0", "/bin/sh:0x1234"),
// target and offset go into the name. The caller removes it.
func newLegacyEvent(t tracing, kind string, ret bool, place, target string, offset uint64) (*legacyEvent, error) {
	// A line in a file of tracefs ends at a newline or '#', its words at blanks.
	if i := strings.IndexFunc(place, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '#' }); i >= 0 {
		return nil, fmt.Errorf("tracefs takes no %q in %q; where it is a path, use a link without: %w",
			place[i], place, syscall.EINVAL)
	}
	root, err := t.Tracefs()
	if err != nil {
		return nil, err
	}
	e := &legacyEvent{root: root, file: kind + "_events", group: kind + "s"}
	letter := "p:"
	if ret {
		letter, e.group = "r:", kind[:1]+"ret"+kind[1:]+"s"
	}
	for range legacyTries {
		e.name = legacyName(os.Getpid(), legacyCount.Add(1)-1, target, offset)
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
		err = fmt.Errorf("this kernel has no %ss: neither a perf event source of that name nor %s/%s: %w", kind, root, e.file, ErrNotSupported)
	}
	if err != nil {
		return nil, err
	}
	if e.id, err = kernel.EventID(root, e.group, e.name); err != nil {
		return nil, joinErrors(err, e.undo())
	}
	return e, nil
}

// exists reports whether there is an event of that name, which the kernel needn't say: since 5.4 an event may have several probes, and
// one that is defined again, for another place, gets that as well.
func (e *legacyEvent) exists() bool {
	file, err := os.Open(e.root + "/" + e.file)
	if err != nil {
		return false // to write will say why
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

func (e *legacyEvent) supported() bool {
	_, err := os.Stat(e.root + "/" + e.file)
	return err == nil
}

// write appends a command to the file that defines events.
func (e *legacyEvent) write(line string) error {
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

// remove deletes the event. EBUSY while something uses it.
func (e *legacyEvent) remove() error { return e.write("-:" + e.group + "/" + e.name) }

// undo removes the event or says that it stays.
func (e *legacyEvent) undo() error {
	err := e.remove()
	if err == nil {
		return nil
	}
	return fmt.Errorf("the event %s/%s stays in tracefs; "+
		"CleanLegacyEvents removes it when this process has ended: %w", e.group, e.name, err)
}

// LegacyEvent is a kprobe or uprobe event in tracefs that was made for a program and is still there though its maker isn't.
type LegacyEvent struct {
	Group  string // kprobes, kretprobes, uprobes or uretprobes
	Name   string // "purebpf_PID_..." or "libbpf_PID_..."
	PID    int    // of the process that made it, as that process saw it: another one in a PID namespace
	Target string // "do_unlinkat+0x0", "/bin/sh:0x0000000000001234"
}

// String returns "group/name target".
func (e LegacyEvent) String() string { return printable.Text(e.Group + "/" + e.Name + " " + e.Target) }

// legacyFiles are the files of tracefs that define and list events.
var legacyFiles = [...]string{"kprobe_events", "uprobe_events"}

// LegacyEvents lists the events in tracefs that this library or C libbpf made for a kprobe or uprobe and whose process no longer
// exists: it was killed before it could remove them. They cost a name and nothing else; CleanLegacyEvents removes them. An event of a
// process in another PID namespace may be among them while it is in use. Needs root, or a tracefs that may be read.
func LegacyEvents() ([]LegacyEvent, error) {
	root, err := kernel.Running().Tracefs()
	if err == nil {
		var list []LegacyEvent
		if list, err = legacyEvents(root, processExists); err == nil {
			return list, nil
		}
	}
	return nil, newError("list legacy events", about{}, err)
}

func legacyEvents(root string, exists func(pid int) bool) ([]LegacyEvent, error) {
	var list []LegacyEvent
	for _, name := range legacyFiles {
		file, err := os.Open(root + "/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a kernel without such probes
		}
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			if e, ok := parseLegacyEvent(lines.Text()); ok && !exists(e.PID) {
				list = append(list, e)
			}
		}
		file.Close()
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return list, nil
}

// parseLegacyEvent reads a line of kprobe_events or uprobe_events: "p:GROUP/NAME TARGET...", "r32:GROUP/NAME TARGET...". ok is false if
// neither this library nor libbpf named the event.
func parseLegacyEvent(line string) (e LegacyEvent, ok bool) {
	head, rest, _ := strings.Cut(line, " ")
	kind, full, ok := strings.Cut(head, ":")
	if !ok || kind == "" || kind[0] != 'p' && kind[0] != 'r' {
		return e, false
	}
	if e.Group, e.Name, ok = strings.Cut(full, "/"); !ok {
		return e, false
	}
	switch e.Group {
	case "kprobes", "kretprobes", "uprobes", "uretprobes":
	default:
		return e, false
	}
	maker, numbered, _ := strings.Cut(e.Name, "_")
	if maker != "purebpf" && maker != "libbpf" {
		return e, false
	}
	pid, _, ok := strings.Cut(numbered, "_")
	n, err := strconv.ParseUint(pid, 10, 31)
	if !ok || err != nil || n == 0 {
		return e, false
	}
	e.PID = int(n)
	e.Target, _, _ = strings.Cut(rest, " ")
	return e, true
}

// processExists reports whether there is a process of that id.
func processExists(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return true
	}
	defer p.Release()
	return !errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// CleanLegacyEvents removes what LegacyEvents lists, except for what is in use after all, and returns what it removed. Needs root.
func CleanLegacyEvents() ([]LegacyEvent, error) {
	root, err := kernel.Running().Tracefs()
	var removed []LegacyEvent
	if err == nil {
		removed, err = cleanLegacyEvents(root, processExists)
	}
	if err != nil {
		return removed, newError("clean legacy events", about{}, err)
	}
	return removed, nil
}

func cleanLegacyEvents(root string, exists func(pid int) bool) ([]LegacyEvent, error) {
	list, err := legacyEvents(root, exists)
	if err != nil {
		return nil, err
	}
	var removed []LegacyEvent
	var errs []error
	for _, found := range list {
		e := legacyEvent{root: root, file: "kprobe_events", group: found.Group, name: found.Name}
		if strings.HasPrefix(found.Group, "u") {
			e.file = "uprobe_events"
		}
		switch err := e.remove(); {
		case err == nil:
			removed = append(removed, found)
		case errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.ENOENT):
			// Somebody uses it after all, or somebody else has just removed it.
		default:
			errs = append(errs, err)
		}
	}
	return removed, joinErrors(errs...)
}
