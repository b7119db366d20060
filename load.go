package bpf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/bpffs"
	"github.com/purebpf/bpf/internal/input"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
)

// # Executing a plan
//
// A plan says everything to ask of the kernel except for the numbers of file descriptors, which
// exist only once the kernel answers. Executing it is one pass, in libbpf's order: upload the BTF;
// make (or find) each map, write its first value, freeze and map it, fill its slots, pin it; load
// each program from a copy of its instructions with the descriptors written into it; fill program
// arrays; write program descriptors into struct_ops values. Nothing is done twice and nothing is
// guessed.
//
// A failure anywhere undoes what this pass did: it removes the pins it made, unmaps memory and
// closes descriptors. It doesn't touch what existed before: a pinned map that was found stays
// pinned, with its contents.
//
// A map that this pass pinned may be in use by then: others find it as soon as it is pinned, and
// must, so that all use the same map. The kernel doesn't report whether anybody has opened it, so
// the pin is removed anyway, as in libbpf: a leftover map that nobody uses, where the next version
// of the object wants another one, would make every later load fail.

// LoadOptions changes how an object is loaded. A zero value or a nil pointer means the defaults.
type LoadOptions struct {
	// Logger receives warnings for unknown features and fallbacks, info for what was skipped,
	// sanitised, retried or poisoned, debug for each step. nil: no logging.
	Logger *slog.Logger
	// LogLevel is the verifier's log level for programs that don't set their own: 0 asks for a log
	// only after a failure, 1 and up always; Program.VerifierLog returns it.
	LogLevel uint32
	// LogSize is how many bytes of log the kernel may write about one program or the BTF, at least
	// 128. 0 lets the buffer grow from 16 MiB to 4 GiB, as in libbpf. There is no option for a
	// buffer of the caller's (libbpf kernel_log_buf, which never grows, and
	// bpf_program__set_log_buf): VerifierError.Log and Program.VerifierLog return the logs. As in
	// libbpf, with a LogLevel, a log that doesn't fit fails the load with ENOSPC; newer kernels
	// (6.4) keep its end, older ones its beginning.
	LogSize uint32
	// Kernel is the kernel that the object is resolved for; kernel.Running() if nil. The plan is
	// executed on the running kernel in any case, which provides all facts about the machine: how
	// many CPUs it has, how large its pages are, how programs attach. EINVAL if types or symbols of
	// the kernel that the object uses have other ids or addresses there: Kernel's BTF and kallsyms
	// must be those of the running kernel then.
	Kernel facts.Kernel
	// Maps are used instead of creating the object's maps of these names, which may be names of
	// sections as for Object.Map (libbpf bpf_map__reuse_fd). They stay the caller's: the Object
	// duplicates their descriptors, and has the given map's max_entries, flags and contents;
	// initial values are not written. The memory of a data section is mapped if the given map can
	// be mapped, otherwise its variables can only be read, by system calls. A map with a pin path
	// is pinned as usual, but a map that is pinned there already is used instead, as in libbpf.
	//
	// Unlike libbpf, which doesn't compare them, the load fails with EINVAL if type, key size or
	// value size differ from the object's: its types and variables would not fit the map. The Map
	// keeps the object's name and BTF types. For a value of another size, change the object before
	// (object.Map.SetValueSize).
	Maps map[string]*Map
	// InnerMaps are templates for maps of maps, by the name of the outer map. They replace the
	// inner map that the object declares, if it declares one (libbpf bpf_map__set_inner_map_fd):
	// the outer map takes maps like the template. They stay the caller's and may be closed after
	// the load.
	InnerMaps map[string]*Map
	// PinRoot is the directory for maps pinned by name; "" is /sys/fs/bpf.
	PinRoot string
	// SkipPins ignores all pin paths: maps are created and not pinned.
	SkipPins bool
	// Kconfig is Kconfig text that overrides the kernel's own (libbpf kconfig).
	Kconfig string
	// CustomBTF is the target of CO-RE relocations instead of the kernel's BTF (libbpf
	// btf_custom_path).
	CustomBTF *btf.Spec
	// TokenPath is a BPF file system (6.9) that delegates bpf(2) commands to this process's user
	// namespace; every command uses a token made of it, and failing to make one fails the load
	// (libbpf bpf_token_path). "" means the path in the environment variable LIBBPF_BPF_TOKEN_PATH
	// (if set but empty, no token), and if that is unset /sys/fs/bpf, provided that it delegates
	// any command.
	TokenPath string
	// NoToken makes no token.
	NoToken bool
	// Handlers are the application's handlers for programs of some section kinds, by the Pattern of
	// their row (object.SecDef), "" for the row that takes everything else. A program whose type
	// was changed has no row any more.
	Handlers map[string]Handler
}

