package bpf

import (
	"bytes"
	"fmt"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/privilege"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
)

type insn = asm.Instruction

// describePrograms describes all programs of the object and loads none.
func (l *loader) describePrograms() error {
	list := l.plan.Object.Programs
	l.progs = make(map[*plan.Program]*Program, len(l.plan.Programs))
	l.obj.made = l.maps
	l.obj.programs = make([]*Program, 0, len(list))
	bySpec := make(map[*object.Program]*Program, len(list))
	for _, spec := range list {
		p := &Program{
			obj: l.obj, name: spec.Name, section: spec.Sec, def: spec.Def, typ: spec.Type,
			expected:     spec.ExpectedAttachType,
			attachTarget: spec.AttachTarget, attachProgFD: spec.AttachProgFD,
			autoattach: spec.Autoattach,
		}
		l.obj.programs = append(l.obj.programs, p)
		bySpec[spec] = p
	}
	for _, pp := range l.plan.Programs {
		p := bySpec[pp.Spec]
		if p == nil {
			return l.fail("load program", pp.Name,
				fmt.Errorf("the plan's program is not one of its object: %w", syscall.EINVAL))
		}
		p.plan = pp
		l.progs[pp] = p
	}
	return nil
}

// loadPrograms loads the programs of the plan in order and stops at the first failure.
func (l *loader) loadPrograms() error {
	for _, pp := range l.plan.Programs {
		p := l.progs[pp]
		if err := l.loadProgram(pp, p, nil); err != nil {
			return err
		}
		if err := l.bindMaps(pp, p); err != nil {
			return err
		}
	}
	return nil
}

// loadProgram loads one program and keeps its descriptor in p. change, if not nil, may change the
// request last.
func (l *loader) loadProgram(pp *plan.Program, p *Program, change func(*sys.ProgLoadAttr)) error {
	if pp.Err != nil {
		return l.fail("load program", p.name, pp.Err)
	}
	if err := l.fixup(pp); err != nil {
		return err
	}
	license, err := sys.CString(pp.License)
	if err != nil {
		return l.fail("load program", p.name, fmt.Errorf("its license contains a NUL: %w", err))
	}
	attr := sys.ProgLoadAttr{
		Type: pp.Type, License: license,
		KernVersion: pp.KernVersion, Flags: pp.Flags, Name: sys.Name(pp.Name), IfIndex: pp.IfIndex,
		ExpectedAttachType: pp.ExpectedAttachType, AttachBTFID: uint32(pp.AttachBTFID),
	}
	switch {
	case pp.AttachModule != nil:
		fd, err := l.moduleFD(pp.AttachModule)
		if err != nil {
			return err
		}
		attr.AttachFD = fd.Uint32()
	case pp.AttachProgFD > 0:
		attr.AttachFD = uint32(pp.AttachProgFD)
	}
	if l.btf != nil {
		attr.BTFFD = l.btf.Uint32()
		attr.FuncInfo, attr.FuncInfoRecSize, attr.FuncInfoCnt =
			records(pp.FuncInfo, pp.FuncInfoSize)
		attr.LineInfo, attr.LineInfoRecSize, attr.LineInfoCnt =
			records(pp.LineInfo, pp.LineInfoSize)
	}
	if len(pp.Modules) > 0 {
		fds := make([]int32, 1, 1+len(pp.Modules)) // index 0 means vmlinux
		for _, m := range pp.Modules {
			fd, err := l.moduleFD(m)
			if err != nil {
				return err
			}
			fds = append(fds, int32(fd.Int()))
		}
		attr.FDArray = sys.Slice(fds)
	}
	token, flag := l.tokenFD()
	attr.TokenFD, attr.Flags = token, attr.Flags|flag
	if attr.LogLevel = pp.LogLevel; attr.LogLevel == 0 {
		attr.LogLevel = l.opts.LogLevel
	}
	if err := l.letPrepare(pp, p, &attr); err != nil {
		return err
	}
	if change != nil {
		change(&attr)
	}
	level := attr.LogLevel
	attr.LogLevel, attr.InsnCnt, attr.Insns = 0, uint32(len(l.scratch.insns)),
		sys.Slice(asm.Raw(l.scratch.insns))
	fd, err := l.verify(&attr, pp, p, level)
	if err != nil {
		return err
	}
	p.fd, p.typ = fd, attr.Type
	if attr.ExpectedAttachType != 0 || pp.ExpectedAttachType != 0 {
		p.expected = attr.ExpectedAttachType
	} else {
		// a kernel that doesn't know it at load gets it when the program is attached
		p.expected = pp.Spec.ExpectedAttachType
	}
	l.ev.Debug("loaded program", "object", l.obj.name, "program", p.name, "instructions",
		attr.InsnCnt, "fd", fd)
	return nil
}

