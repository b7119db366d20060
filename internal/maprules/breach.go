package maprules

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/uapi"
)

// Map holds the attributes of BPF_MAP_CREATE.
type Map struct {
	Type                           uapi.MapType
	KeySize, ValueSize, MaxEntries uint32
	Flags                          uapi.MapFlags
	Extra                          uint64
	NumaNode                       uint32 // ignored without BPF_F_NUMA_NODE
	// Typed means that the kernel gets the types of key and value, IntKey that the key is an
	// integer of 32 bits.
	Typed, IntKey bool
	// Special has the result of SpecialFields for the value of maps whose types the kernel gets.
	Special Special
	// Kernel means that the kernel gets one of its own types for the value, as for struct_ops maps.
	Kernel bool
	// Outer means that the map is the template of a map of maps, Inner that it has one.
	Outer, Inner bool
}

// Breach is a rule that a map breaks.
type Breach struct {
	Text string // "key_size 8: an array wants 4"
	// Flags are the flags that maps of the type do not accept, if the breach is about flags.
	Flags uapi.MapFlags
	// Unset names the attribute that is 0 although every map of the type needs it: "max_entries",
	// "value_size" or "inner map".
	Unset string
	// Lasting rules are as old as the type and will not change. Others hold for kernels up to 6.18.
	Lasting bool
	// Unsure means that the breach depends on something that is not known here, which Text names.
	Unsure bool
}

// finding collects the rules that a map breaks on a kernel.
type finding struct {
	*Map
	k    *Kernel
	rule *rule
	list []Breach
}

// Check returns the rules that m breaks. known is false if there are no rules for the type.
func Check(m *Map, k *Kernel) (broken []Breach, known bool) {
	r := find(m.Type)
	if r == nil || m.Type == uapi.MapStructOps && m.Kernel {
		return nil, false
	}
	f := &finding{Map: m, k: k, rule: r}
	f.size("key_size", m.KeySize, r.key)
	f.size("value_size", m.ValueSize, r.value)
	f.size("max_entries", m.MaxEntries, r.entries)
	f.flags()
	f.node()
	if r.btf && !m.Typed {
		f.lasting("no BTF: %s needs the types of its key and value", r.name)
	}
	if r.btf && m.Typed && !m.IntKey {
		f.lasting("the key's type: %s wants an integer of 32 bits", r.name)
	}
	if r.btf && m.Typed {
		f.special()
	}
	if m.Extra != 0 && m.Type != uapi.MapBloomFilter && m.Type != uapi.MapArena {
		f.broken("map_extra %#x: %s takes none", m.Extra, r.name)
	}
	if m.Outer && slices.Contains(innerless[:], m.Type) {
		f.broken("a map of maps cannot hold %s", r.name)
	}
	if r.also != nil {
		r.also(f)
	}
	if len(f.list) == 0 && r.memory != nil {
		f.room(r.memory(f))
	}
	return f.list, true
}

func (f *finding) lasting(format string, args ...any) {
	f.list = append(f.list, Breach{Text: fmt.Sprintf(format, args...), Lasting: true})
}

func (f *finding) broken(format string, args ...any) {
	f.list = append(f.list, Breach{Text: fmt.Sprintf(format, args...)})
}

// unset notes an attribute that is not set at all. Applications may set it before they load.
func (f *finding) unset(what, format string, args ...any) {
	f.list = append(f.list, Breach{Text: fmt.Sprintf(format, args...), Unset: what, Lasting: true})
}

func (f *finding) unsure(format string, args ...any) {
	f.list = append(f.list, Breach{Text: fmt.Sprintf(format, args...), Unsure: true})
}

// size checks a number against its bound.
func (f *finding) size(what string, n uint32, b bound) {
	switch {
	case n >= b.min && n <= b.max:
	case b.other != 0 && n == b.other:
		if v := f.k.Version; b.since != "" && v != 0 && !facts.AtLeast(v, b.since) {
			f.broken("%s %d: %s may have that since Linux %s", what, n, f.rule.name, b.since)
		}
	case n == 0 && what != "key_size":
		f.unset(what, "%s is 0: %s wants %s", what, f.rule.name, f.want(what, b))
	default:
		f.list = append(f.list, Breach{
			Text:    fmt.Sprintf("%s %d: %s wants %s", what, n, f.rule.name, f.want(what, b)),
			Lasting: n < b.min || b.min == b.max,
		})
	}
}

