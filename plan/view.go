package plan

import (
	"slices"
	"strconv"

	"github.com/purebpf/bpf/btf/core"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// View is a description of a plan: the content of WriteTo, ready for encoding/json.
type View struct {
	Object   string        `json:"object"`
	License  string        `json:"license"`
	BTF      *BTFView      `json:"btf,omitempty"`
	Maps     []MapView     `json:"maps"`
	Programs []ProgramView `json:"programs"`
	CORE     []CoreView    `json:"core,omitempty"`
	Externs  []ExternView  `json:"externs,omitempty"`
	Errors   []string      `json:"errors,omitempty"`
	Events   []EventView   `json:"events,omitempty"`
}

// BTFView is the type information to upload.
type BTFView struct {
	Bytes int `json:"bytes"`
	// Changed: it differs from the compiled BTF: sanitised, or hidden functions made static.
	Changed bool `json:"changed,omitempty"`
	Needed  bool `json:"needed,omitempty"` // the load fails without it
}

// MapView is one map to create.
type MapView struct {
	Name       string   `json:"name"`
	KernelName string   `json:"kernel_name,omitempty"`
	Skipped    bool     `json:"skipped,omitempty"`
	Type       string   `json:"type"`
	KeySize    uint32   `json:"key_size"`
	ValueSize  uint32   `json:"value_size"`
	MaxEntries uint32   `json:"max_entries"`
	Flags      []string `json:"flags,omitempty"`
	Extra      uint64   `json:"map_extra,omitempty"`
	NumaNode   uint32   `json:"numa_node,omitempty"`
	IfIndex    uint32   `json:"ifindex,omitempty"`
	KeyType    uint32   `json:"btf_key_type_id,omitempty"`
	ValueType  uint32   `json:"btf_value_type_id,omitempty"`
	KernelType string   `json:"kernel_value_type,omitempty"`
	Pin        string   `json:"pin,omitempty"`
	Image      int      `json:"image_bytes,omitempty"`
	ImageAt    uint64   `json:"image_offset,omitempty"`
	Frozen     bool     `json:"frozen,omitempty"`
	Mapped     bool     `json:"mapped,omitempty"`
	Exclusive  string   `json:"exclusive_to,omitempty"` // program
	Inner      *MapView `json:"inner,omitempty"`
	// Slots are "3 = map inner", "0 = program tail", or "16 = program init" for struct_ops.
	Slots []string `json:"slots,omitempty"`
}

// ProgramView is one program to load.
type ProgramView struct {
	Name       string        `json:"name"`
	Section    string        `json:"section"`
	Type       string        `json:"type"`
	Attach     string        `json:"expected_attach_type,omitempty"`
	Flags      []string      `json:"flags,omitempty"`
	Target     string        `json:"attach_target,omitempty"`
	TargetID   uint32        `json:"attach_btf_id,omitempty"`
	Insns      int           `json:"instructions"`
	Subprogs   []SubprogView `json:"subprograms,omitempty"`
	Fixups     int           `json:"fixups"` // instructions that get a file descriptor
	FuncInfo   int           `json:"func_info"`
	LineInfo   int           `json:"line_info"`
	Modules    []string      `json:"modules,omitempty"`
	Bind       []string      `json:"bind_maps,omitempty"`
	Poisons    []PoisonView  `json:"poisons,omitempty"`
	Unloadable string        `json:"error,omitempty"`
}

// SubprogView is a function copied into a program.
type SubprogView struct {
	Name  string `json:"name"`
	Start int    `json:"start"`
}

// PoisonView is an instruction that must not be reachable.
type PoisonView struct {
	Insn int    `json:"instruction"`
	Text string `json:"missing"`
}

// CoreView is one CO-RE relocation.
type CoreView struct {
	Func   string `json:"function"`
	Insn   int    `json:"instruction"`
	Spec   string `json:"spec"`
	Local  uint64 `json:"local_value"`
	Value  uint64 `json:"value"`
	Found  bool   `json:"found"`
	Poison bool   `json:"poison,omitempty"`
	Error  string `json:"error,omitempty"`
}

// ExternView is one extern and its value.
type ExternView struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Weak  bool   `json:"weak,omitempty"`
	Found bool   `json:"found"`
	Value string `json:"value"`
}

