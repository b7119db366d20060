package bpf

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/input"
	"github.com/purebpf/bpf/internal/load"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// LoadOptions changes how an object is loaded. The caller still owns its maps.
type LoadOptions struct {
	// Logger receives warnings for unknown features and fallbacks, info for what was skipped,
	// sanitised, retried or poisoned, debug for each step. nil: the logger of SetLogger.
	Logger *slog.Logger
	// LogLevel is the verifier's log level for programs that don't set their own: 0 requests a log
	// only after a failure, other levels always. Program.VerifierLog returns it.
	LogLevel uapi.LogLevel
	// LogSize is how many bytes of log the kernel may write about one program or the BTF, at least
	// 128; 0 lets the buffer grow from 16 MiB to 4 GiB. If LogLevel is set, a log that doesn't fit
	// fails the load with ENOSPC; kernels from 6.4 on keep its end, older ones its beginning.
	LogSize uint32
	// Kernel is the kernel that the object is resolved for; nil: kernel.Running(), which always
	// executes the plan and provides all facts about the machine. EINVAL if the object uses types or
	// symbols with other ids or addresses in Kernel's BTF or kallsyms than in the running kernel.
	Kernel facts.Kernel
	// Maps replace the object's maps of these names, or names of sections (libbpf
	// bpf_map__reuse_fd). The Object duplicates their descriptors, and takes max_entries, flags and
	// contents from them; it writes no initial values. If a map can't be mapped, variables in it can
	// only be read, by system calls. If the object's map has a pin path, the given map is pinned
	// there; but if a map is pinned there already, that one is used, as in libbpf.
	//
	// Unlike in libbpf, the load fails with EINVAL if type, key size or value size differ from the
	// object's. For values of another size, change the object first (object.Map.SetValueSize).
	Maps map[string]*Map
	// InnerMaps replace the inner maps that the object declares, by the name of the outer map
	// (libbpf bpf_map__set_inner_map_fd). They may be closed after the load.
	InnerMaps map[string]*Map
	PinRoot   string // directory for maps pinned by name; "" is /sys/fs/bpf
	SkipPins  bool   // ignore all pin paths: maps are created and not pinned
	Kconfig   string // Kconfig text that overrides the kernel's own (libbpf kconfig)
	// CustomBTF is the target of CO-RE relocations (libbpf btf_custom_path); nil: the kernel's BTF.
	CustomBTF *btf.Spec
	// TokenPath is a BPF file system (6.9) that delegates bpf(2) commands to this process's user
	// namespace; every command uses a token created from it, and the load fails if none can be
	// created (libbpf bpf_token_path). "" means the path in the environment variable
	// LIBBPF_BPF_TOKEN_PATH (no token if that is empty) or, if the variable is unset, /sys/fs/bpf
	// if that delegates any command.
	TokenPath string
	NoToken   bool // don't create a token
	// Handlers are the application's handlers for some kinds of sections. The key is the Pattern of
	// the kind's row (object.SecDef), "" for the row that matches all other sections.
	Handlers map[string]Handler
}

// Open reads the BPF object at path (libbpf bpf_object__open_file) without using the kernel. The
// object's name is the file's base name up to the first dot, unless opts names it. opts may be nil.
// Debug information is not read. Open refuses a FIFO, a device, a directory and a file of more than
// 256 MiB.
func Open(path string, opts *object.Options) (*object.Object, error) {
	f, err := sys.OpenFile(path)
	if err != nil {
		return nil, newError("open object", about{"", path}, input.Explain(err))
	}
	defer f.Close()
	what := ""
	if f.Type() != 0 {
		what = input.Kind(f.Type())
	} else if f.Size() == 0 {
		what = input.Made(f.Int())
	}
	if what != "" {
		err := fmt.Errorf("%s: give a regular file: %w", what, syscall.EINVAL)
		return nil, newError("open object", about{"", path}, err)
	}
	o, err := opts.ReadFrom(f, filepath.Base(path))
	if err != nil {
		return nil, newError("open object", about{"", path}, err)
	}
	return o, nil
}

// Load creates everything that o declares in the running kernel: BTF, maps, programs (libbpf
// bpf_object__load). o isn't changed and may be loaded again, also concurrently. On failure Load
// removes everything that it made, also pins, unless another process has replaced them. A process
// that has opened a map by such a pin keeps the map.
//
// Needs CAP_BPF and the capabilities for its programs and maps (CAP_NET_ADMIN, CAP_PERFMON), or
// CAP_SYS_ADMIN, or a BPF token. Errors are *Error and *VerifierError.
func Load(o *object.Object, opts *LoadOptions) (*Object, error) {
	return loaded(Prepare(o, opts))
}

// Prepare does the first half of Load: it uploads the BTF, creates and pins maps, and relocates
// programs but doesn't load them (libbpf bpf_object__prepare). Object.Load does the second half, or
// Program.Clone loads single programs. On failure nothing stays behind.
func Prepare(o *object.Object, opts *LoadOptions) (*Object, error) {
	if o == nil {
		return nil, newError(
			"load object", about{}, fmt.Errorf("no object is given: %w", syscall.EINVAL))
	}
	made, err := load.Prepare(o, opts.below())
	if err != nil {
		return nil, err
	}
	return newObject(made, opts), nil
}

// LoadPlan executes a plan, as Load does after making one. A plan may be executed many times, also
// concurrently; PinRoot, Kconfig and CustomBTF have no effect here.
func LoadPlan(p *plan.Plan, opts *LoadOptions) (*Object, error) {
	return loaded(PreparePlan(p, opts))
}

