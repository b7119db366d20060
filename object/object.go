// Package object reads a compiled BPF object (an ELF file) into plain data: the compiler's output,
// without anything from a kernel. It makes no system calls and builds on every OS. It corresponds
// to libbpf's open phase (bpf_object__open), and accepts and refuses the same objects as libbpf
// 1.8, with the same error numbers (Reason).
//
// It differs in three ways: a section ?.struct_ops turns creation off for the maps of all its
// variables, not only for that of the first one; sizes that depend on the machine are kept as in
// the object (a ring buffer's max_entries, 0 for one perf buffer per CPU) and computed when the
// kernel is known; and objects that only an attacker would make are refused (data sections over the
// same bytes, maps over the same variable, map names longer than the kernel accepts in BTF).
//
// Bytes from a file are not trusted: any input gives an Object or an *Error, in time proportional
// to its length, and with at most 16 times its length plus 1 MiB of memory.
package object

import (
	"encoding/binary"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/uapi"
)

// Object is one compiled BPF object (libbpf: struct bpf_object, opened). Its fields may be changed
// before it is loaded. Loading does not change it, so one Object may be loaded many times, and by
// many goroutines at once as long as nobody changes it; Clone gives each its own. All slices are in
// libbpf's order, which is the order of loading and creation: programs by section and offset; maps
// of .maps by offset, then data sections in file order, .kconfig, and struct_ops variables.
type Object struct {
	Name string // base name up to the first dot, at most 15 characters
	// License is "" if the object has no license section. Some helpers are for GPL-compatible
	// programs only.
	License     string
	KernVersion uint32 // from the version section, 0 if absent
	Order       binary.ByteOrder
	// BTF is the object's BTF with the sizes and offsets of data sections filled in, nil if there
	// is none.
	BTF       *btf.Spec
	Ext       *btf.Ext // .BTF.ext, nil if absent
	Programs  []*Program
	Subprogs  []*Function // functions of .text, by offset
	Maps      []*Map
	Externs   []*Extern // kconfig first, as libbpf sorts them
	ArenaData []byte    // bytes of .addr_space.1, the arena's global variables: may be edited
	Arena     *Map      // the one arena map, or nil
	// JumpTables are the bytes of .jumptables, offsets into code of 8 bytes each in Order. They are
	// shared with the input.
	JumpTables []byte
	Notes      []Note // what was skipped or ignored, and why
	// FileSize is the size of the file in bytes, by which a plan's size is limited; 0 if there is
	// no file.
	FileSize int64

	noPrograms string // why there are none
}

// WhyNoPrograms returns why the reader found no programs, "" if it found some.
func (o *Object) WhyNoPrograms() string {
	if o == nil {
		return ""
	}
	return o.noPrograms
}

// Note is something that the reader skipped: nothing is skipped silently.
type Note struct {
	Section string
	Text    string
}

// Function is the code of one ELF function symbol, as compiled. Its records in Ext are those of its
// Section from Offset on.
type Function struct {
	Name     string
	Section  string // ELF section name as in the file, leading '?' included
	SecIndex int    // ELF section index
	Offset   uint64 // in bytes from the start of the section
	// Insns are the compiled instructions. They may share memory with the input: replace the slice
	// to change them, never its elements.
	Insns  []asm.Instruction
	Relocs []Reloc // by instruction
	Global bool    // binding is GLOBAL or WEAK
	Weak   bool
	Hidden bool // visibility HIDDEN or INTERNAL: its BTF linkage becomes static at load
}

// Program is an entry program: a function with its own SEC() (libbpf: struct bpf_program). Changing
// its fields has the effect of libbpf's setters: Type (bpf_program__set_type; set Def to nil as
// well unless the row still applies), ExpectedAttachType, Flags, Autoload, Autoattach, AttachTarget
// and AttachProgFD (bpf_program__set_attach_target), IfIndex, LogLevel.
type Program struct {
	Function
	Sec                string  // SEC() text without '?'
	Def                *SecDef // the row of the SEC() table that matched, nil if none did
	Type               uapi.ProgType
	ExpectedAttachType uapi.AttachType
	Flags              uapi.ProgFlags // program load flags beyond those that Def adds
	Autoload           bool
	Autoattach         bool
	// AttachTarget is the BTF target ("vfs_read", "module:func"): the text after the first '/',
	// which may be replaced.
	AttachTarget string
	// AttachProgFD is the program to attach to (freplace, fentry on BPF programs), 0 for none. It
	// is borrowed.
	AttachProgFD int
	// IfIndex is the network device that the program is offloaded or bound to, 0 for none.
	IfIndex  uint32
	LogLevel uapi.LogLevel // of the verifier log; 0 for a log only on failure
}

// RelocKind is the kind of an instruction's reference.
type RelocKind uint8

const (
	RelocMap         RelocKind = iota + 1 // ld_imm64 of a map
	RelocData                             // ld_imm64 of a byte in an internal data map or the arena
	RelocCall                             // call of a subprogram
	RelocSubprogAddr                      // ld_imm64 of a subprogram's address (a callback)
	RelocExternCall                       // call of a kfunc
	RelocExternLd64                       // ld_imm64 of a kconfig or ksym extern
	RelocInsnArray                        // ld_imm64 of a jump table in .jumptables
)

