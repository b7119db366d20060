package bpf

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// AttachTracingMulti attaches an fentry.multi, fexit.multi or fsession.multi program to all
// functions whose names match the pattern, by one link (libbpf bpf_program__attach_tracing_multi;
// kernels after 7.0). "module:pattern" means functions of that module, for which the program must
// have been loaded (SEC("fentry.multi/module:...")). Functions whose arguments a program can't read
// are left out: more than 12 arguments, arguments of more than 16 bytes, a variable number of
// arguments, a struct as result.
//
// Needs CAP_PERFMON. ErrNotExist if nothing matches. No kernel that the tests ran on has such links:
// they check which functions a pattern selects and what the kernel is asked.
func (p *Program) AttachTracingMulti(pattern string) (*Link, error) {
	if pattern == "" {
		return p.attachTracing("0 functions", "", nil, nil)
	}
	return p.attachTracing(pattern, pattern, nil, nil)
}

// AttachTracingList is AttachTracingMulti for functions given by ids of BTF_KIND_FUNC in the BTF of
// the kernel, or of the module that the program was loaded for. cookies are what
// bpf_get_attach_cookie returns, one for each; nil: none.
func (p *Program) AttachTracingList(ids []btf.ID, cookies []uint64) (*Link, error) {
	return p.attachTracing(fmt.Sprintf("%d functions", len(ids)), "", ids, cookies)
}

func (p *Program) attachTracing(to, pattern string, ids []btf.ID,
	cookies []uint64) (*Link, error) {
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	fail := func(err error) (*Link, error) { return nil, p.attachFail(to, err, kernel.CapPerfmon) }
	switch {
	case pattern == "" && len(ids) == 0:
		return fail(fmt.Errorf("neither a pattern nor functions are given: %w", syscall.EINVAL))
	case len(cookies) > 0 && len(cookies) != len(ids):
		return fail(fmt.Errorf("there are %d cookies for %d functions: %w",
			len(cookies), len(ids), syscall.EINVAL))
	}
	if err := p.requireType("it", uapi.ProgTracing); err != nil {
		return fail(err)
	}
	if !isTracingMulti(p.expected) {
		return fail(fmt.Errorf("the program was not loaded for many functions, as by "+
			"SEC(\"fentry.multi\"): %w", syscall.EINVAL))
	}
	if pattern != "" {
		var err error
		if ids, err = probe.MatchTraceable(p.running(), p.multiModule(), pattern); err != nil {
			return fail(err)
		}
	}
	fd, err := sys.LinkCreate(&sys.LinkCreateAttr{
		ProgFD: p.fd.Uint32(), AttachType: p.expected,
		Detail: &sys.LinkTracingMulti{IDs: sys.Slice(ids), Cookies: sys.Slice(cookies),
			Count: uint32(len(ids))},
	})
	if err != nil {
		at := &explain.Place{Name: to, Types: []uapi.ProgType{uapi.ProgTracing}, Attach: p.expected,
			Need: []kernel.Capability{kernel.CapPerfmon}}
		return nil, p.refused(at, err)
	}
	return p.newLink(to, fd), nil
}

func isTracingMulti(t uapi.AttachType) bool {
	return t == uapi.AttachTraceFentryMulti || t == uapi.AttachTraceFexitMulti ||
		t == uapi.AttachTraceFsessionMulti
}

// multiModule returns the module that the program was loaded for, from its section; "" for the
// kernel itself.
func (p *Program) multiModule() string {
	module, _ := probe.SplitModule(p.target())
	return module
}

// autoTracingMulti attaches SEC("fentry.multi/pattern"), SEC("fexit.multi/pattern") and
// SEC("fsession.multi/pattern").
func (p *Program) autoTracingMulti() (*Link, error) {
	if p.target() == "" {
		return nil, errNothingToDo
	}
	return p.AttachTracingMulti(p.target())
}
