// Package holder tells who keeps programs and maps in the kernel: the processes that have them or
// their links open, or the pins.
package holder

import (
	"fmt"
	"slices"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/uapi"
)

// Holders are the processes, links and pins as they were at one time.
type Holders struct {
	owners *inspect.Owners
	pins   map[inspect.Held][]string
	links  map[uint32][]*linkinfo.Info // by program
}

// Read finds the processes, links and pins. What this process may not see is missing.
func Read() *Holders {
	h := &Holders{pins: map[inspect.Held][]string{}, links: map[uint32][]*linkinfo.Info{}}
	h.owners, _ = inspect.ReadOwners()
	pins, _ := inspect.Pins()
	for _, p := range pins {
		h.pins[p.Held] = append(h.pins[p.Held], p.Path)
	}
	for l, err := range linkinfo.All(uapi.LinkUnspec) {
		if err == nil {
			h.links[l.ProgramID] = append(h.links[l.ProgramID], l)
		}
	}
	return h
}

// Holder is a process or a pin: Path is "" or the process is zero.
type Holder struct {
	inspect.Owner
	Path string
}

// List is the holders of one object.
type List []Holder

// JSON writes the keys pids and pinned.
func (l List) JSON(j *tool.JSON) {
	j.Key("pids")
	j.Array()
	for _, h := range l {
		if h.Path == "" {
			j.Object()
			j.IntKey("pid", int64(h.PID))
			j.StringKey("comm", h.Name)
			j.EndObject()
		}
	}
	j.EndArray()
	j.Key("pinned")
	j.Array()
	for _, h := range l {
		if h.Path != "" {
			j.String(h.Path)
		}
	}
	j.EndArray()
}

// String returns name(pid), or the path.
func (h Holder) String() string {
	if h.Path != "" {
		return h.Path
	}
	return fmt.Sprintf("%s(%d)", h.Name, h.PID)
}

// Links returns the links of a program.
func (h *Holders) Links(program uint32) []*linkinfo.Info { return h.links[program] }

// Hidden is the number of processes whose descriptors this process may not see.
func (h *Holders) Hidden() int {
	if h.owners == nil {
		return 0
	}
	return h.owners.Hidden
}

// Of returns who holds an object: processes, then pins.
func (h *Holders) Of(kind inspect.Kind, id uint32) (list List) {
	for _, o := range h.owners.Of(kind, id) {
		list = append(list, Holder{Owner: o})
	}
	for _, path := range h.pins[inspect.Held{Kind: kind, ID: id}] {
		list = append(list, Holder{Path: path})
	}
	return list
}

// Program returns who holds a program or one of its links.
func (h *Holders) Program(id uint32) List {
	list := h.Of(inspect.KindProgram, id)
	for _, l := range h.links[id] {
		for _, who := range h.Of(inspect.KindLink, l.ID) {
			if !slices.Contains(list, who) {
				list = append(list, who)
			}
		}
	}
	return list
}
