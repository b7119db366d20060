package bpf

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
)

// # Executing a plan
//
// A plan says everything that is to be asked of the kernel except for the numbers of file descriptors, which exist only once it
// answers. Executing it is one pass, in libbpf's order: upload the BTF; make (or find) each map, write its first value, freeze and
// map it, fill its slots, pin it; load each program from a copy of its instructions into which the descriptors were written; fill
// program arrays; write program descriptors into struct_ops values. Nothing is looked at twice and nothing is guessed.
//
// A failure anywhere undoes what this pass did: pins that it made are removed, mappings ended, descriptors closed. What existed
// before is not touched: a pinned map that was found stays pinned, with the contents it had.

// LoadOptions changes how an object is loaded. The zero value, or a nil pointer, asks for the defaults.
type LoadOptions struct {
	// Logger is told what was skipped, sanitised, retried or poisoned, and at debug level each step. Silent if nil.
	Logger *slog.Logger
	// LogLevel is the verifier's log level for programs that don't set their own: 0 asks for a log only after a failure, 1 and up
	// ask for one always, which Program.VerifierLog then returns.
	LogLevel uint32
	// Kernel answers questions about the kernel; kernel.Running() if nil.
	Kernel facts.Kernel
	// Maps are used instead of creating the object's maps of these names (libbpf bpf_map__reuse_fd). They stay the caller's: the
	// Object gets descriptors of its own. Type, key size and value size must be equal.
	Maps map[string]*Map
	// PinRoot is the directory for maps pinned by name; "" is /sys/fs/bpf.
	PinRoot string
	// SkipPins ignores all pin paths: maps are made anew and not pinned.
	SkipPins bool
	// Kconfig is Kconfig text that wins over the kernel's own (libbpf kconfig).
	Kconfig string
	// CustomBTF is the target of CO-RE relocations instead of the kernel's BTF (libbpf btf_custom_path).
	CustomBTF *btf.Spec
}

// Open reads the BPF object at path (libbpf bpf_object__open_file). Nothing is asked of the kernel. The object is called after the
// file, without directory and cut at the first dot. Debug information is left in the file.
func Open(path string) (*object.Object, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{Op: "open object", Err: err}
	}
	defer f.Close()
	o, err := object.ReadFrom(f, filepath.Base(path))
	if err != nil {
		return nil, &Error{Op: "open object", Subject: path, Err: err}
	}
	return o, nil
}

// Load asks the running kernel for everything that o declares: BTF, maps, programs (libbpf bpf_object__load). o isn't changed and may
// be loaded again, also concurrently. The caller closes the Object. On failure nothing of this load stays behind.
//
// Needs CAP_BPF and what its programs and maps need (CAP_NET_ADMIN, CAP_PERFMON), or CAP_SYS_ADMIN. Errors are *Error, which names
// the step and the map or program, and *VerifierError.
func Load(o *object.Object, opts *LoadOptions) (*Object, error) {
	if opts == nil {
		opts = &LoadOptions{}
	}
	k := opts.Kernel
	if k == nil {
		k = kernel.Running()
	}
	p, err := plan.Resolve(o, k, &plan.Options{
		Kconfig: opts.Kconfig, CustomBTF: opts.CustomBTF, PinRoot: opts.PinRoot, ProgramBTF: programBTF,
	})
	if err != nil {
		return nil, &Error{Op: "resolve", Object: o.Name, Err: err, Hint: permissionHint(err)}
	}
	return LoadPlan(p, opts)
}

// LoadPlan executes a plan (see Load, which makes one). A plan may be executed many times, also concurrently; the options that
// decide how a plan is made (PinRoot, Kconfig, CustomBTF) have no effect here.
func LoadPlan(p *plan.Plan, opts *LoadOptions) (*Object, error) {
	if opts == nil {
		opts = &LoadOptions{}
	}
	if len(p.Errors) > 0 {
		return nil, &Error{Op: "resolve", Object: p.Object.Name, Err: errors.Join(p.Errors...)}
	}
	l := &loader{plan: p, opts: opts, kernel: opts.Kernel, ev: events{opts.Logger}}
	if l.kernel == nil {
		l.kernel = kernel.Running()
	}
	l.obj = &Object{name: p.Object.Name, btf: p.Object.BTF, ev: l.ev, kernel: l.kernel}
	err := l.run()
	l.release()
	if err != nil {
		l.undo()
		return nil, err
	}
	return l.obj, nil
}

// loader is one execution of a plan.
type loader struct {
	plan    *plan.Plan
	opts    *LoadOptions
	kernel  facts.Kernel
	ev      events
	obj     *Object
	btf     *sys.FD                    // uploaded BTF, nil if there is none
	maps    map[*plan.Map]*Map         // those that exist, and those under way
	progs   map[*plan.Program]*Program // those loaded
	modules []moduleBTF
	pinned  []*Map // pins that this load made, oldest first
	scratch scratch

	memlockTried bool
}

type moduleBTF struct {
	module *facts.Module
	fd     *sys.FD
}

func (l *loader) run() error {
	l.tell(l.plan.Events)
	if err := l.checkReplacements(); err != nil {
		return err
	}
	if err := l.uploadBTF(); err != nil {
		return err
	}
	if err := l.makeMaps(); err != nil {
		return err
	}
	if err := l.loadPrograms(); err != nil {
		return err
	}
	if err := l.fillProgramArrays(); err != nil {
		return err
	}
	return l.fillStructOps()
}

// release closes what only the load itself needs.
func (l *loader) release() {
	for _, m := range l.modules {
		m.fd.Close()
	}
	l.scratch = scratch{}
}

// undo takes back what the load did so far.
func (l *loader) undo() {
	for i := len(l.pinned) - 1; i >= 0; i-- {
		if err := l.pinned[i].Unpin(); err != nil {
			l.ev.warn("unpin after a failed load", "object", l.obj.name, "map", l.pinned[i].name, "err", err)
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
	fd, err := sys.BTFFDByID(m.ID)
	if err != nil {
		return nil, &Error{Op: "open BTF of module", Object: l.obj.name, Subject: m.Name, Err: err, Hint: permissionHint(err)}
	}
	l.modules = append(l.modules, moduleBTF{m, fd})
	return fd, nil
}

// tell passes the plan's events on to the logger.
func (l *loader) tell(list []plan.Event) {
	for _, e := range list {
		level := slog.LevelDebug
		if e.Kind == plan.EventWarning || e.Kind == plan.EventSkipped {
			level = slog.LevelWarn
		}
		if l.ev.enabled(level) {
			l.ev.at(level, e.Text, "object", l.obj.name, "subject", e.Subject)
		}
	}
}

func (l *loader) fail(op, subject string, err error, need ...kernel.Capability) error {
	return &Error{Op: op, Object: l.obj.name, Subject: subject, Err: err, Hint: permissionHint(err, need...)}
}

// programBTF reads the BTF that a loaded program carries.
func programBTF(fd int) (*btf.Spec, error) {
	info, err := sys.ProgInfoByFD(fd)
	if err != nil {
		return nil, err
	}
	if info.BTFID == 0 {
		return nil, fmt.Errorf("the program has no BTF: %w", syscall.EINVAL)
	}
	obj, err := sys.BTFFDByID(info.BTFID)
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
	if _, err := sys.ObjInfo(fd.Int(), unsafe.Pointer(&again), uint32(unsafe.Sizeof(again))); err != nil {
		return nil, err
	}
	return raw, nil
}
