package plan

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/btf/core"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// Resolving, in the order that later steps depend on (libbpf's bpf_object__prepare):
//
//   1. externs and kconfig: values that relocation writes, module BTF that kfunc calls index;
//   2. struct_ops maps against the kernel's types: this turns programs on and off;
//   3. CO-RE in every function that can be loaded, subprograms included, since copies are made of
//      patched code;
//   4. subprograms copied into each program, calls, func_info and line_info;
//   5. data relocations, jump tables, poison;
//   6. arg:ctx rewriting, which adds types to the BTF;
//   7. the BTF to upload, sanitised;
//   8. maps, which refer to BTF ids;
//   9. the attributes of BPF_PROG_LOAD other than instructions.
//
// All names are collected before the first lookup in kernel BTF, so that few passes over its
// 130,000 types find them all.

// resolver is the state of one Resolve. The object is only read; changes are kept here and in the
// plan.
type resolver struct {
	o    *object.Object
	k    facts.Kernel
	opts *Options
	p    *Plan

	order binary.ByteOrder // of the object

	budget   budget
	features [facts.NumFeatures]featureState
	unknown  map[facts.Feature]error // features whose probe failed, and why

	vmlinux    *btf.Spec
	vmlinuxErr error
	asked      bool   // vmlinux is decided
	wanted     wanted // names to look up in kernel BTF
	modules    []*facts.Module
	modulesErr error
	modsAsked  bool
	unsearched error // why modules is incomplete, nil if it is complete

	progs []function // same order as o.Programs
	subs  []function // same order as o.Subprogs
	text  index      // o.Subprogs by offset

	info       typeInfo     // kinds of types in the object's BTF
	edit       *btf.Builder // BTF under change, nil while it is unchanged
	dropLayout bool
	renames    []renaming
	infoSecs   [2]sectionIndex // sections of .BTF.ext, by infoKind

	fdArray  []*facts.Module // modules that kfuncs come from: fd_array[1], fd_array[2], ...
	arenaOff uint64
	kconfig  []byte // value of the .kconfig map, or its start: the rest is zero
	pass     int32  // number of the main program being linked, from 1

	kconfigSize uint64 // of the whole value

	attach   []attachState // same order as o.Programs
	coreSecs []coreSection
	tables   map[tableKey]*Map
	entries  int // in all jump tables
	linked   int // instructions in all programs
	slots    []pendingSlot

	callbacks map[string]callback     // exception callbacks by program name
	positions map[*object.Program]int // positions in o.Programs, made when many are looked up
	// index in the plan of each of o.Programs, -1 if it is not loaded
	planIndex []int
	kconfigAt *Map                // the .kconfig map, nil if there is none
	ctxTags   map[btf.ID][]btf.ID // arg:ctx tags by FUNC
}

type featureState uint8

const (
	featureUnknown featureState = iota
	featureYes
	featureNo
)

// Resolve decides what to ask of kernel k to load o (bpf_object__load before its first system call,
// apart from probing). It makes no system calls of its own, never changes o, and may run
// concurrently with other Resolves of the same object. It asks k only for what is needed: an object
// without CO-RE relocations, typed externs and BTF targets never asks for kernel BTF.
//
// An error is an *Error. If a single program cannot be loaded, its Program.Err is set instead,
// because the programs before it are loaded first. If opts is nil the defaults apply.
func Resolve(o *object.Object, k facts.Kernel, opts *Options) (*Plan, error) {
	if opts == nil {
		opts = &Options{}
	}
	r := &resolver{o: o, k: k, opts: opts, p: &Plan{Object: o}, order: o.Order,
		budget: newBudget(o.FileSize)}
	if r.order == nil {
		r.order = binary.NativeEndian
	}
	if !opts.Foreign && !hostOrder(r.order) {
		return nil, r.fail("", "", CodeEndian, "compiled for "+o.Order.String()+
			" machines; it can be inspected, not loaded on this one", nil)
	}
	steps := [...]func(*resolver) error{
		(*resolver).prepare,
		(*resolver).resolveExterns,
		(*resolver).planMaps,
		(*resolver).resolveStructOps,
		(*resolver).relocateCore,
		(*resolver).linkPrograms,
		(*resolver).finishBTF,
		(*resolver).finishMaps,
		(*resolver).finishPrograms,
	}
	for _, step := range steps {
		if err := step(r); err != nil {
			return nil, err
		}
	}
	r.tellUnsaid()
	return r.p, nil
}

// tolerate records err and returns nil if the caller wants to see everything that is missing.
func (r *resolver) tolerate(err error) error {
	if err == nil || !r.opts.KeepGoing {
		return err
	}
	if len(r.p.Errors) == 0 || r.mayTell() {
		text := err.Error()
		r.budget.words -= len(text)
		r.p.Errors = append(r.p.Errors, err)
		r.event(EventWarning, r.o.Name, text)
	}
	return nil
}

