package probe

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/printable"
)

// Leftover is an event whose process has ended.
type Leftover struct {
	Group  string // kprobes, kretprobes, uprobes or uretprobes
	Name   string // "purebpf_PID_..." or "libbpf_PID_..."
	PID    int    // of the process that made it, in its own PID namespace
	Target string // "do_unlinkat+0x0", "/bin/sh:0x0000000000001234"
}

// String returns "group/name target".
func (e Leftover) String() string { return printable.Text(e.Group + "/" + e.Name + " " + e.Target) }

// files are the files of tracefs that define and list events.
var files = [...]string{"kprobe_events", "uprobe_events"}

// Leftovers lists the events in the tracefs at root that this library or C libbpf made and whose
// process doesn't exist.
func Leftovers(root string, exists func(pid int) bool) ([]Leftover, error) {
	var list []Leftover
	for _, name := range files {
		file, err := os.Open(root + "/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a kernel without such probes
		}
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			if e, ok := parseLeftover(lines.Text()); ok && !exists(e.PID) {
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

// parseLeftover reads a line of kprobe_events or uprobe_events: "p:GROUP/NAME TARGET...",
// "r32:GROUP/NAME TARGET...". ok is false if neither this library nor libbpf named the event.
func parseLeftover(line string) (e Leftover, ok bool) {
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

// ProcessExists reports whether there is a process of that id.
func ProcessExists(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return true
	}
	defer p.Release()
	return !errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// RemoveLeftovers removes what Leftovers lists, except what is in use, and returns what it removed.
func RemoveLeftovers(root string, exists func(pid int) bool) ([]Leftover, error) {
	list, err := Leftovers(root, exists)
	if err != nil {
		return nil, err
	}
	var removed []Leftover
	var errs []error
	for _, found := range list {
		e := tracefsEvent{root: root, file: "kprobe_events", group: found.Group, name: found.Name}
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
	return removed, errors.Join(errs...)
}