// bindMaps binds the object's read-only data to the program, which keeps it alive for inspection.
func (l *loader) bindMaps(pp *plan.Program, p *Program) error {
	for _, bound := range pp.BindMaps {
		m := l.maps[bound]
		if m == nil || m.fd == nil {
			continue
		}
		if err := sys.ProgBindMap(p.fd.Int(), m.fd.Int(), 0); err != nil {
			l.ev.Warn("the program loaded but is not bound to its read-only data",
				"object", l.obj.name, "program", p.name, "map", m.name, "err", err)
		}
	}
	return nil
}

// mostLog bounds the log of a program that the kernel refuses, where it keeps the end of a log that
// is too long (6.4), which says why. The whole may take gigabytes.
const mostLog = 64 << 20

// verify loads the program. At level 0 there is no log buffer; on any failure it tries again at
// level 1 with a buffer, and again with larger ones while the kernel answers ENOSPC (libbpf
// bpf_object_load_prog).
func (l *loader) verify(attr *sys.ProgLoadAttr, pp *plan.Program, p *Program,
	level uint32) (*sys.FD, error) {
	var fd *sys.FD
	var err, refusal error
	if level == 0 {
		if fd, err = l.progLoad(attr, pp); err == nil {
			return fd, nil
		}
		level, refusal = 1, err
		l.ev.Info("the kernel did not take the program, asking once more with a verifier log",
			"object", l.obj.name, "program", p.name, "err", err)
	}
	for size := l.firstLog(); ; {
		buf := l.logBuffer(size)
		buf[0] = 0
		attr.LogLevel, attr.LogBuf, attr.LogSize, attr.LogTrueSize = level, sys.Slice(buf),
			uint32(len(buf)), 0
		fd, err = l.progLoad(attr, pp)
		truncated := err == syscall.ENOSPC
		if truncated {
			size = l.nextLog(attr.LogSize, attr.LogTrueSize)
			if refusal != nil && attr.LogTrueSize > mostLog { // the kernel keeps the end
				if size = mostLog; attr.LogSize >= mostLog {
					size = 0
				}
			}
			if size != 0 {
				l.ev.Info("the verifier log did not fit, asking once more with a larger buffer",
					"object", l.obj.name, "program", p.name,
					"bytes", attr.LogSize, "next", size)
				continue
			}
			if refusal != nil {
				err = refusal // ENOSPC is about the log
			}
		}
		text := logText(buf)
		if err == nil {
			p.log = string(text)
			l.ev.Debug("verifier log", "object", l.obj.name, "program", p.name, "log", p.log)
			return fd, nil
		}
		if len(text) == 0 {
			return nil, l.fail("load program", p.name+" (SEC "+p.section+")", err,
				kernel.ProgCaps(pp.Type)...)
		}
		e := newVerifierError(pp, l.obj.btf, l.scratch.keepLog(text), truncated, err)
		e.Object, e.LogSize = l.obj.name, attr.LogTrueSize
		if hint := privilege.Hint(err, kernel.ProgCaps(pp.Type)...); hint != "" {
			e.Hint = hint
		}
		return nil, e
	}
}