func hostOrder(order binary.ByteOrder) bool {
	b := [2]byte{1, 0}
	return order.Uint16(b[:]) == binary.NativeEndian.Uint16(b[:])
}

// prepare sets up the state and collects all names to look up in kernel BTF.
func (r *resolver) prepare() error {
	o := r.o
	r.progs = make([]function, len(o.Programs))
	for i, p := range o.Programs {
		r.progs[i] = function{f: &p.Function, code: p.Insns, load: p.Autoload, maybe: p.Autoload ||
			p.Type == uapi.ProgStructOps}
	}
	r.subs = make([]function, len(o.Subprogs))
	for i, f := range o.Subprogs {
		r.subs[i] = function{f: f, code: f.Insns, load: true, maybe: true, sub: true}
	}
	r.text.build(o.Subprogs)
	r.scanTypes()
	for _, n := range o.Notes {
		kind := EventSkipped
		for _, data := range [...]string{".rel.data", ".rel.rodata", ".rel.bss"} {
			if strings.HasPrefix(n.Section, data) { // pointers that stay NULL
				kind = EventWarning
			}
		}
		r.event(kind, n.Section, n.Text)
	}
	if err := r.locateCore(); err != nil {
		return err
	}
	r.attach = make([]attachState, len(o.Programs))
	var names, custom wanted
	r.wantExterns(&names)
	r.wantStructOps(&names)
	r.wantTargets(&names)
	if r.opts.CustomBTF != nil {
		r.wantCore(&custom)
		custom.prefetch(r.opts.CustomBTF)
	} else {
		r.wantCore(&names)
	}
	if len(names.types)+len(names.funcs) == 0 {
		return nil
	}
	v, err := r.kernelBTF()
	if err != nil {
		return r.tolerate(r.fail("", "", CodeNotFound,
			"kernel BTF is needed (CO-RE, typed externs, struct_ops or BTF attach targets)", err))
	}
	r.wanted = names
	names.prefetch(v)
	return nil
}

// wanted holds names to look up in BTF. Collected before the first lookup, they take one pass over
// its functions and one over all other types.
type wanted struct{ types, funcs []string }

func (w *wanted) add(name string, kind btf.Kind) {
	if kind == btf.KindFunc {
		w.funcs = append(w.funcs, name)
	} else {
		w.types = append(w.types, name)
	}
}

func (w *wanted) prefetch(s *btf.Spec) {
	s.Prefetch(w.types...)
	s.PrefetchFuncs(w.funcs...)
}

// kernelBTF returns vmlinux BTF. It asks for it once.
func (r *resolver) kernelBTF() (*btf.Spec, error) {
	if !r.asked {
		r.asked = true
		r.vmlinux, r.vmlinuxErr = r.k.BTF()
		if r.vmlinuxErr == nil && r.vmlinux == nil {
			r.vmlinuxErr = errors.New("this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)")
		}
	}
	return r.vmlinux, r.vmlinuxErr
}

// findKernel looks up name in vmlinux and then in each module's own types.
func (r *resolver) findKernel(name string, kind btf.Kind) (btf.ID, *btf.Spec, *facts.Module,
	error) {
	v, err := r.kernelBTF()
	if err != nil {
		return 0, nil, nil, err
	}
	if id, ok := v.FindByName(name, kind); ok {
		return id, v, nil, nil
	}
	mods, err := r.moduleBTFs()
	if err != nil {
		return 0, nil, nil, err
	}
	for _, m := range mods {
		if id, ok := m.BTF.FindOwn(name, kind); ok {
			return id, m.BTF, m, nil
		}
	}
	return 0, nil, nil, nil
}

// coreTarget returns the BTF in which CO-RE relocations look up types.
func (r *resolver) coreTarget() (*core.Target, error) {
	if r.opts.CustomBTF != nil {
		return core.NewTarget(r.opts.CustomBTF, nil), nil
	}
	v, err := r.kernelBTF()
	if err != nil {
		return nil, err
	}
	return core.NewTarget(v, func() ([]*btf.Spec, error) {
		mods, err := r.moduleBTFs()
		if err != nil {
			return nil, err
		}
		specs := make([]*btf.Spec, len(mods))
		for i, m := range mods {
			specs[i] = m.BTF
		}
		return specs, nil
	}), nil
}

// has reports whether the kernel supports f, asking once. If that is unknown it returns false, as
// libbpf does.
func (r *resolver) has(f facts.Feature) bool {
	switch r.features[f] {
	case featureYes:
		return true
	case featureNo:
		return false
	}
	r.features[f] = featureNo
	yes, err := r.k.Has(f)
	switch {
	case err != nil:
		if r.unknown == nil {
			r.unknown = make(map[facts.Feature]error)
		}
		r.unknown[f] = err
		r.event(EventUnknown, f.String(), "assumed to be missing ("+f.Without()+"): "+err.Error())
		return false
	case yes:
		r.features[f] = featureYes
		r.event(EventProbed, f.String(), "supported")
	default:
		r.event(EventProbed, f.String(), "missing")
	}
	return yes
}