// Open reads the BPF object at path (libbpf bpf_object__open_file) without using the kernel. The
// object is named after the file, without directory and cut at the first dot, unless opts, which
// may be nil, names it. Debug information is not read. Open refuses a FIFO, a device, a directory
// and a file of more than 256 MiB.
func Open(path string, opts *object.Options) (*object.Object, error) {
	f, err := sys.OpenFile(path)
	if err != nil {
		return nil, newError("open object", about{}, input.Explain(err))
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
// bpf_object__load). o isn't changed and may be loaded again, also concurrently. The caller closes
// the Object. On failure nothing of this load stays behind: pins that it made are removed, unless
// somebody has replaced them. A process that opened a map by such a pin meanwhile keeps the map,
// without the pin.
//
// Needs CAP_BPF and the capabilities for its programs and maps (CAP_NET_ADMIN, CAP_PERFMON), or
// CAP_SYS_ADMIN, or a BPF token. Errors are *Error, which names the step and the map or program,
// and *VerifierError.
func Load(o *object.Object, opts *LoadOptions) (*Object, error) {
	return loaded(Prepare(o, opts))
}

// Prepare does the first half of Load: it uploads the BTF, creates and pins maps, and relocates
// programs but doesn't load them (libbpf bpf_object__prepare). Object.Load does the second half, or
// Program.Clone loads single programs. The caller closes the Object. On failure nothing stays
// behind.
func Prepare(o *object.Object, opts *LoadOptions) (*Object, error) {
	if o == nil {
		return nil, newError(
			"load object", about{}, fmt.Errorf("no object is given: %w", syscall.EINVAL))
	}
	l, err := newLoader(o.Name, opts)
	if err != nil {
		return nil, err
	}
	l.plan, err = plan.Resolve(o, l.target(), &plan.Options{
		Kconfig: l.opts.Kconfig, CustomBTF: l.opts.CustomBTF, PinRoot: l.opts.PinRoot,
		SkipPins:   l.opts.SkipPins,
		ProgramBTF: l.programBTF,
	})
	if err != nil {
		l.token.Close()
		return nil, newError("resolve", about{o.Name, ""}, err)
	}
	return l.prepare()
}

// LoadPlan executes a plan (Load makes one). A plan may be executed many times, also concurrently;
// options that decide how a plan is made (PinRoot, Kconfig, CustomBTF) have no effect here.
func LoadPlan(p *plan.Plan, opts *LoadOptions) (*Object, error) {
	return loaded(PreparePlan(p, opts))
}

// PreparePlan does the first half of LoadPlan; see Prepare.
func PreparePlan(p *plan.Plan, opts *LoadOptions) (*Object, error) {
	if p == nil || p.Object == nil {
		return nil, newError(
			"load object", about{}, fmt.Errorf("no plan is given: %w", syscall.EINVAL))
	}
	if len(p.Errors) > 0 {
		return nil, newError("resolve", about{p.Object.Name, ""}, errors.Join(p.Errors...))
	}
	l, err := newLoader(p.Object.Name, opts)
	if err != nil {
		return nil, err
	}
	l.plan = p
	return l.prepare()
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
	l := o.pending
	o.pending = nil
	entered := !o.closed && o.loading.Enter()
	o.mu.Unlock()
	switch {
	case !entered:
		return newError("load object", about{o.name, ""}, ErrClosed)
	case l == nil:
		o.loading.Leave()
		return newError("load object", about{o.name, ""},
			fmt.Errorf("its programs are loaded already: %w", syscall.EINVAL))
	}
	err := l.run(l.loadPrograms, l.fillProgramArrays, l.fillStructOps)
	o.loading.Leave()
	if err != nil {
		l.undo()
	}
	l.release()
	return err
}

// loader is one execution of a plan.
type loader struct {
	plan       *plan.Plan
	opts       *LoadOptions
	running    *kernel.Facts // the kernel that executes the plan, probed with the token
	ev         *slog.Logger
	obj        *Object
	token      *sys.FD                    // the object's, nil if there is none
	btf        *sys.FD                    // uploaded BTF, nil if there is none
	given      map[*plan.Map]*Map         // of LoadOptions.Maps
	givenInner map[*plan.Map]*Map         // of LoadOptions.InnerMaps
	maps       map[*plan.Map]*Map         // those that exist or are being created
	progs      map[*plan.Program]*Program // those loaded
	modules    []moduleBTF
	pinned     []pinnedMap // pins that this load made, oldest first
	scratch    scratch

	limitErr error // what keeps RLIMIT_MEMLOCK low, nil if nothing does
}

// pinnedMap is a map that the load pinned, and its path.
type pinnedMap struct {
	m     *Map
	place *bpffs.Place
}

type moduleBTF struct {
	module *facts.Module
	fd     *sys.FD
}

// newLoader does what is needed before a plan exists: it makes a token and the facts of the kernel
// as seen with the token; without a token, it makes room for BPF objects and checks that this
// process may load programs: a refused probe would make a feature look missing.
func newLoader(name string, opts *LoadOptions) (*loader, error) {
	if opts == nil {
		opts = &LoadOptions{}
	}
	l := &loader{opts: opts, ev: cmp.Or(opts.Logger, discard)}
	var given bool
	if l.running, given = opts.Kernel.(*kernel.Facts); !given || l.running == nil {
		l.running = kernel.Running()
	}
	if err := l.openToken(name); err != nil || l.token != nil {
		return l, err
	}
	l.ensureMemlock(l.running, name)
	if err := l.running.ProbeLoading(); err != nil {
		return nil, (&attempt{op: opLoad, limit: l.limitErr}).fail("load object", about{name, ""},
			err)
	}
	return l, nil
}

// target returns the kernel that the object is resolved for: the running one unless the options
// name another.
func (l *loader) target() facts.Kernel {
	if _, running := l.opts.Kernel.(*kernel.Facts); running || l.opts.Kernel == nil {
		return l.running
	}
	return l.opts.Kernel
}

// prepare does everything up to loading programs.
func (l *loader) prepare() (*Object, error) {
	o := l.plan.Object
	l.obj = &Object{
		name: o.Name, btf: o.BTF, ev: l.ev, running: l.running, token: l.token,
		handlers: l.opts.Handlers, pending: l,
	}
	for i := range l.plan.Externs {
		if x := &l.plan.Externs[i]; x.Spec.Name == "LINUX_HAS_BPF_COOKIE" {
			l.obj.usdtTold = x
		}
	}
	l.tell(l.plan.Events)
	if err := l.run(l.checkResolved, l.takeGiven, l.uploadBTF, l.makeMaps,
		l.describePrograms); err != nil {
		l.undo()
		return nil, err
	}
	return l.obj, nil
}

func (l *loader) run(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// release closes everything that only the load itself needs.
func (l *loader) release() {
	for _, m := range l.modules {
		m.fd.Close()
	}
	for _, pin := range l.pinned {
		pin.place.Close()
	}
	l.modules, l.pinned = nil, nil
	l.scratch = scratch{}
}

// undo reverts what the load did so far.
func (l *loader) undo() {
	for _, pin := range slices.Backward(l.pinned) {
		if !pin.m.pinned { // the caller unpinned it after Prepare
			continue
		}
		pin.m.pinned = false
		if err := pin.place.Unpin(); err != nil {
			l.ev.Warn("unpin after a failed load", "object", l.obj.name, "map", pin.m.name, "err",
				err)
		}
	}
	l.obj.Close()
}

// moduleFD returns a descriptor of a module's BTF, open until the load ends.
func (l *loader) moduleFD(m *facts.Module) (*sys.FD, error) {
	for _, have := range l.modules {
		if have.module == m {
			return have.fd, nil
		}
	}
	id := m.ID
	if id == 0 { // a recorded kernel
		here, err := l.runningModule(m)
		if err != nil {
			return nil, l.fail("open BTF of module", m.Name, err)
		}
		id = here.ID
	}
	fd, err := l.openBTF(id)
	if err != nil {
		return nil, newError("open BTF of module", about{l.obj.name, m.Name}, err,
			kernel.CapSysAdmin)
	}
	l.modules = append(l.modules, moduleBTF{m, fd})
	return fd, nil
}

// eventLevels are the log levels of events: debug for how the kernel was understood, info for code
// that was changed, warning for results that may be wrong.
var eventLevels = [...]slog.Level{
	plan.EventProbed:    slog.LevelDebug,
	plan.EventResolved:  slog.LevelDebug,
	plan.EventSkipped:   slog.LevelInfo,
	plan.EventSanitized: slog.LevelInfo,
	plan.EventPoisoned:  slog.LevelInfo,
	plan.EventUnknown:   slog.LevelWarn,
	plan.EventWarning:   slog.LevelWarn,
}

// tell logs the plan's events.
func (l *loader) tell(list []plan.Event) {
	ctx := context.Background()
	for _, e := range list {
		level := slog.LevelInfo
		if int(e.Kind) < len(eventLevels) {
			level = eventLevels[e.Kind]
		}
		if l.ev.Enabled(ctx, level) {
			l.ev.Log(ctx, level, e.Text, "object", l.obj.name, "event", e.Kind, "subject",
				e.Subject)
		}
	}
}

func (l *loader) fail(op, subject string, err error, need ...kernel.Capability) error {
	a := attempt{op: opLoad, need: need, limit: l.limitErr}
	return a.fail(op, about{l.obj.name, subject}, err)
}

// programBTF reads the BTF that a loaded program carries.
func (l *loader) programBTF(fd int) (*btf.Spec, error) {
	info, err := sys.ProgInfoByFD(fd)
	if err != nil {
		return nil, err
	}
	if info.BTFID == 0 {
		return nil, fmt.Errorf("the program has no BTF: %w", syscall.EINVAL)
	}
	obj, err := l.openBTF(info.BTFID)
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	raw, err := btfBytes(obj)
	if err != nil {
		return nil, err
	}
	return btf.Parse(raw, nil)
}

// btfBytes copies a BTF object out of the kernel.
func btfBytes(fd *sys.FD) ([]byte, error) {
	info, err := sys.BTFInfoByFD(fd.Int())
	if err != nil {
		return nil, err
	}
	raw := make([]byte, info.Size)
	again := sys.BTFInfo{BTF: sys.Slice(raw), Size: info.Size}
	if _, err := sys.ObjInfo(fd.Int(), unsafe.Pointer(&again),
		uint32(unsafe.Sizeof(again))); err != nil {
		return nil, err
	}
	return raw, nil
}
