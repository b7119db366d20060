package tree

import (
	"cmp"
	"slices"

	"github.com/purebpf/bpf/cmd/bpf/internal/holder"
)

// kind is a kind of place; places are shown in this order.
type kind uint8

const (
	networkInterface kind = iota
	namespace
	netfilter
	cgroup
	function
	tracepoint
	file
	event
	socketMap
	kernelOps
	iterator
	device
	unknown // a link whose target the kernel doesn't tell
	nowhere // programs that are not attached
)

var kindNames = [...]string{
	networkInterface: "interface", namespace: "network namespace", netfilter: "netfilter",
	cgroup: "cgroup", function: "function", tracepoint: "tracepoint", file: "file",
	event: "event", socketMap: "map", kernelOps: "struct_ops", iterator: "iterator",
	device: "device", unknown: "unknown", nowhere: "not attached",
}

func (k kind) String() string { return kindNames[k] }

// place is something that programs are attached to.
type place struct {
	kind  kind
	name  string
	index uint32 // of an interface
}

// removed is the name of an interface that doesn't exist any more.
const removed = "removed"

// attachment is a program, or a struct_ops map, at a place.
type attachment struct {
	how     string // the hook: xdp, kprobe, cgroup_inet_egress
	note    string // mode, offset, priority
	program uint32 // 0 for a struct_ops map
	name    string
	mapID   uint32
	link    uint32 // 0 without a link
	holders holder.List
}

// branch is a place with its attachments, in the order in which they run where that is known.
type branch struct {
	place
	attached []attachment
}

// forest is all places.
type forest struct {
	branches []*branch
	at       map[place]*branch
	seen     map[uint32]bool // programs that are attached somewhere
	errs     []error
}

func newForest() *forest {
	return &forest{at: map[place]*branch{}, seen: map[uint32]bool{}}
}

func (f *forest) add(p place, a attachment) {
	b := f.at[p]
	if b == nil {
		b = &branch{place: p}
		f.at[p] = b
		f.branches = append(f.branches, b)
	}
	if a.program != 0 {
		f.seen[a.program] = true
	}
	b.attached = append(b.attached, a)
}

// sort orders the places: by kind, and by index or name.
func (f *forest) sort() {
	slices.SortStableFunc(f.branches, func(a, b *branch) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.index, b.index),
			cmp.Compare(a.name, b.name))
	})
}