// EventView is one event.
type EventView struct {
	Kind    string `json:"kind"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

var eventNames = [...]string{
	EventSkipped:   "skipped",
	EventSanitized: "sanitized",
	EventPoisoned:  "poisoned",
	EventProbed:    "probed",
	EventResolved:  "resolved",
	EventWarning:   "warning",
	EventUnknown:   "unknown",
}

// String returns "skipped", "sanitized", "poisoned", "probed", "resolved", "warning" or "unknown".
func (k EventKind) String() string {
	if int(k) < len(eventNames) && eventNames[k] != "" {
		return eventNames[k]
	}
	return "event " + strconv.Itoa(int(k))
}

// View returns a description of the plan.
func (p *Plan) View() *View {
	v := &View{Object: p.Object.Name, License: p.Object.License}
	if p.BTF != nil {
		v.BTF = &BTFView{Bytes: len(p.BTF), Needed: p.BTFNeeded, Changed: p.btfChanged}
	}
	v.Maps = slices.Grow(v.Maps, len(p.Maps))
	v.Programs = slices.Grow(v.Programs, len(p.Programs))
	v.CORE = slices.Grow(v.CORE, len(p.core))
	v.Externs = slices.Grow(v.Externs, len(p.Externs))
	v.Events = slices.Grow(v.Events, len(p.Events))
	for _, m := range p.Maps {
		v.Maps = append(v.Maps, viewMap(m))
	}
	for _, prog := range p.Programs {
		v.Programs = append(v.Programs, viewProgram(prog))
	}
	for i := range p.core {
		v.CORE = append(v.CORE, p.viewCore(&p.core[i]))
	}
	for i := range p.Externs {
		v.Externs = append(v.Externs, viewExtern(&p.Externs[i]))
	}
	for _, err := range p.Errors {
		v.Errors = append(v.Errors, err.Error())
	}
	for _, e := range p.Events {
		v.Events = append(v.Events, EventView{e.Kind.String(), e.Subject, e.Text})
	}
	return v
}

func viewMap(m *Map) MapView {
	v := MapView{
		Name: ".jumptables", KernelName: m.Name, Skipped: m.Skip, Type: m.Type.String(),
		KeySize: m.KeySize, ValueSize: m.ValueSize, MaxEntries: m.MaxEntries,
		Flags: flagNames(m.Flags, mapFlags[:]), Extra: m.Extra, NumaNode: m.NumaNode,
		IfIndex: m.IfIndex,
		KeyType: uint32(m.KeyType), ValueType: uint32(m.ValueType), Pin: m.PinPath,
		Image: len(m.Image), ImageAt: m.ImageOffset, Frozen: m.Freeze, Mapped: m.Mmap,
	}
	if m.Spec != nil {
		v.Name = m.Spec.Name
	}
	if m.KernelValueType != 0 {
		v.KernelType = moduleName(m.KernelModule) + " [" +
			strconv.FormatUint(uint64(m.KernelValueType), 10) + "]"
	}
	if m.Exclusive != nil {
		v.Exclusive = m.Exclusive.Spec.Name
	}
	if m.Inner != nil {
		in := viewMap(m.Inner)
		v.Inner = &in
	}
	for _, s := range m.Slots {
		text := strconv.FormatUint(uint64(s.Key), 10)
		if s.Map != nil {
			text += " = map " + s.Map.Spec.Name
		} else {
			text += " = program " + s.Program.Spec.Name
		}
		v.Slots = append(v.Slots, text)
	}
	for _, s := range m.FuncSlots {
		v.Slots = append(v.Slots, strconv.FormatUint(uint64(s.Offset), 10)+" = program "+
			s.Program.Spec.Name)
	}
	return v
}

func moduleName(m *facts.Module) string {
	if m == nil {
		return "vmlinux"
	}
	return m.Name
}

func viewProgram(p *Program) ProgramView {
	v := ProgramView{
		Name: p.Spec.Name, Section: p.Spec.Sec, Type: p.Type.String(),
		Flags:  flagNames(p.Flags, progFlags[:]),
		Target: p.Target, TargetID: uint32(p.AttachBTFID), Insns: len(p.Insns),
		Fixups: len(p.Fixups),
	}
	if p.ExpectedAttachType != 0 {
		if p.Type == uapi.ProgStructOps {
			v.Attach = "member " + strconv.FormatUint(uint64(p.ExpectedAttachType), 10)
		} else {
			v.Attach = p.ExpectedAttachType.String()
		}
	}
	if p.FuncInfoSize > 0 {
		v.FuncInfo = len(p.FuncInfo) / int(p.FuncInfoSize)
	}
	if p.LineInfoSize > 0 {
		v.LineInfo = len(p.LineInfo) / int(p.LineInfoSize)
	}
	for _, s := range p.Subprogs[min(1, len(p.Subprogs)):] {
		v.Subprogs = append(v.Subprogs, SubprogView{s.Func.Name, s.Start})
	}
	for _, m := range p.Modules {
		v.Modules = append(v.Modules, m.Name)
	}
	for _, m := range p.BindMaps {
		v.Bind = append(v.Bind, m.Spec.Name)
	}
	for _, x := range p.Poisons {
		v.Poisons = append(v.Poisons, PoisonView{x.Insn, x.Text})
	}
	if p.Err != nil {
		v.Unloadable = p.Err.Error()
	}
	return v
}

func (p *Plan) viewCore(c *coreRecord) CoreView {
	v := CoreView{
		Func: c.fn.Name, Insn: c.insn, Spec: core.Describe(p.Object.BTF, c.result.Relo),
		Local: c.result.LocalValue, Value: c.result.Value, Found: c.result.Found, Poison: c.poison,
	}
	if c.err != nil {
		v.Error = c.err.Error()
	}
	return v
}

func viewExtern(x *Extern) ExternView {
	v := ExternView{Name: x.Spec.Name, Kind: externKind(x.Spec), Weak: x.Spec.Weak, Found: x.Found}
	switch {
	case !x.Found:
		v.Value = "0"
	case x.Text != "" || x.Spec.Type == object.KconfigCharArray:
		v.Value = strconv.Quote(x.Text)
	case x.ID != 0:
		v.Value = moduleName(x.Module) + " [" + strconv.FormatUint(uint64(x.ID), 10) + "]"
	case x.Spec.Kind == object.ExternKsym:
		v.Value = "0x" + strconv.FormatUint(x.Value, 16)
	case x.Spec.Type == object.KconfigInt && x.Spec.Signed:
		v.Value = strconv.FormatInt(int64(x.Value), 10)
	default:
		v.Value = strconv.FormatUint(x.Value, 10)
	}
	return v
}

func externKind(e *object.Extern) string {
	switch {
	case e.Kind == object.ExternKconfig:
		return "kconfig"
	case e.Func:
		return "kfunc"
	case e.KsymType != 0:
		return "typed ksym"
	}
	return "ksym"
}

// CoreCount returns the number of CO-RE relocations and of instructions that they poisoned.
func (p *Plan) CoreCount() (total, poisoned int) {
	for i := range p.core {
		if p.core[i].poison {
			poisoned++
		}
	}
	return len(p.core), poisoned
}

// EachCore calls f for every CO-RE relocation in the order of .BTF.ext, with the function and
// instruction that it patched, the result, whether the instruction was poisoned, and with
// Options.KeepGoing the error if there is no result.
func (p *Plan) EachCore(f func(fn *object.Function, insn int, result *core.Result, poison bool,
	err error)) {
	for i := range p.core {
		c := &p.core[i]
		f(c.fn, c.insn, &c.result, c.poison, c.err)
	}
}

// flagName is the name of one bit.
type flagName[F ~uint32] struct {
	bit  F
	name string
}

var mapFlags = [...]flagName[uapi.MapFlags]{
	{uapi.FNoPrealloc, "no_prealloc"},
	{uapi.FNoCommonLRU, "no_common_lru"},
	{uapi.FNumaNode, "numa_node"},
	{uapi.FRdonly, "rdonly"},
	{uapi.FWronly, "wronly"},
	{uapi.FStackBuildID, "stack_build_id"},
	{uapi.FZeroSeed, "zero_seed"},
	{uapi.FRdonlyProg, "rdonly_prog"},
	{uapi.FWronlyProg, "wronly_prog"},
	{uapi.FClone, "clone"},
	{uapi.FMmapable, "mmapable"},
	{uapi.FPreserveElems, "preserve_elems"},
	{uapi.FInnerMap, "inner_map"},
	{uapi.FLink, "link"},
	{uapi.FPathFD, "path_fd"},
	{uapi.FVtypeBtfObjFD, "vtype_btf_obj_fd"},
	{uapi.FTokenFD, "token_fd"},
	{uapi.FSegvOnFault, "segv_on_fault"},
	{uapi.FNoUserConv, "no_user_conv"},
}

var progFlags = [...]flagName[uapi.ProgFlags]{
	{uapi.FStrictAlignment, "strict_alignment"},
	{uapi.FAnyAlignment, "any_alignment"},
	{uapi.FTestRndHi32, "test_rnd_hi32"},
	{uapi.FTestStateFreq, "test_state_freq"},
	{uapi.FSleepable, "sleepable"},
	{uapi.FXDPHasFrags, "xdp_has_frags"},
	{uapi.FXDPDevBoundOnly, "xdp_dev_bound_only"},
	{uapi.FTestRegInvar, "test_reg_invariants"},
}

// flagNames returns the names of the flags that are set; bits without a name become one number.
func flagNames[F ~uint32](flags F, names []flagName[F]) []string {
	var out []string
	for _, n := range names {
		if flags&n.bit != 0 {
			out = append(out, n.name)
			flags &^= n.bit
		}
	}
	if flags != 0 {
		out = append(out, "0x"+strconv.FormatUint(uint64(flags), 16))
	}
	return out
}
