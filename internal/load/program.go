package load

import (
	"fmt"
	"io/fs"
	"syscall"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Program is a loaded program.
type Program struct {
	FD       *sys.FD
	Type     uapi.ProgType
	Expected uapi.AttachType // as the kernel got it, or as the object declares it
	Log      string          // the verifier's, "" unless a log level was set
}

// Again says how one more load of a program differs.
type Again struct {
	LogLevel uapi.LogLevel
	LogSize  uint32
	// Prepare may change attr and return other instructions. Its error fails the load.
	Prepare func(insns []asm.Instruction, attr *sys.ProgLoadAttr) ([]asm.Instruction, error)
}

// LoadAgain loads a program of the plan once more, with the same maps. The caller closes its
// descriptor.
func (o *Object) LoadAgain(pp *plan.Program, again Again) (Program, error) {
	x := &execution{Object: o, opts: &Options{LogLevel: again.LogLevel, LogSize: again.LogSize}}
	defer x.release()
	return x.loadProgram(pp, again.Prepare)
}

// loadProgram loads one program.
func (x *execution) loadProgram(pp *plan.Program, prepare func([]asm.Instruction,
	*sys.ProgLoadAttr) ([]asm.Instruction, error)) (p Program, err error) {
	name := pp.Spec.Name
	if pp.Err != nil {
		return p, x.fail("load program", name, pp.Err)
	}
	if err := x.fixup(pp); err != nil {
		return p, err
	}
	license, err := sys.CString(pp.License)
	if err != nil {
		return p, x.fail("load program", name, fmt.Errorf("its license contains a NUL: %w", err))
	}
	attr := sys.ProgLoadAttr{
		Type: pp.Type, License: license,
		KernVersion: pp.KernVersion, Flags: pp.Flags, Name: sys.Name(pp.Name), IfIndex: pp.IfIndex,
		ExpectedAttachType: pp.ExpectedAttachType, AttachBTFID: uint32(pp.AttachBTFID),
	}
	switch {
	case pp.AttachModule != nil:
		fd, err := x.moduleFD(pp.AttachModule)
		if err != nil {
			return p, err
		}
		attr.AttachFD = fd.Uint32()
	case pp.AttachProgFD > 0:
		attr.AttachFD = uint32(pp.AttachProgFD)
	}
	if x.BTF != nil {
		attr.BTFFD = x.BTF.Uint32()
		attr.FuncInfo, attr.FuncInfoRecSize, attr.FuncInfoCnt =
			Records(pp.FuncInfo, pp.FuncInfoSize)
		attr.LineInfo, attr.LineInfoRecSize, attr.LineInfoCnt =
			Records(pp.LineInfo, pp.LineInfoSize)
	}
	if len(pp.Modules) > 0 {
		fds := make([]int32, 1, 1+len(pp.Modules)) // index 0 means vmlinux
		for _, m := range pp.Modules {
			fd, err := x.moduleFD(m)
			if err != nil {
				return p, err
			}
			fds = append(fds, int32(fd.Int()))
		}
		attr.FDArray = sys.Slice(fds)
	}
	if attr.TokenFD = x.tokenFD(); attr.TokenFD != 0 {
		attr.Flags |= uapi.FProgTokenFD
	}
	if attr.LogLevel = pp.LogLevel; attr.LogLevel == 0 {
		attr.LogLevel = x.opts.LogLevel
	}
	insns, err := prepare(x.scratch.insns, &attr)
	if err != nil {
		return p, x.fail("load program", name, err)
	}
	x.scratch.insns = insns
	level := attr.LogLevel
	attr.LogLevel, attr.InsnCnt, attr.Insns = 0, uint32(len(insns)), sys.Slice(asm.Raw(insns))
	if p.FD, p.Log, err = x.verify(&attr, pp, level); err != nil {
		return p, err
	}
	p.Type = attr.Type
	if attr.ExpectedAttachType != 0 || pp.ExpectedAttachType != 0 {
		p.Expected = attr.ExpectedAttachType
	} else {
		// a kernel that doesn't know it at load gets it when the program is attached
		p.Expected = pp.Spec.ExpectedAttachType
	}
	x.log.Debug("loaded program", "object", x.name, "program", name, "instructions", attr.InsnCnt,
		"fd", p.FD)
	return p, nil
}

// bindMaps binds the object's read-only data to the program, which keeps it alive for inspection.
func (x *execution) bindMaps(pp *plan.Program, program *sys.FD) {
	for _, bound := range pp.BindMaps {
		m := x.index[bound]
		if m == nil || m.FD == nil {
			continue
		}
		if err := sys.ProgBindMap(program.Int(), m.FD.Int(), 0); err != nil {
			x.log.Warn("the program loaded but is not bound to its read-only data",
				"object", x.name, "program", pp.Spec.Name, "map", m.Name, "err", err)
		}
	}
}

// Records returns raw as an attribute wants it: its address, the size of a record and their number.
func Records(raw []byte, size uint32) (sys.Pointer, uint32, uint32) {
	if size == 0 || len(raw) == 0 {
		return sys.Pointer{}, 0, 0
	}
	return sys.Slice(raw), size, uint32(len(raw)) / size
}

// fixup copies the program's instructions into the scratch memory and writes descriptors into the
// copy.
func (x *execution) fixup(pp *plan.Program) error {
	x.scratch.insns = append(x.scratch.insns[:0], pp.Insns...)
	insns := x.scratch.insns
	for _, f := range pp.Fixups {
		if f.Insn < 0 || f.Insn+1 >= len(insns) {
			return x.fail("relocate program", pp.Spec.Name,
				fmt.Errorf("instruction %d is outside of the program: %w", f.Insn, syscall.EINVAL))
		}
		switch f.Kind {
		case plan.FixMapFD:
			m := x.index[f.Map]
			if m == nil || m.FD == nil {
				return x.fail("relocate program", pp.Spec.Name,
					fmt.Errorf("instruction %d refers to a map that was not created: %w",
						f.Insn, fs.ErrNotExist))
			}
			insns[f.Insn].Imm = int32(m.FD.Int())
		case plan.FixModuleBTFFD:
			fd, err := x.moduleFD(f.Module)
			if err != nil {
				return err
			}
			insns[f.Insn+1].Imm = int32(fd.Int())
		default:
			return x.fail("relocate program", pp.Spec.Name,
				fmt.Errorf("instruction %d: unknown kind of fix-up %d: %w",
					f.Insn, f.Kind, syscall.EINVAL))
		}
	}
	return nil
}