// progLoad makes one attempt. A kernel whose func or line info records are shorter than the
// object's answers E2BIG if the bytes that it doesn't know are not zero, and reports the length of
// its records: progLoad tries again with those bytes zeroed.
func (l *loader) progLoad(attr *sys.ProgLoadAttr, pp *plan.Program) (*sys.FD, error) {
	funcs, lines := attr.FuncInfoRecSize, attr.LineInfoRecSize
	fd, err := l.attempt(attr, pp)
	if err == syscall.E2BIG && attr.FuncInfoRecSize < funcs && attr.FuncInfoCnt > 0 {
		l.ev.Info("the kernel knows shorter func info records",
			"program", pp.Name, "kernel", attr.FuncInfoRecSize, "object", funcs)
		attr.FuncInfo = zeroTails(attr.FuncInfo, attr.FuncInfoCnt, funcs, attr.FuncInfoRecSize)
		attr.FuncInfoRecSize = funcs
		fd, err = l.attempt(attr, pp)
	}
	if err == syscall.E2BIG && attr.LineInfoRecSize < lines && attr.LineInfoCnt > 0 {
		l.ev.Info("the kernel knows shorter line info records",
			"program", pp.Name, "kernel", attr.LineInfoRecSize, "object", lines)
		attr.LineInfo = zeroTails(attr.LineInfo, attr.LineInfoCnt, lines, attr.LineInfoRecSize)
		attr.LineInfoRecSize = lines
		fd, err = l.attempt(attr, pp)
	}
	return fd, err
}

// attempt is one PROG_LOAD, repeated while the kernel answers EAGAIN.
func (l *loader) attempt(attr *sys.ProgLoadAttr, pp *plan.Program) (*sys.FD, error) {
	fd, attempts, err := sys.ProgLoadCounted(attr)
	if attempts > 1 {
		l.ev.Info("a signal stopped the verifier (EAGAIN), asked again", "object", l.obj.name,
			"program", pp.Spec.Name, "attempts", attempts, "err", err)
	}
	return fd, err
}

// zeroTails copies n records of size bytes and clears what lies beyond the first known bytes of
// each.
func zeroTails(raw sys.Pointer, n, size, known uint32) sys.Pointer {
	out := bytes.Clone(unsafe.Slice((*byte)(raw.Unsafe()), int(n)*int(size)))
	for i := range int(n) {
		record := out[i*int(size):][:size]
		clear(record[known:])
	}
	return sys.Slice(out)
}

func records(raw []byte, size uint32) (sys.Pointer, uint32, uint32) {
	if size == 0 || len(raw) == 0 {
		return sys.Pointer{}, 0, 0
	}
	return sys.Slice(raw), size, uint32(len(raw)) / size
}

// fixup copies the program's instructions into the scratch memory and writes descriptors into the
// copy.
func (l *loader) fixup(pp *plan.Program) error {
	l.scratch.insns = append(l.scratch.insns[:0], pp.Insns...)
	insns := l.scratch.insns
	for _, f := range pp.Fixups {
		if f.Insn < 0 || f.Insn+1 >= len(insns) {
			return l.fail("relocate program", pp.Spec.Name,
				fmt.Errorf("instruction %d is outside of the program: %w", f.Insn, syscall.EINVAL))
		}
		switch f.Kind {
		case plan.FixMapFD:
			m := l.maps[f.Map]
			if m == nil || m.fd == nil {
				return l.fail("relocate program", pp.Spec.Name,
					fmt.Errorf("instruction %d refers to a map that was not created: %w",
						f.Insn, ErrNotExist))
			}
			insns[f.Insn].Imm = int32(m.fd.Int())
		case plan.FixModuleBTFFD:
			fd, err := l.moduleFD(f.Module)
			if err != nil {
				return err
			}
			insns[f.Insn+1].Imm = int32(fd.Int())
		default:
			return l.fail("relocate program", pp.Spec.Name,
				fmt.Errorf("instruction %d: unknown kind of fix-up %d: %w",
					f.Insn, f.Kind, syscall.EINVAL))
		}
	}
	return nil
}
