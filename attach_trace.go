package bpf

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// TraceOptions changes how a program attaches to a function of the kernel.
type TraceOptions struct {
	Cookie uint64 // what bpf_get_attach_cookie returns in the program (6.0)
}

// AttachTrace attaches an fentry, fexit, fmod_ret, fsession or tp_btf program, or a freplace program, to the target that it was loaded
// for (libbpf bpf_program__attach_trace_opts; 5.5). Needs CAP_PERFMON. EBUSY if another program modifies the function already. The
// caller closes the Link.
func (p *Program) AttachTrace(opts *TraceOptions) (*Link, error) {
	return p.attachTrace(p.traceTarget(), opts)
}

// AttachLSM attaches an LSM program to the hook that it was loaded for (libbpf bpf_program__attach_lsm; 5.7): with "bpf" among the
// kernel's security modules (lsm= on its command line), it decides beside the others. Needs CAP_PERFMON and CAP_MAC_ADMIN. The
// caller closes the Link. Programs for a cgroup (SEC("lsm_cgroup/...")) attach with AttachCgroup.
func (p *Program) AttachLSM(opts *TraceOptions) (*Link, error) {
	return p.attachTrace("LSM hook "+p.target(), opts)
}

func (p *Program) traceTarget() string {
	if t := p.target(); t != "" {
		return t
	}
	return "the function it was loaded for"
}

// attachTrace makes a link to what was given at load. Kernels before 5.10 have no links for these; there, and without options, the
// older command does the same.
func (p *Program) attachTrace(to string, opts *TraceOptions) (*Link, error) {
	if p.fd.Int() < 0 {
		return nil, p.attachFail(to, nil)
	}
	a := sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), AttachType: p.expected}
	if opts != nil && opts.Cookie != 0 {
		a.Detail = &sys.LinkTracing{Cookie: opts.Cookie}
	}
	fd, err := sys.LinkCreate(&a)
	if err == syscall.EINVAL && a.Detail == nil && hasRawTracepointForm(p.expected) {
		fd, err = sys.RawTracepointOpen("", p.fd.Int(), 0)
	}
	if err != nil {
		return nil, p.attachFail(to, err, kernel.CapPerfmon)
	}
	return p.newLink(to, fd), nil
}

func hasRawTracepointForm(t uapi.AttachType) bool {
	switch t {
	case uapi.AttachTraceRawTP, uapi.AttachLSMMac, uapi.AttachTraceFentry, uapi.AttachTraceFexit, uapi.AttachModifyReturn:
		return true
	}
	return false
}

// AttachFreplace puts the program in place of a global function of target, another loaded BPF program (libbpf
// bpf_program__attach_freplace; 5.10). The signatures must be equal. With a nil target it replaces the function that it was loaded for.
// Needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN. ErrNotExist if target has no such function. The caller closes the Link.
func (p *Program) AttachFreplace(target *Program, function string) (*Link, error) {
	if target == nil {
		return p.AttachTrace(nil)
	}
	to := fmt.Sprintf("%s of %s", function, target.name)
	if p.typ != uapi.ProgExt {
		return nil, p.attachFail(to, fmt.Errorf("it is a program of type %v, not SEC(\"freplace\"): %w", p.typ, syscall.EINVAL))
	}
	if p.fd.Int() < 0 || target.fd.Int() < 0 {
		return nil, p.attachFail(to, fmt.Errorf("both programs must be loaded: %w", syscall.EINVAL))
	}
	id, err := target.functionID(function)
	if err != nil {
		return nil, p.attachFail(to, err, kernel.CapPerfmon)
	}
	fd, err := sys.LinkCreate(&sys.LinkCreateAttr{
		ProgFD: p.fd.Uint32(), Target: target.fd.Uint32(), AttachType: p.expected, Detail: &sys.LinkTargetBTF{BTFID: uint32(id)},
	})
	if err != nil {
		return nil, p.attachFail(to, err, kernel.CapPerfmon)
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
		return 0, fmt.Errorf("%s has no function %s: %w", p.name, name, ErrNotExist)
	}
	return id, nil
}

// autoTrace attaches SEC("fentry/f") and its kin. The target was resolved when the program was loaded, so the section needs none here.
func (p *Program) autoTrace() (*Link, error) { return p.AttachTrace(nil) }

// autoLSM attaches SEC("lsm/hook").
func (p *Program) autoLSM() (*Link, error) { return p.AttachLSM(nil) }
