package inspect

import (
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/kernel"
)

// LegacyEvent is a kprobe or uprobe event in tracefs that was made for a program and still exists
// although its process has ended.
type LegacyEvent struct {
	Group  string // kprobes, kretprobes, uprobes or uretprobes
	Name   string // "purebpf_PID_..." or "libbpf_PID_..."
	PID    int    // of that process, in its own PID namespace
	Target string // "do_unlinkat+0x0", "/bin/sh:0x0000000000001234"
}

// String returns "group/name target".
func (e LegacyEvent) String() string { return probe.Leftover(e).String() }

// LegacyEvents lists the events in tracefs that this library or C libbpf made for a kprobe or
// uprobe and whose process no longer exists: it was killed before it could remove them. They occupy
// a name and nothing else; CleanLegacyEvents removes them. An event of a process in another PID
// namespace may be listed while it is in use. Needs root, or a readable tracefs.
func LegacyEvents() ([]LegacyEvent, error) {
	root, err := kernel.Running().Tracefs()
	var found []probe.Leftover
	if err == nil {
		found, err = probe.Leftovers(root, probe.ProcessExists)
	}
	if err != nil {
		return nil, failed("list legacy events", "", err)
	}
	return legacyEvents(found), nil
}

// CleanLegacyEvents removes the events that LegacyEvents lists, except those in use, and returns
// the removed ones, also with an error. Needs root.
func CleanLegacyEvents() ([]LegacyEvent, error) {
	root, err := kernel.Running().Tracefs()
	var removed []probe.Leftover
	if err == nil {
		removed, err = probe.RemoveLeftovers(root, probe.ProcessExists)
	}
	if err != nil {
		return legacyEvents(removed), failed("clean legacy events", "", err)
	}
	return legacyEvents(removed), nil
}

func legacyEvents(found []probe.Leftover) []LegacyEvent {
	var list []LegacyEvent
	for _, e := range found {
		list = append(list, LegacyEvent(e))
	}
	return list
}
