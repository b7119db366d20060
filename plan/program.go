package plan

import (
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// finishPrograms adds the attributes of BPF_PROG_LOAD other than instructions: types, flags,
// targets, license, maps to bind.
func (r *resolver) finishPrograms() error {
	var bind []*Map
	for i, m := range r.o.Maps {
		if m.Kind == object.MapRodata && !r.p.Maps[i].Skip {
			bind = append(bind, r.p.Maps[i])
		}
	}
	if len(bind) > 0 && len(r.p.Programs) > 0 && !r.has(facts.ProgBindMap) {
		bind = nil
	}
	version := r.o.KernVersion
	if version == 0 && len(r.p.Programs) > 0 {
		version = r.k.Version()
	}
	for i, at := range r.planIndex {
		if at < 0 {
			continue
		}
		p := r.p.Programs[at]
		p.License = r.o.License
		p.KernVersion = version
		p.BindMaps = bind
		p.Err = r.finishProgram(p, &r.attach[i])
		if p.Err != nil {
			r.event(EventWarning, p.Name, "will not load: "+p.Err.Error())
		}
		r.substituteHelpers(p)
		for i := range p.Subprogs {
			p.Subprogs[i].fn = nil
		}
		if !r.has(facts.ProgName) {
			p.Name = ""
		}
		p.Name = r.kernelName(p.Name, p.Name)
	}
	return nil
}

// kernelName returns the name of a program or map in a form that the kernel accepts. called is its
// name in the object.
func (r *resolver) kernelName(name, called string) string {
	clean, changed := uapi.ObjectName(name)
	if _, odd := uapi.ObjectName(called); odd && name != "" {
		text := "is " + clean + " in the kernel, which takes letters, digits, _ and ."
		r.event(EventSanitized, called, text)
	}
	if !changed {
		return name
	}
	return clean
}

// finishProgram sets type, flags and target. An error concerns this program alone.
func (r *resolver) finishProgram(p *Program, a *attachState) error {
	spec := p.Spec
	p.Type = spec.Type
	p.ExpectedAttachType = spec.ExpectedAttachType
	p.Flags = spec.Flags
	p.IfIndex = spec.IfIndex
	p.LogLevel = spec.LogLevel
	p.AttachProgFD = spec.AttachProgFD
	if spec.Type == uapi.ProgUnspec {
		text := "SEC(\"" + spec.Sec +
			"\") names no program type; use a section name that libbpf knows or set Type"
		if near := object.NearSec(spec.Sec); near != "" {
			text += "; " + near
		}
		return r.fail("program", p.Name, CodeInvalid, text, nil)
	}
	if len(p.Insns) == 0 {
		return r.fail("program", p.Name, CodeInvalid, "has no instructions", nil)
	}
	if a.set {
		p.AttachBTFID, p.AttachModule, p.ExpectedAttachType, p.Target = a.id, a.module, a.member,
			a.target
	} else if spec.Type == uapi.ProgStructOps {
		return r.fail("program", p.Name, CodeInvalid,
			"no struct_ops map that is created refers to it", nil)
	}
	var none object.SecDef
	d := def(spec)
	if d == nil {
		d = &none
	}
	if d.Flags&object.SecExpAttachOpt != 0 && p.ExpectedAttachType != 0 &&
		!r.has(facts.ExpAttachType) {
		p.ExpectedAttachType = 0
		r.event(EventSanitized, p.Name,
			"expected_attach_type is not sent: this kernel does not know it")
	}
	if d.Flags&object.SecSleepable != 0 {
		p.Flags |= uapi.FSleepable
	}
	if d.Flags&object.SecXDPFrags != 0 && p.Type == uapi.ProgXDP {
		p.Flags |= uapi.FXDPHasFrags
	}
	if d.Flags&object.SecUSDT != 0 && r.has(facts.UprobeMultiLink) {
		p.ExpectedAttachType = uapi.AttachTraceUprobeMulti
	}
	if wantsTarget(spec) && !a.set {
		return r.resolveTarget(p)
	}
	if isTracingMulti(p.ExpectedAttachType) {
		return r.resolveMultiTarget(p)
	}
	return nil
}

// Helper numbers of enum bpf_func_id that old kernels lack, and their substitutes.
const (
	helperProbeRead          = 4
	helperProbeReadStr       = 45
	helperProbeReadUser      = 112
	helperProbeReadKernel    = 113
	helperProbeReadUserStr   = 114
	helperProbeReadKernelStr = 115
)

// substituteHelpers replaces bpf_probe_read_{kernel,user}[_str] by the older bpf_probe_read[_str]
// where the kernel lacks them (before 5.5).
func (r *resolver) substituteHelpers(p *Program) {
	uses := false
	for _, s := range p.Subprogs {
		uses = uses || s.fn.probeRead
	}
	if !uses || r.has(facts.ProbeReadKernel) {
		return
	}
	for i := range p.Insns {
		in := &p.Insns[i]
		if !isHelperCall(*in) {
			continue
		}
		switch in.Imm {
		case helperProbeReadKernel, helperProbeReadUser:
			in.Imm = helperProbeRead
		case helperProbeReadKernelStr, helperProbeReadUserStr:
			in.Imm = helperProbeReadStr
		}
	}
	r.event(EventSanitized, p.Name,
		"bpf_probe_read_kernel/user and their _str become bpf_probe_read[_str]")
}
