// Package load executes plans: it asks the running kernel for what a plan says and returns
// descriptors, mapped memory and logs.
//
// A plan says everything to ask of the kernel except for the numbers of file descriptors, which
// exist only once the kernel answers. Executing it is one pass, in libbpf's order: upload the BTF;
// make (or find) each map, write its first value, freeze and map it, fill its slots, pin it; load
// each program from a copy of its instructions with the descriptors written into it; fill program
// arrays; collect the programs of struct_ops values. Nothing is done twice and nothing is guessed.
//
// A failure anywhere undoes what this pass did: it removes the pins it made, unmaps memory and
// closes descriptors. It doesn't touch what existed before: a pinned map that was found stays
// pinned, with its contents.
//
// A map that this pass pinned may be in use by then: others find it as soon as it is pinned, and
// must, so that all use the same map. The kernel doesn't report whether anybody has opened it, so
// the pin is removed anyway, as in libbpf: a leftover map that nobody uses, where the next version
// of the object wants another one, would make every later load fail.
package load

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"syscall"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/bpffs"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Options changes how an object is loaded. Report and Logger are required.
type Options struct {
	Report    Report
	Logger    *slog.Logger
	LogLevel  uapi.LogLevel // of the verifier, for programs that don't set their own
	LogSize   uint32        // limits the log of one program or the BTF; 0: it grows as in libbpf
	Kernel    facts.Kernel
	Maps      map[string]*Given // used instead of creating the object's maps
	InnerMaps map[string]*Given // templates, by the name of the outer map
	PinRoot   string
	SkipPins  bool
	Kconfig   string
	CustomBTF *btf.Spec
	TokenPath string
	NoToken   bool
}

// Object is what the kernel holds of an executed plan. The descriptors and the memory of its Maps,
// except for those that the plan adds, and of its programs belong to the caller after Prepare and
// Load; Close closes the rest.
type Object struct {
	session
	Plan *plan.Plan
	BTF  *sys.FD // the uploaded type information, nil if there is none
	Maps []Map   // in the order of the plan

	index     map[*plan.Map]*Map
	programs  []*sys.FD  // in the order of the plan, those loaded
	execution *execution // that made it; nil once Release was called
}

// execution is one execution of a plan, or the load of one more program: what is needed only while
// it runs.
type execution struct {
	*Object
	opts    *Options
	given   map[*plan.Map]*Given // of Options.Maps
	inner   map[*plan.Map]*Given // of Options.InnerMaps
	modules []moduleBTF
	pinned  []pinnedMap // pins that this load made, oldest first
	scratch scratch
}

// pinnedMap is a map that the load pinned, and its path.
type pinnedMap struct {
	m     *Map
	place *bpffs.Place
}

// Prepare resolves o for the kernel of the options and does everything up to loading programs. On
// failure nothing stays behind. The caller calls Release after Load or instead of it, and Close.
func Prepare(o *object.Object, opts *Options) (*Object, error) {
	s, err := open(o.Name, opts)
	if err != nil {
		return nil, err
	}
	p, err := plan.Resolve(o, s.target(opts), &plan.Options{
		Kconfig: opts.Kconfig, CustomBTF: opts.CustomBTF, PinRoot: opts.PinRoot,
		SkipPins:   opts.SkipPins,
		ProgramBTF: s.programBTF,
	})
	if err != nil {
		s.token.Close()
		return nil, opts.Report(&Failure{Object: o.Name, Op: "resolve", Err: err})
	}
	return prepare(s, p, opts)
}

// PreparePlan is Prepare for a plan that was made before.
func PreparePlan(p *plan.Plan, opts *Options) (*Object, error) {
	if len(p.Errors) > 0 {
		return nil, opts.Report(
			&Failure{Object: p.Object.Name, Op: "resolve", Err: errors.Join(p.Errors...)})
	}
	s, err := open(p.Object.Name, opts)
	if err != nil {
		return nil, err
	}
	return prepare(s, p, opts)
}

func prepare(s session, p *plan.Plan, opts *Options) (*Object, error) {
	o := &Object{session: s, Plan: p}
	x := &execution{Object: o, opts: opts}
	o.execution = x
	o.tell(p.Events)
	if err := run(x.checkResolved, x.takeGiven, x.uploadBTF, x.makeMaps,
		x.checkPrograms); err != nil {
		o.Unpin()
		o.Release()
		for i := range o.Maps {
			if m := &o.Maps[i]; m.Plan.Spec != nil {
				m.close()
			}
		}
		o.Close()
		return nil, err
	}
	return o, nil
}

func run(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// checkPrograms refuses a plan with programs that its object doesn't have.
func (x *execution) checkPrograms() error {
	for _, pp := range x.Plan.Programs {
		if !slices.Contains(x.Plan.Object.Programs, pp.Spec) {
			return x.fail("load program", pp.Name,
				fmt.Errorf("the plan's program is not one of its object: %w", syscall.EINVAL))
		}
	}
	return nil
}

// Hooks are called for each program of the plan, with its index there.
type Hooks struct {
	// Prepare is called before the program is loaded, and may change attr and return other
	// instructions. Its error fails the load.
	Prepare func(i int, insns []asm.Instruction, attr *sys.ProgLoadAttr) ([]asm.Instruction, error)
	// Loaded is called after the program was loaded. It takes ownership of the descriptor.
	Loaded func(i int, p Program)
}

// Load loads the programs, in the order of the plan, and writes them into the program arrays and
// the Slots of struct_ops maps. The caller calls it at most once, before Release. After a failure
// the caller calls Unpin and closes what it owns.
func (o *Object) Load(hooks Hooks) error {
	x := o.execution
	o.programs = make([]*sys.FD, len(o.Plan.Programs))
	for i, pp := range o.Plan.Programs {
		prepare := func(insns []asm.Instruction,
			attr *sys.ProgLoadAttr) ([]asm.Instruction, error) {
			return hooks.Prepare(i, insns, attr)
		}
		p, err := x.loadProgram(pp, prepare)
		if err != nil {
			return err
		}
		o.programs[i] = p.FD
		hooks.Loaded(i, p)
		x.bindMaps(pp, p.FD)
	}
	return run(x.fillProgramArrays, x.fillStructOps)
}

// Unpin removes the pins that the load made, except those of maps that aren't Pinned any more.
func (o *Object) Unpin() {
	for _, pin := range slices.Backward(o.execution.pinned) {
		if !pin.m.Pinned {
			continue
		}
		pin.m.Pinned = false
		if err := pin.place.Unpin(); err != nil {
			o.log.Warn("unpin after a failed load", "object", o.name, "map", pin.m.Name, "err", err)
		}
	}
}

// Release closes what only loading needs. A second Release does nothing.
func (o *Object) Release() {
	if o.execution != nil {
		o.execution.release()
		o.execution = nil
	}
}

func (x *execution) release() {
	for _, m := range x.modules {
		m.fd.Close()
	}
	for _, pin := range x.pinned {
		pin.place.Close()
	}
}

// Close closes the maps that the plan adds to those of the object, the BTF and the token.
func (o *Object) Close() error {
	var errs []error
	for i := range o.Maps {
		if m := &o.Maps[i]; m.Plan.Spec == nil {
			errs = append(errs, m.close())
		}
	}
	return errors.Join(append(errs, o.BTF.Close(), o.token.Close())...)
}
