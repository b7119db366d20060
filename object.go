package bpf

import (
	"errors"
	"log/slog"
	"sync"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/gate"
	"github.com/purebpf/bpf/internal/load"
	"github.com/purebpf/bpf/internal/usdt"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/plan"
)

// Object is a loaded BPF object (libbpf struct bpf_object after load): its maps, its programs and
// the links that Attach made. Its methods are safe for concurrent use.
type Object struct {
	name     string
	ev       *slog.Logger
	running  *kernel.Facts // the kernel that it was loaded into
	btf      *btf.Spec     // as compiled, nil if the object has none
	programs []*Program    // those of the object, loaded or not, in its order
	maps     []*Map        // those of the object, created or not, in its order
	planned  []*Program    // those of the plan, in its order
	made     *load.Object
	usdtIDs  usdt.IDs
	usdtTold *plan.Extern // LINUX_HAS_BPF_COOKIE, on which usdt.bpf.h depends; nil if unused
	handlers map[string]Handler
	loading  gate.Gate // programs

	mu          sync.Mutex
	attaching   bool // Attach is running
	closed      bool
	prepared    bool // its programs are not loaded yet
	links       []*Link
	notAttached []NotAttached
}

// Name returns the object's name.
func (o *Object) Name() string { return o.orNone().name }

// BTF returns the type information that the object was compiled with, nil if it has none. Type ids
// of its maps and variables refer to it.
func (o *Object) BTF() *btf.Spec { return o.orNone().btf }

// BTFFD returns the descriptor of the uploaded BTF, -1 if there is none (libbpf
// bpf_object__btf_fd). The Object owns it.
func (o *Object) BTFFD() int {
	if o.isNone() {
		return -1
	}
	return o.made.BTF.Int()
}

// TokenFD returns the descriptor of the BPF token that the object was loaded with, -1 if there is
// none (libbpf bpf_object__token_fd; 6.9). The Object owns it.
func (o *Object) TokenFD() int {
	if o.isNone() {
		return -1
	}
	return o.made.TokenFD()
}

// Programs returns all programs in the object's order, loaded or not (libbpf
// bpf_object__for_each_program).
func (o *Object) Programs() []*Program { return o.orNone().programs }

// Maps returns all maps in the object's order, created or not (libbpf bpf_object__for_each_map).
func (o *Object) Maps() []*Map { return o.orNone().maps }

// Program returns the program of that name (libbpf bpf_object__find_program_by_name). It is never
// nil (see Errors in the package comment).
func (o *Object) Program(name string) *Program {
	if p := o.findProgram(name); p != nil {
		return p
	}
	return &Program{name: name, obj: o, absent: o.lacks("program", name)}
}

func (o *Object) findProgram(name string) *Program {
	for _, p := range o.orNone().programs {
		if p.name == name {
			return p
		}
	}
	return nil
}

// Map returns the map of that name. Internal maps are also found by their section: ".rodata",
// ".bss.counters" (libbpf bpf_object__find_map_by_name).
func (o *Object) Map(name string) *Map {
	if m := o.findMap(name); m != nil {
		return m
	}
	return &Map{name: name, object: o.Name(), absent: o.lacks("map", name)}
}

func (o *Object) findMap(name string) *Map {
	o = o.orNone()
	for _, m := range o.maps {
		if m.name == name {
			return m
		}
	}
	for _, m := range o.maps {
		if load.InSection(m.kind) && m.section == name {
			return m
		}
	}
	return nil
}

// Variable returns the global variable of that name; if all of that name are static, the first one.
func (o *Object) Variable(name string) *Variable {
	if v := o.findVariable(name); v != nil {
		return v
	}
	m := &Map{name: name, object: o.Name(), absent: o.lacks("variable", name)}
	return &Variable{m: m, name: name}
}

func (o *Object) findVariable(name string) *Variable {
	o = o.orNone()
	for _, static := range []bool{false, true} {
		for _, m := range o.maps {
			for _, v := range m.vars {
				if v.Name == name && v.Static == static {
					return newVariable(m, v)
				}
			}
		}
	}
	return nil
}

// Links returns the links that Attach made and that are not closed.
func (o *Object) Links() Links {
	o = o.orNone()
	o.mu.Lock()
	defer o.mu.Unlock()
	var list Links
	for _, l := range o.links {
		if !l.isClosed() {
			list = append(list, l)
		}
	}
	return list
}

// Close detaches the links that Attach made, closes all programs and maps and unmaps memory (libbpf
// bpf_object__close). What is pinned stays.
func (o *Object) Close() error {
	if o.isNone() {
		return missing("close object", "object")
	}
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return nil
	}
	o.closed = true
	links, prepared := o.links, o.prepared
	o.links, o.prepared = nil, false
	o.mu.Unlock()
	o.loading.Shut() // waits for Load and Program.Clone
	if prepared {
		o.made.Release()
	}

	errs := []error{Links(links).Close()}
	for _, p := range o.programs {
		errs = append(errs, p.fd.Close())
	}
	for _, m := range o.maps {
		errs = append(errs, m.close())
	}
	errs = append(errs, o.made.Close())
	if err := errors.Join(errs...); err != nil {
		return newError("close object", about{o.name, ""}, err)
	}
	return nil
}