// want returns a bound in words.
func (f *finding) want(what string, b bound) string {
	ring := f.Type == uapi.MapRingBuf || f.Type == uapi.MapUserRingBuf
	switch {
	case ring && what == "max_entries":
		return "its size in bytes there, a power of two of pages"
	case b.other != 0:
		return fmt.Sprintf("%d or %d", b.min, b.other)
	case b.max == b.min:
		return fmt.Sprint(b.min)
	case b.max == some.max:
		return fmt.Sprintf("%d or more", b.min)
	}
	return fmt.Sprintf("%d to %d", b.min, b.max)
}

// flags checks the flags against those that the type accepts and requires.
func (f *finding) flags() {
	if extra := f.Flags &^ f.rule.takes(f.Type, f.NumaNode); extra != 0 {
		f.list = append(f.list, Breach{
			Text:  fmt.Sprintf("%s: %s does not take it", FlagNames(extra), f.rule.name),
			Flags: extra,
		})
	}
	if lack := f.rule.must &^ f.Flags; lack != 0 {
		f.lasting("no %s in map_flags: %s must have it", FlagNames(lack), f.rule.name)
	}
	for _, pair := range [...]uapi.MapFlags{access, programs} {
		if f.Flags&f.rule.flags&pair == pair {
			f.lasting("%s: a map takes one or the other", FlagNames(pair))
		}
	}
}

// AnyNode is the kernel's NUMA_NO_NODE: BPF_F_NUMA_NODE with this node chooses none.
const AnyNode = math.MaxUint32

// node checks the NUMA node.
func (f *finding) node() {
	if f.Flags&uapi.FNumaNode == 0 || f.NumaNode == AnyNode || f.k.Nodes == nil ||
		slices.Contains(f.k.Nodes, int(f.NumaNode)) {
		return
	}
	f.broken("numa_node %d is not online: the online nodes are %v", f.NumaNode,
		f.k.Nodes)
}

// flagTable has the names of map flags, by bit.
var flagTable = [...]string{
	"BPF_F_NO_PREALLOC", "BPF_F_NO_COMMON_LRU", "BPF_F_NUMA_NODE", "BPF_F_RDONLY", "BPF_F_WRONLY",
	"BPF_F_STACK_BUILD_ID", "BPF_F_ZERO_SEED", "BPF_F_RDONLY_PROG", "BPF_F_WRONLY_PROG",
	"BPF_F_CLONE", "BPF_F_MMAPABLE", "BPF_F_PRESERVE_ELEMS", "BPF_F_INNER_MAP", "BPF_F_LINK",
	"BPF_F_PATH_FD", "BPF_F_VTYPE_BTF_OBJ_FD", "BPF_F_TOKEN_FD", "BPF_F_SEGV_ON_FAULT",
	"BPF_F_NO_USER_CONV",
}

// FlagNames returns the names of flags: "BPF_F_RDONLY and BPF_F_WRONLY".
func FlagNames(flags uapi.MapFlags) string {
	var names []string
	for bit := range 32 {
		if flags&(1<<bit) == 0 {
			continue
		}
		if bit < len(flagTable) {
			names = append(names, flagTable[bit])
		} else {
			names = append(names, fmt.Sprintf("bit %#x", 1<<bit))
		}
	}
	return strings.Join(names, " and ")
}

// plenty is the memory that every machine is assumed to have.
const plenty = 1 << 30

// room notes an unsure breach if the kernel may lack the memory that the map takes at creation.
func (f *finding) room(n uint64) {
	if n > plenty {
		f.unsure("it takes %d MiB of memory when it is created", n>>20)
	}
}

// Text joins breaches into one line.
func Text(broken []Breach) string {
	var list []string
	for i := range broken {
		list = append(list, broken[i].Text)
	}
	return strings.Join(list, "; ")
}
