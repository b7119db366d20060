// Package explain finds why the kernel refused a request: after the fact it asks the kernel for
// facts that may explain the errno, which says little by itself.
package explain

import (
	"github.com/purebpf/bpf/internal/hint"
	"github.com/purebpf/bpf/internal/maprules"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/internal/userfile"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// Op is a request to the kernel. A row of explanations is for one or several.
type Op uint32

// The requests.
const (
	Load Op = 1 << iota
	CreateMap
	Element
	Run
	Pin
	Link    // any request about a link
	Netlink // a request to rtnetlink
	Attach
	Detach
	AttachEvent
	AttachEventFD // an event of the caller
	OpenEvent
	Tracefs
	Kprobe
	KprobeMulti
	Uprobe
	UprobeMulti
	RawTracepoint
	Trace
	ReplaceFunction
	Register // a struct_ops map

	anyOp Op = 1<<32 - 1
)

// Attempt describes a request to the kernel, as far as it helps to explain the answer.
type Attempt struct {
	Op  Op
	err error // the answer

	Need    []kernel.Capability // that the kernel asks for; nil: CAP_BPF
	Access  []kernel.Capability // that files ask for
	Limit   error               // why RLIMIT_MEMLOCK could not be raised
	Program Program
	Map     Map

	At    *Place // Attach, Detach
	Event int    // AttachEvent: its descriptor

	PID     int // OpenEvent, Uprobe: 0 for all
	CPU     int // OpenEvent of OneCPU
	OneCPU  bool
	Returns bool                   // Kprobe: at the function's end
	Offsets []uint64               // Kprobe: in the function; Uprobe: in the file
	Symbol  *kernel.FunctionSymbol // Kprobe: nil for an address
	File    *userfile.File         // Uprobe
	Tracefs probe.Tracefs          // KprobeMulti
	Symbols []string               // KprobeMulti
	Session uapi.AttachType        // UprobeMulti; 0 if it is none
	Name    string                 // RawTracepoint

	Target   int    // ReplaceFunction: the other program
	Function uint32 // ReplaceFunction: its BTF id

	Maps []*maprules.Map // CreateMap: the requested map and its inner map
	Size uint32          // Run: of the output
}

// Program is the program that an attempt is about.
type Program struct {
	FD     int
	Type   uapi.ProgType
	Kernel *kernel.Facts // that it was loaded into
}

// Map is the map that an attempt is about.
type Map struct {
	FD         int
	MaxEntries uint32
	Frozen     bool
}

// Of returns err with its explanation as advice, unless it has advice already.
func (a *Attempt) Of(err error) error {
	if err == nil || hint.Of(err) != "" {
		return err
	}
	a.err = err
	_, text := a.explain()
	return hint.Add(err, text)
}
