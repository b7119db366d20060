// Package plan turns an object and facts about a kernel into the requests of a load: the BTF to
// upload, the maps to create in order, and the programs, linked and relocated except for file
// descriptors. It makes no system calls.
package plan

import (
	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// Plan holds everything that a load asks of the kernel. A plan is read-only and may be executed
// many times. Map images may share memory with the object they were planned from: change an object
// before Resolve, not after.
type Plan struct {
	Object    *object.Object
	BTF       []byte     // to upload, in the kernel's byte order; nil if there is none
	BTFNeeded bool       // a failed upload is fatal (struct_ops)
	Maps      []*Map     // same order and length as Object.Maps, then jump tables
	Programs  []*Program // programs that will be loaded, in load order
	Externs   []Extern   // same order and length as Object.Externs
	Errors    []error    // with Options.KeepGoing: why this plan cannot be loaded
	Events    []Event    // decisions of the resolver: skipped, sanitised, poisoned, ...

	core       []coreRecord // CO-RE relocations and their outcome, for listings
	btfChanged bool         // BTF differs from the compiled BTF
}

// Extern is the value found for an extern of the object.
type Extern struct {
	Spec   *object.Extern
	Found  bool          // false: weak and absent, its value is 0
	Value  uint64        // kconfig: the number; typeless ksym: the address
	Text   string        // kconfig string
	ID     btf.ID        // typed ksym or kfunc: id of the kernel's VAR or FUNC
	Module *facts.Module // module whose BTF holds ID, nil for vmlinux
	fdSlot int16         // index of Module in fd_array, for calls
}

// Map is one map to create, or to find by its pin.
type Map struct {
	Spec *object.Map // nil for a jump table
	Name string      // "" if the kernel accepts no names
	Skip bool        // not created (autocreate is off), references are poisoned
	// Err says why it is unknown whether this kernel supports the map (with Skip) or the mapping of
	// its memory; otherwise it is nil.
	Err        error
	Type       uapi.MapType
	KeySize    uint32
	ValueSize  uint32
	MaxEntries uint32
	// PerCPU means that MaxEntries is the number of possible CPUs of the kernel that the plan is
	// for.
	PerCPU    bool
	Flags     uapi.MapFlags
	Extra     uint64
	NumaNode  uint32
	IfIndex   uint32
	KeyType   btf.ID // ids into Plan.BTF; both 0 if the map type takes none
	ValueType btf.ID
	Exclusive *Program // the only program that may refer to the map; nil: any
	Inner     *Map     // template, created before the map and closed after
	PinPath   string
	// Image is the value of key 0 at creation; for .kconfig only the start, the rest is zero; for
	// an arena the bytes at ImageOffset.
	Image       []byte
	ImageOffset uint64
	Freeze      bool
	Mmap        bool // value stays mapped while the object lives
	Slots       []Slot
	Entries     []uint32 // jump table: orig_off of each element

	// struct_ops
	KernelValueType btf.ID        // btf_vmlinux_value_type_id
	KernelModule    *facts.Module // nil: vmlinux
	FuncSlots       []FuncSlot    // program fds to write into Image before it is registered
	Link            bool
}

// Slot is an initial entry: a map in a map-in-map (set after all maps are created) or a program in
// a program array (set after all programs are loaded).
type Slot struct {
	Key     uint32
	Map     *Map
	Program *Program
}

// FuncSlot is a place in a struct_ops value that holds a program's fd in 8 bytes.
type FuncSlot struct {
	Offset  uint32
	Program *Program
}

// Program is one program to load. Its instructions are final except for Fixups.
type Program struct {
	Spec               *object.Program
	Name               string
	Type               uapi.ProgType
	ExpectedAttachType uapi.AttachType
	Flags              uapi.ProgFlags
	License            string
	KernVersion        uint32
	IfIndex            uint32
	LogLevel           uapi.LogLevel
	Insns              []asm.Instruction
	Fixups             []Fixup
	FuncInfo           []byte // records in host byte order, FuncInfoSize each
	FuncInfoSize       uint32
	LineInfo           []byte
	LineInfoSize       uint32
	AttachBTFID        btf.ID
	AttachModule       *facts.Module // module whose BTF holds AttachBTFID, nil for vmlinux
	AttachProgFD       int
	Modules            []*facts.Module // module BTFs for kfuncs: fd_array[1], fd_array[2], ...
	BindMaps           []*Map          // .rodata* maps that live as long as the program
	Subprogs           []Subprog
	Poisons            []Poison

	// Err is why this program cannot be loaded although the rest can be planned: no type, no attach
	// target. Like C libbpf, an executor reports it when it comes to this program, after the
	// programs before it.
	Err error
	// Target describes AttachBTFID for listings: "vmlinux FUNC bpf_lsm_file_open".
	Target string
}

// Functions returns the records that give Insns their functions (libbpf bpf_program__func_info).
// InsnOff is an index in Insns.
func (p *Program) Functions() []btf.FuncInfo { return btf.FuncInfos(p.FuncInfo, p.FuncInfoSize) }

// Lines returns the records that give Insns their source lines (libbpf bpf_program__line_info).
// InsnOff is an index in Insns, names are in the object's BTF.
func (p *Program) Lines() []btf.LineInfo { return btf.LineInfos(p.LineInfo, p.LineInfoSize) }

// FixupKind says what an executor writes into an instruction once it has the file descriptor.
type FixupKind uint8

const (
	FixMapFD       FixupKind = iota + 1 // imm = fd of Map (src_reg is already set; insn[1].imm too)
	FixModuleBTFFD                      // insn[1].imm = fd of Module's BTF
)

// Fixup is one instruction that needs a file descriptor.
type Fixup struct {
	Insn   int
	Kind   FixupKind
	Map    *Map
	Module *facts.Module
}

// Subprog says which function occupies the instructions from Start up to the next Start. The first
// is the program itself.
type Subprog struct {
	Func  *object.Function
	Start int
	fn    *function
}

// Poison is an instruction replaced by a call that the verifier refuses if it is reachable.
type Poison struct {
	Insn int
	Kind PoisonKind
	// Text names what is missing: "CO-RE relocation field_byte_offset of struct task_struct.foo",
	// "map events", "kfunc bpf_x".
	Text string
	// Err says why this kernel may have it nevertheless: the cause of a failed probe or search; it
	// is nil if it is certainly missing.
	Err error
}

// PoisonKind says why an instruction was poisoned.
type PoisonKind uint8

const (
	PoisonCORE PoisonKind = iota + 1
	PoisonMap
	PoisonKfunc
)

// Event is a decision of the resolver. Everything that a plan leaves out or changes has one.
type Event struct {
	Kind    EventKind
	Subject string // program, map, type or feature
	Text    string
}

// EventKind is the kind of an event.
type EventKind uint8

const (
	EventSkipped EventKind = iota + 1
	EventSanitized
	EventPoisoned
	EventProbed
	EventResolved
	EventWarning
	EventUnknown // a feature whose probe failed
)

// Options changes how an object is resolved.
type Options struct {
	Kconfig   string    // Kconfig text that takes precedence over the kernel's
	CustomBTF *btf.Spec // CO-RE target instead of the kernel's BTF (btf_custom_path)
	PinRoot   string    // for maps pinned by name; "" is /sys/fs/bpf
	SkipPins  bool      // no map has a pin path
	// ProgramBTF returns the BTF of a loaded program, for programs that attach to another program
	// (freplace, AttachProgFD). If it is nil, such programs get an Err.
	ProgramBTF func(fd int) (*btf.Spec, error)
	// KeepGoing makes a plan for inspection even if something is missing: unresolvable externs
	// count as absent, code whose CO-RE relocation fails stays as compiled, struct_ops maps without
	// a kernel type are left out, and Plan.Errors says why. Load such a plan only if Errors is
	// empty.
	KeepGoing bool
	// Foreign permits an object of the other byte order, for inspection; such a plan cannot be
	// loaded.
	Foreign bool
}