// Reloc is one relocation of an instruction, classified when read. Relations are pointers. The
// instruction's immediate, which contributes to the result, is still as compiled.
type Reloc struct {
	Insn   int // index into the function's Insns
	Kind   RelocKind
	Map    *Map    // RelocMap, RelocData
	Extern *Extern // RelocExternCall, RelocExternLd64
	// SymValue is, for RelocData, RelocCall, RelocSubprogAddr and RelocInsnArray, the value of the
	// symbol (section offset).
	SymValue uint64
	SymSize  uint64 // RelocInsnArray
	Symbol   string // name for messages and listings
}

// MapKind is the origin of a map.
type MapKind uint8

const (
	MapDefined   MapKind = iota // a variable in .maps
	MapData                     // .data*
	MapRodata                   // .rodata*
	MapBss                      // .bss*
	MapKconfig                  // .kconfig
	MapStructOps                // a variable of a .struct_ops* section
)

// Map is a map as the object declares it (libbpf: struct bpf_map). Changing its fields has the
// effect of libbpf's setters (bpf_map__set_type, bpf_map__set_max_entries, ...); SetValueSize
// changes the size of a data section.
type Map struct {
	Name string // the name in libbpf's bpf_map__name and for users
	// KernelName is the name sent to the kernel, at most 15 characters: shortened for internal
	// maps.
	KernelName string
	Section    string // ELF section; internal maps can also be found by it
	SecIndex   int    // index of that section, 0 for .kconfig
	Kind       MapKind
	Index      int // position in Object.Maps; -1 for an inner map
	Type       uapi.MapType
	KeySize    uint32
	ValueSize  uint32
	// MaxEntries is as declared: for ring buffers not yet rounded up to pages; 0 in a perf event
	// array means one for each possible CPU.
	MaxEntries uint32
	Flags      uapi.MapFlags
	Extra      uint64 // map_extra: hash functions of a Bloom filter, address of an arena, ...
	NumaNode   uint32 // used by the kernel if Flags has BPF_F_NUMA_NODE
	IfIndex    uint32
	KeyType    btf.ID // 0 if the key has no BTF type
	ValueType  btf.ID
	PinByName  bool    // LIBBPF_PIN_BY_NAME
	PinPath    string  // path to pin at; if something is pinned there, it is reused
	Inner      *Map    // template of a map-in-map
	Values     []Value // initial entries, by key
	// Autocreate says whether the map is created. If not, reachable code that refers to it is
	// refused.
	Autocreate bool
	Autoattach bool // struct_ops
	// ExclusiveTo is the only program that may use the map (bpf_map__set_exclusive_program; 6.18):
	// the kernel gets the hash of its instructions and refuses every other program that refers to
	// the map. If it is nil, any program may use the map.
	ExclusiveTo *Program
	// Contents is the initial value of an internal map, ValueSize bytes, or the image of a
	// struct_ops variable. It may be edited. nil stands for zeros (.bss, .kconfig); Bytes allocates
	// them.
	Contents  []byte
	Vars      []*Variable
	StructOps *StructOps
	secOffset uint64
	object    *Object
}

// Value is an initial entry of a map-in-map (Map) or a program array (Program).
type Value struct {
	Key     uint32
	Map     *Map
	Program *Program
}

// StructOps is the part of a map that only struct_ops maps have: its local type and the programs in
// its slots. The values of other members are in Contents, in the layout of the local type.
type StructOps struct {
	Type  btf.ID // the local STRUCT
	Link  bool   // declared in .struct_ops.link
	Slots []StructOpsSlot
}

// StructOpsSlot is a function pointer member that the object fills with a program. Set Program to
// nil or another program to change it.
type StructOpsSlot struct {
	Member  int // index of the member in the local type
	Offset  uint32
	Program *Program // nil leaves the member NULL
	Initial *Program // as compiled
}

// Variable is a global variable in an internal data map (or the arena).
type Variable struct {
	Name   string
	Map    *Map
	Type   btf.ID // type of the variable (not the VAR)
	Offset uint32 // into Map.Contents, or into ArenaData
	Size   uint32
	Static bool // static or hidden: not visible outside its object
}

// ExternKind is the kind of an extern.
type ExternKind uint8

const (
	ExternKconfig ExternKind = iota + 1
	ExternKsym
)

// KconfigType is the type of a kconfig extern.
type KconfigType uint8

const (
	KconfigBool KconfigType = iota + 1
	KconfigTristate
	KconfigChar
	KconfigInt
	KconfigCharArray
)

// Extern is a symbol that the kernel supplies.
type Extern struct {
	Name  string
	Kind  ExternKind
	Index int // position in Object.Externs
	Weak  bool
	Var   btf.ID // BTF id of the VAR or FUNC
	Func  bool   // a kfunc
	// Kconfig
	Type   KconfigType
	Size   uint32
	Align  uint32
	Offset uint32 // in the .kconfig map's value
	Signed bool
	// KsymType is, for a Ksym, 0 if it is typeless (kallsyms), else the local type to compare with
	// the kernel's: for a variable without modifiers, for a kfunc its FUNC_PROTO.
	KsymType btf.ID
}