// PreparePlan does the first half of LoadPlan; see Prepare.
func PreparePlan(p *plan.Plan, opts *LoadOptions) (*Object, error) {
	if p == nil || p.Object == nil {
		return nil, newError(
			"load object", about{}, fmt.Errorf("no plan is given: %w", syscall.EINVAL))
	}
	made, err := load.PreparePlan(p, opts.below())
	if err != nil {
		return nil, err
	}
	return newObject(made, opts), nil
}

// loaded loads the programs of a prepared object.
func loaded(o *Object, err error) (*Object, error) {
	if err == nil {
		err = o.Load()
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

// Load loads the programs of a prepared object (libbpf bpf_object__load after bpf_object__prepare).
// On failure it closes the object and removes the pins that Prepare made. EINVAL if the programs
// were loaded already.
func (o *Object) Load() error {
	if o.isNone() {
		return missing("load object", "object")
	}
	o.mu.Lock()
	prepared := o.prepared
	o.prepared = false
	entered := !o.closed && o.loading.Enter()
	o.mu.Unlock()
	switch {
	case !entered:
		return newError("load object", about{o.name, ""}, ErrClosed)
	case !prepared:
		o.loading.Leave()
		return newError("load object", about{o.name, ""},
			fmt.Errorf("its programs are loaded already: %w", syscall.EINVAL))
	}
	err := o.made.Load(load.Hooks{
		Prepare: func(i int, insns []asm.Instruction,
			attr *sys.ProgLoadAttr) ([]asm.Instruction, error) {
			return o.planned[i].letPrepare(insns, attr)
		},
		Loaded: func(i int, p load.Program) { o.planned[i].take(p) },
	})
	for _, m := range o.maps {
		m.slots = m.made.Slots
	}
	o.loading.Leave()
	if err != nil {
		o.undo()
	}
	o.made.Release()
	return err
}

// undo removes the pins that Prepare made and that are left, and closes the object.
func (o *Object) undo() {
	for _, m := range o.maps {
		m.made.Pinned = m.pinned
	}
	o.made.Unpin()
	for _, m := range o.maps {
		m.pinned = m.made.Pinned
	}
	o.Close()
}

// below returns the options of package load.
func (opts *LoadOptions) below() *load.Options {
	if opts == nil {
		opts = &LoadOptions{}
	}
	return &load.Options{
		Report: loadError, Logger: loggerOr(opts.Logger), LogLevel: opts.LogLevel,
		LogSize: opts.LogSize, Kernel: opts.Kernel, PinRoot: opts.PinRoot, SkipPins: opts.SkipPins,
		Kconfig: opts.Kconfig, CustomBTF: opts.CustomBTF,
		TokenPath: opts.TokenPath, NoToken: opts.NoToken,
		Maps: givenMaps(opts.Maps, (*Map).absence),
		InnerMaps: givenMaps(opts.InnerMaps,
			func(m *Map) error { return m.fail("use map", ErrClosed) }),
	}
}

// givenMaps describes maps that the options give. gone returns why one has no descriptor.
func givenMaps(maps map[string]*Map, gone func(*Map) error) map[string]*load.Given {
	if len(maps) == 0 {
		return nil
	}
	list := make(map[string]*load.Given, len(maps))
	for name, m := range maps {
		if m == nil {
			list[name] = nil
			continue
		}
		g := &load.Given{
			FD: m.fd, Gone: func() error { return gone(m) },
			Type: m.typ, KeySize: m.keySize, ValueSize: m.valueSize, MaxEntries: m.maxEntries,
			Flags: m.flags, Extra: m.extra,
		}
		if m.absent != nil {
			g.Err = m.Err()
		}
		list[name] = g
	}
	return list
}

// newObject describes what a load made.
func newObject(made *load.Object, opts *LoadOptions) *Object {
	if opts == nil {
		opts = &LoadOptions{}
	}
	spec := made.Plan.Object
	o := &Object{
		name: spec.Name, btf: spec.BTF, ev: loggerOr(opts.Logger), running: made.Running(),
		handlers: opts.Handlers, made: made, prepared: true,
	}
	for i := range made.Plan.Externs {
		if x := &made.Plan.Externs[i]; x.Spec.Name == "LINUX_HAS_BPF_COOKIE" {
			o.usdtTold = x
		}
	}
	maps := make([]Map, len(made.Maps))
	for i := range made.Maps {
		if made.Maps[i].Plan.Spec != nil {
			maps[i].belong(o, &made.Maps[i])
			o.maps = append(o.maps, &maps[i])
		}
	}
	o.programs = make([]*Program, len(spec.Programs))
	programs := make([]Program, len(spec.Programs))
	for i, p := range spec.Programs {
		programs[i] = Program{
			obj: o, name: p.Name, section: p.Sec, def: p.Def, typ: p.Type,
			expected: p.ExpectedAttachType, attachTarget: p.AttachTarget,
			attachProgFD: p.AttachProgFD, autoattach: p.Autoattach,
		}
		o.programs[i] = &programs[i]
	}
	o.planned = make([]*Program, len(made.Plan.Programs))
	for i, pp := range made.Plan.Programs {
		o.planned[i] = o.programs[slices.Index(spec.Programs, pp.Spec)]
		o.planned[i].plan = pp
	}
	return o
}
