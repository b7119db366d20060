package plan

import (
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// Attach targets. The verifier checks a tracing, LSM or iterator program against the type of its
// attach target, so the target's BTF id is needed at load. SEC("fentry/vfs_read") names the target;
// the kind of program decides which BTF type the name stands for. "module:function" is looked up
// only in that module.

// maxTargetName is the longest BTF name that libbpf composes.
const maxTargetName = 127

// def returns the SEC() row that applies to p. A row no longer applies once the program has another
// type, unless it is the row for every type.
func def(p *object.Program) *object.SecDef {
	if p.Def != nil && p.Def.Type != p.Type && p.Def.Pattern != "" {
		return nil
	}
	return p.Def
}

// wantsTarget reports whether p's BTF target is resolved at load: its row says so, or p was given
// both a type that takes a target and a target.
func wantsTarget(p *object.Program) bool {
	if d := def(p); d != nil {
		return d.Flags&object.SecAttachBTF != 0
	}
	switch p.Type {
	case uapi.ProgTracing, uapi.ProgLSM, uapi.ProgExt:
		return p.AttachTarget != ""
	}
	return false
}

// inProgram reports whether p attaches to another BPF program.
func inProgram(p *object.Program) bool { return p.Type == uapi.ProgExt || p.AttachProgFD > 0 }

// splitTarget splits "module:name". An empty module means vmlinux first, then every module.
func splitTarget(target string) (module, name string) {
	if m, n, ok := strings.Cut(target, ":"); ok {
		if m == "vmlinux" {
			m = ""
		}
		return m, n
	}
	return "", target
}

// wantTargets adds the names of attach targets to w.
func (r *resolver) wantTargets(w *wanted) {
	for i, p := range r.o.Programs {
		if !r.progs[i].maybe || !wantsTarget(p) || inProgram(p) || p.AttachTarget == "" {
			continue
		}
		prefix, kind := facts.TargetPrefix(p.ExpectedAttachType)
		_, name := splitTarget(p.AttachTarget)
		w.add(prefix+name, kind)
	}
}

// resolveTarget finds the BTF id that p attaches to.
func (r *resolver) resolveTarget(p *Program) error {
	spec := p.Spec
	if spec.AttachTarget == "" {
		code := CodeInvalid
		if strings.HasSuffix(spec.Sec, "/") {
			code = CodeNotFound // libbpf looks up the name ""
		}
		return r.fail("program", p.Name, code, "SEC(\""+spec.Sec+
			"\") names no attach target; write it after a '/' or set AttachTarget", nil)
	}
	if inProgram(spec) {
		return r.resolveProgramTarget(p)
	}
	prefix, kind := facts.TargetPrefix(p.ExpectedAttachType)
	module, name := splitTarget(spec.AttachTarget)
	full := prefix + name
	if len(full) > maxTargetName {
		return r.fail("program", p.Name, CodeNameTooLong, "attach target "+full+
			" is longer than any kernel name", nil)
	}
	id, mod, err := r.findTarget(module, full, kind)
	if err != nil {
		return r.fail("program", p.Name, CodeInvalid, "kernel BTF cannot be read", err)
	}
	if id == 0 {
		return r.notFound("program", p.Name, CodeNotFound, "attach target "+kind.String()+" "+full+
			" is not in the BTF of "+r.targetSearched(module, prefix, name, kind))
	}
	p.AttachBTFID, p.AttachModule = id, mod
	p.Target = "vmlinux " + kind.String() + " " + full
	if mod != nil {
		p.Target = mod.Name + " " + kind.String() + " " + full
	}
	return nil
}

// targetSearched returns where a target was searched and similar names found there.
func (r *resolver) targetSearched(module, prefix, name string, kind btf.Kind) string {
	where := "vmlinux or any module"
	if module != "" {
		where = "module " + module + ", which is not loaded"
		mods, _ := r.moduleBTFs()
		for _, m := range mods {
			if m.Name == module {
				where = "module " + module
			}
		}
	}
	return where + r.near(module, prefix, name, kind)
}

// near returns a hint "; ..." with the kernel's or one module's types whose name is prefix followed
// by something similar to name, or "" if there are none.
func (r *resolver) near(module, prefix, name string, kind btf.Kind) string {
	near := nearest.To(name)
	if v, err := r.kernelBTF(); err == nil && module == "" {
		facts.EachTypeName(v, prefix, kind, near.Offer)
	}
	mods, _ := r.moduleBTFs() // the caller has handled the error
	for _, m := range mods {
		if module == "" || m.Name == module {
			facts.EachTypeName(m.BTF, prefix, kind, near.Offer)
		}
	}
	if hint := near.Hint(); hint != "" {
		return "; " + hint
	}
	return ""
}

func (r *resolver) findTarget(module, name string, kind btf.Kind) (btf.ID, *facts.Module, error) {
	if module == "" {
		id, _, mod, err := r.findKernel(name, kind)
		return id, mod, err
	}
	if _, err := r.kernelBTF(); err != nil {
		return 0, nil, err
	}
	mods, err := r.moduleBTFs()
	if err != nil {
		return 0, nil, err
	}
	for _, m := range mods {
		if m.Name != module {
			continue
		}
		if id, ok := m.BTF.FindOwn(name, kind); ok {
			return id, m, nil
		}
	}
	return 0, nil, nil
}

// resolveProgramTarget finds the function of another program that p replaces or traces.
func (r *resolver) resolveProgramTarget(p *Program) error {
	spec := p.Spec
	if spec.AttachProgFD <= 0 {
		return r.fail("program", p.Name, CodeInvalid,
			"no program is set to attach to (AttachProgFD)", nil)
	}
	p.AttachProgFD = spec.AttachProgFD
	if r.opts.ProgramBTF == nil {
		return r.fail("program", p.Name, CodeInvalid, "attaches to function "+spec.AttachTarget+
			" of a program whose BTF is not available", nil)
	}
	s, err := r.opts.ProgramBTF(spec.AttachProgFD)
	if err != nil {
		return r.fail("program", p.Name, CodeInvalid,
			"the BTF of the program to attach to cannot be read", err)
	}
	id, ok := s.FindByName(spec.AttachTarget, btf.KindFunc)
	if !ok {
		text := "the program to attach to has no function " + spec.AttachTarget
		near := nearest.To(spec.AttachTarget)
		facts.EachTypeName(s, "", btf.KindFunc, near.Offer)
		if hint := near.Hint(); hint != "" {
			text += "; " + hint
		}
		return r.fail("program", p.Name, CodeNoEntry, text, nil)
	}
	p.AttachBTFID = id
	p.Target = "program FUNC " + spec.AttachTarget
	return nil
}

// resolveMultiTarget sets the BTF object of a *.multi tracing program. Its functions are chosen at
// attach, but all come from one kernel or module.
func (r *resolver) resolveMultiTarget(p *Program) error {
	_, pattern, _ := strings.Cut(p.Spec.Sec, "/")
	module, _ := splitTarget(pattern)
	if !strings.Contains(pattern, ":") || module == "" {
		return nil
	}
	if _, err := r.kernelBTF(); err != nil {
		return r.fail("program", p.Name, CodeInvalid, "kernel BTF cannot be read", err)
	}
	mods, err := r.moduleBTFs()
	if err != nil {
		return r.fail("program", p.Name, CodeInvalid, "module BTF cannot be read", err)
	}
	for _, m := range mods {
		if m.Name == module {
			p.AttachModule, p.Target = m, module
			return nil
		}
	}
	return r.notFound("program", p.Name, CodeInvalid, "no module "+module+" with BTF is loaded")
}

func isTracingMulti(t uapi.AttachType) bool {
	return t == uapi.AttachTraceFentryMulti || t == uapi.AttachTraceFexitMulti ||
		t == uapi.AttachTraceFsessionMulti
}
