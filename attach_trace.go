package bpf

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// CookieOptions changes how a program attaches to a tracepoint (5.15), to a function of the kernel
// (6.0), or to a raw tracepoint or tp_btf (6.10).
type CookieOptions struct {
	Cookie uint64 // what bpf_get_attach_cookie returns in the program
}

// AttachTrace attaches an fentry, fexit, fmod_ret, fsession or tp_btf program, or a freplace
// program, to the target that it was loaded for (libbpf bpf_program__attach_trace_opts; 5.5). EBUSY
// if it is attached there already, or another program replaces the function (freplace). The tests
// have not run fsession programs, which need a kernel after 6.18.
func (p *Program) AttachTrace(opts *CookieOptions) (*Link, error) {
	p = p.orNone()
	to := p.traceTarget()
	switch {
	case p.typ == uapi.ProgLSM:
		return nil, p.attachFail(to,
			fmt.Errorf("an LSM program attaches with AttachLSM: %w", syscall.EINVAL))
	case p.typ != uapi.ProgExt:
		if err := p.requireType("it", uapi.ProgTracing); err != nil {
			return nil, p.attachFail(to, err)
		}
	}
	if p.expected == uapi.AttachTraceIter {
		return nil, p.attachFail(to,
			fmt.Errorf("an iterator attaches with AttachIter: %w", syscall.EINVAL))
	}
	if isTracingMulti(p.expected) {
		return nil, p.attachFail(to,
			fmt.Errorf("a program for many functions attaches with AttachTracingMulti: %w",
				syscall.EINVAL))
	}
	return p.attachTrace(to, opts)
}

// AttachLSM attaches an LSM program to the hook that it was loaded for (libbpf
// bpf_program__attach_lsm; 5.7). If "bpf" is not among the kernel's security modules (lsm= on its
// command line), the program is attached but never runs, and the logger gets a warning. For
// SEC("lsm_cgroup/...") use AttachCgroup.
func (p *Program) AttachLSM(opts *CookieOptions) (*Link, error) {
	p = p.orNone()
	to := "LSM hook " + p.traceTarget()
	if err := p.requireType("an LSM hook", uapi.ProgLSM); err != nil {
		return nil, p.attachFail(to, err)
	}
	if p.expected == uapi.AttachLSMCgroup {
		return nil, p.attachFail(to,
			fmt.Errorf("a program for a cgroup's LSM hook attaches with AttachCgroup: %w",
				syscall.EINVAL))
	}
	l, err := p.attachTrace(to, opts)
	if err == nil && !p.running().RunsLSM("bpf") {
		p.events().Warn("attached, but the kernel runs no LSM programs: add \"bpf\" to lsm= on "+
			"its command line",
			"object", p.ObjectName(), "program", p.name)
	}
	return l, err
}

func (p *Program) traceTarget() string {
	if p.attachTarget != "" {
		return p.attachTarget
	}
	return "the function it was loaded for"
}

// traceTypes are the attach types that need nothing but the program.
var traceTypes = [...]uapi.AttachType{
	uapi.AttachTraceFentry, uapi.AttachTraceFexit, uapi.AttachModifyReturn, uapi.AttachTraceRawTP,
	uapi.AttachTraceFsession,
}

// attachTrace makes a link to the target given at load. Kernels before 5.10 have no links for
// these; there, and without options, the older command does the same.
func (p *Program) attachTrace(to string, opts *CookieOptions) (*Link, error) {
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	cookie := uint64(0)
	if opts != nil {
		cookie = opts.Cookie
	}
	types := []uapi.AttachType{p.expected}
	if p.obj == nil {
		// The kernel doesn't report the attach type of a program that was opened by a pin or an id,
		// but refuses one that doesn't fit.
		switch p.typ {
		case uapi.ProgTracing:
			types = traceTypes[:]
		case uapi.ProgLSM:
			types[0] = uapi.AttachLSMMac
		}
	}
	var fd *sys.FD
	var err error
	for _, t := range types {
		if fd, err = p.traceLink(t, cookie); err != syscall.EINVAL {
			break
		}
	}
	if err != nil {
		return nil, p.attachRefused(&explain.Attempt{Op: explain.Trace}, to, err)
	}
	return p.newLink(to, fd), nil
}

