package bpf

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/glob"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// TracingMultiOptions changes how a tracing program attaches to many functions.
type TracingMultiOptions struct {
	// IDs are the functions, instead of a pattern: ids of BTF_KIND_FUNC in the BTF of the kernel,
	// or of the module that the program was loaded for.
	IDs     []btf.ID
	Cookies []uint64 // what bpf_get_attach_cookie returns, one for each of IDs
}

// AttachTracingMulti attaches an fentry.multi, fexit.multi or fsession.multi program to all
// functions whose names match the pattern, at once and by one link (libbpf
// bpf_program__attach_tracing_multi; kernels after 7.0). In a pattern '*' stands for any characters
// and '?' for one. "module:pattern" means functions of that module, for which the program must have
// been loaded (SEC("fentry.multi/module:...")). Functions whose arguments a program can't read are
// left out: more than 12 arguments, arguments of more than 16 bytes, a variable number of
// arguments, a struct as result. With IDs the pattern is "".
//
// Needs CAP_PERFMON. ErrNotExist if nothing matches. The caller closes the Link.
//
// No kernel that this was tested on has such links. The tests show which functions a pattern
// selects and the request to the kernel, not programs that ran.
func (p *Program) AttachTracingMulti(pattern string, opts *TracingMultiOptions) (*Link, error) {
	if opts == nil {
		opts = &TracingMultiOptions{}
	}
	to := pattern
	if pattern == "" {
		to = fmt.Sprintf("%d functions", len(opts.IDs))
	}
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	fail := func(err error) (*Link, error) { return nil, p.attachFail(to, err, kernel.CapPerfmon) }
	if err := opts.check(pattern); err != nil {
		return fail(err)
	}
	if err := p.requireType("it", uapi.ProgTracing); err != nil {
		return fail(err)
	}
	if !isTracingMulti(p.expected) {
		return fail(fmt.Errorf("the program was not loaded for many functions, as by SEC(\"fentry.multi\"): %w", syscall.EINVAL))
	}
	ids := opts.IDs
	if pattern != "" {
		var err error
		if ids, err = matchTraceable(p.running(), p.multiModule(), pattern); err != nil {
			return fail(err)
		}
	}
	fd, err := sys.LinkCreate(&sys.LinkCreateAttr{
		ProgFD: p.fd.Uint32(), AttachType: p.expected,
		Detail: &sys.LinkTracingMulti{IDs: sys.Slice(ids), Cookies: sys.Slice(opts.Cookies),
			Count: uint32(len(ids))},
	})
	if err != nil {
		at := &place{name: to, types: []uapi.ProgType{uapi.ProgTracing}, attach: p.expected,
			need: []kernel.Capability{kernel.CapPerfmon}}
		return nil, p.refused(at, err)
	}
	return p.newLink(to, fd), nil
}

func (o *TracingMultiOptions) check(pattern string) error {
	switch {
	case pattern != "" && (len(o.IDs) > 0 || len(o.Cookies) > 0):
		return fmt.Errorf("a pattern excludes ids and cookies: %w", syscall.EINVAL)
	case pattern == "" && len(o.IDs) == 0:
		return fmt.Errorf("neither a pattern nor functions are given: %w", syscall.EINVAL)
	case len(o.Cookies) > 0 && len(o.Cookies) != len(o.IDs):
		return fmt.Errorf("there are %d cookies for %d functions: %w",
			len(o.Cookies), len(o.IDs), syscall.EINVAL)
	}
	return nil
}

func isTracingMulti(t uapi.AttachType) bool {
	return t == uapi.AttachTraceFentryMulti || t == uapi.AttachTraceFexitMulti ||
		t == uapi.AttachTraceFsessionMulti
}

// multiModule returns the module that the program was loaded for, from its section; "" for the
// kernel itself.
func (p *Program) multiModule() string {
	module, _ := splitModule(p.target())
	return module
}

// splitModule splits "module:pattern". The module is "" for the kernel itself.
func splitModule(pattern string) (module, rest string) {
	module, rest, ok := strings.Cut(pattern, ":")
	if !ok {
		return "", pattern
	}
	if module == "vmlinux" {
		module = ""
	}
	return module, rest
}

// matchTraceable returns the ids of the functions that match a pattern and can be traced,
// ascending. loaded is the module that the program was loaded for.
func matchTraceable(k *kernel.Facts, loaded, pattern string) ([]btf.ID, error) {
	module, pattern := splitModule(pattern)
	if module != loaded {
		if loaded == "" {
			loaded = "the kernel itself"
		}
		return nil, fmt.Errorf("the program was loaded for functions of %s: %w",
			loaded, syscall.EINVAL)
	}
	spec, err := k.BTF()
	if err != nil {
		return nil, err
	}
	if module != "" {
		if spec, err = btfOfModule(k, module); err != nil {
			return nil, err
		}
	}
	var ids []btf.ID
	unfit := 0
	for id := spec.FirstID(); id < spec.Len(); id++ {
		t, _ := spec.Type(id)
		if t.Kind() != btf.KindFunc || !glob.Match(pattern, []byte(t.Name())) {
			continue
		}
		if facts.Traceable(spec, t) {
			ids = append(ids, id)
		} else {
			unfit++
		}
	}
	switch {
	case len(ids) > 0:
		return ids, nil
	case unfit > 0:
		return nil, fmt.Errorf(
			"none of the %d functions that match can be traced, by their arguments or results: %w",
			unfit, syscall.EINVAL)
	}
	err = fmt.Errorf("no function matches: %w", ErrNotExist)
	if near := nearest.To(pattern); !glob.HasWildcard(pattern) {
		facts.EachTypeName(spec, "", btf.KindFunc, near.Offer)
		err = near.AddTo(err)
	}
	return nil, err
}

func btfOfModule(k *kernel.Facts, name string) (*btf.Spec, error) {
	list, err := k.Modules()
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if m.Name == name {
			return m.BTF, nil
		}
	}
	return nil, fmt.Errorf("no module %s with BTF is loaded: %w", name, ErrNotExist)
}

// autoTracingMulti attaches SEC("fentry.multi/pattern"), SEC("fexit.multi/pattern") and
// SEC("fsession.multi/pattern").
func (p *Program) autoTracingMulti() (*Link, error) {
	if p.target() == "" {
		return nil, errNothingToDo
	}
	return p.AttachTracingMulti(p.target(), nil)
}