func (p *Program) traceLink(t uapi.AttachType, cookie uint64) (*sys.FD, error) {
	if t == uapi.AttachTraceRawTP && cookie != 0 {
		// The other command takes a cookie and ignores it before 6.10.
		fd, err := sys.RawTracepointOpen("", p.fd.Int(), cookie)
		if err == syscall.EINVAL {
			err = fmt.Errorf(noRawCookies, ErrNotSupported)
		}
		return fd, err
	}
	a := sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), AttachType: t}
	if cookie != 0 {
		a.Detail = &sys.LinkTracing{Cookie: cookie}
	}
	fd, err := sys.LinkCreate(&a)
	if err == syscall.EINVAL && cookie == 0 && hasRawTracepointForm(t) {
		fd, err = sys.RawTracepointOpen("", p.fd.Int(), 0)
	}
	return fd, err
}

func hasRawTracepointForm(t uapi.AttachType) bool {
	switch t {
	case uapi.AttachTraceRawTP, uapi.AttachLSMMac, uapi.AttachTraceFentry, uapi.AttachTraceFexit,
		uapi.AttachModifyReturn:
		return true
	}
	return false
}

// AttachFreplace replaces a global function of target, another loaded BPF program, with the program
// (libbpf bpf_program__attach_freplace; 5.10). The signatures must be equal. If target is nil and
// function is "", the program replaces the function that it was loaded for; other targets need
// CAP_SYS_ADMIN. ErrNotExist if target has no such function; EBUSY if the function is replaced or
// traced already.
func (p *Program) AttachFreplace(target *Program, function string) (*Link, error) {
	p = p.orNone()
	to := "the function it was loaded for"
	if function != "" {
		to = function
		if target != nil {
			to += " of " + target.Name()
		}
	}
	if err := p.requireType("replacing a function", uapi.ProgExt); err != nil {
		return nil, p.attachFail(to, err)
	}
	switch {
	case (target == nil) != (function == ""):
		return nil, p.attachFail(to,
			fmt.Errorf("want both a target program and its function, or neither: %w",
				syscall.EINVAL))
	case target == nil:
		return p.attachTrace(p.traceTarget(), nil)
	}
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	if err := target.use(); err != nil {
		return nil, p.attachFail(to, fmt.Errorf("the target program %s: %w", target.Name(), err))
	}
	defer target.release()
	id, err := target.functionID(function)
	if err != nil {
		return nil, p.attachFail(to, err, kernel.CapSysAdmin)
	}
	fd, err := sys.LinkCreate(&sys.LinkCreateAttr{
		ProgFD: p.fd.Uint32(), Target: target.fd.Uint32(), AttachType: p.expected,
		Detail: &sys.LinkTargetBTF{BTFID: uint32(id)},
	})
	if err != nil {
		a := explain.Attempt{
			Op: explain.ReplaceFunction, Target: target.fd.Int(), Function: uint32(id),
		}
		return nil, p.attachRefused(&a, to, err)
	}
	return p.newLink(to, fd), nil
}

// functionID returns the id of a function in the BTF that the program was loaded with.
func (p *Program) functionID(name string) (btf.ID, error) {
	info, err := sys.ProgInfoByFD(p.fd.Int())
	if err != nil {
		return 0, err
	}
	if info.BTFID == 0 {
		return 0, fmt.Errorf("%s was loaded without BTF: %w", p.name, syscall.EINVAL)
	}
	spec, err := kernel.BTFByID(info.BTFID, nil)
	if err != nil {
		return 0, fmt.Errorf("BTF of %s: %w", p.name, err)
	}
	id, ok := spec.FindByName(name, btf.KindFunc)
	if !ok {
		near := nearest.To(name)
		facts.EachTypeName(spec, "", btf.KindFunc, near.Offer)
		return 0, near.AddTo(fmt.Errorf("%s has no function %s: %w", p.name, name, ErrNotExist))
	}
	return id, nil
}

// autoTrace attaches SEC("fentry/f") and similar sections. The target was resolved when the program
// was loaded, so the section needs none here.
func (p *Program) autoTrace() (*Link, error) { return p.AttachTrace(nil) }

// autoLSM attaches SEC("lsm/hook").
func (p *Program) autoLSM() (*Link, error) { return p.AttachLSM(nil) }
