package kernel

import (
	"bytes"
	"errors"
	"syscall"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Helper ids that probes call.
const (
	helperProbeReadKernel   = 113
	helperKtimeGetCoarseNs  = 160 // came with memcg accounting
	helperGetFuncIP         = 173
	helperGetAttachCookie   = 174
	ldImm64ProbeOffset      = 1 << 30
	probeLogSize            = 4096
	attachTraceUprobeMulti  = uapi.AttachTraceUprobeMulti
	attachTypeOfProbeSocket = uapi.AttachCgroupInetSockCreate
)

func probeProgName(p *prober) (bool, error) {
	return made(p.program(uapi.ProgSocketFilter, retInsns(0),
		func(a *sys.ProgLoadAttr) { a.Name = sys.Name("libbpf_nametest") }))
}

func probeGlobalData(p *prober) (bool, error) {
	m, err := p.array(0)
	if err != nil {
		return false, err
	}
	defer m.Close()
	ld := asm.LdMapValue(asm.R1, m.Int(), 16)
	return made(p.program(uapi.ProgSocketFilter, []asm.Instruction{
		ld[0], ld[1],
		asm.StMem(asm.DW, asm.R1, 0, 42),
		asm.Mov64Imm(asm.R0, 0),
		asm.ExitInsn(),
	}, nil))
}

func probeExpAttachType(p *prober) (bool, error) {
	return made(p.program(uapi.ProgCgroupSock, retInsns(1),
		func(a *sys.ProgLoadAttr) { a.ExpectedAttachType = attachTypeOfProbeSocket }))
}

func probeProbeReadKernel(p *prober) (bool, error) {
	return made(p.program(uapi.ProgTracepoint, []asm.Instruction{
		asm.Mov64Reg(asm.R1, asm.R10), // to the stack
		asm.Alu64Imm(asm.Add, asm.R1, -8),
		asm.Mov64Imm(asm.R2, 8), // 8 bytes
		asm.Mov64Imm(asm.R3, 0), // from NULL
		asm.EmitCall(helperProbeReadKernel),
		asm.ExitInsn(),
	}, nil))
}

func probeMemcgAccount(p *prober) (bool, error) {
	return made(p.program(uapi.ProgSocketFilter,
		[]asm.Instruction{asm.EmitCall(helperKtimeGetCoarseNs), asm.ExitInsn()}, nil))
}

func probeBPFCookie(p *prober) (bool, error) {
	return made(p.program(uapi.ProgTracepoint,
		[]asm.Instruction{asm.EmitCall(helperGetAttachCookie), asm.ExitInsn()}, nil))
}

func probeArrayMmap(p *prober) (bool, error) { return made(p.array(uapi.FMmapable)) }

func probeProgBindMap(p *prober) (bool, error) {
	m, err := p.array(0)
	if err != nil {
		return false, err
	}
	defer m.Close()
	prog, err := p.program(uapi.ProgSocketFilter, retInsns(0), nil)
	if err != nil {
		return false, err
	}
	defer prog.Close()
	switch err := sys.ProgBindMap(prog.Int(), m.Int(), 0); {
	case err == nil:
		return true, nil
	case refused(err):
		return false, nil
	default:
		return false, err
	}
}

// probePerfLink tries to create a perf event link on a descriptor of another kind: a kernel with
// such links checks the descriptor.
func probePerfLink(p *prober) (bool, error) {
	prog, err := p.program(uapi.ProgTracepoint, retInsns(0), nil)
	if err != nil {
		return noIfRefused(err)
	}
	defer prog.Close()
	return linkAnswers(&sys.LinkCreateAttr{ProgFD: prog.Uint32(), Target: ^uint32(0),
		AttachType: uapi.AttachPerfEvent}, syscall.EBADF)
}

// linkAnswers reports whether creating a link fails with the errno that only a kernel with such
// links returns.
func linkAnswers(a *sys.LinkCreateAttr, want syscall.Errno) (bool, error) {
	link, err := sys.LinkCreate(a)
	switch {
	case err == nil:
		link.Close()
		return false, nil
	case errors.Is(err, want):
		return true, nil
	case refused(err), errors.Is(err, syscall.EBADF):
		return false, nil
	}
	return false, err
}

// noIfRefused returns the answer of a probe whose prerequisites cannot be created.
func noIfRefused(err error) (bool, error) {
	if refused(err) {
		return false, nil
	}
	return false, err
}

// probeUprobeMultiLink attaches to the directory "/", which no kernel allows: EBADF means that the
// kernel looked. The first kernels with such links (6.6) filtered by thread instead of process; the
// fix (6.10) refuses process -1.
func probeUprobeMultiLink(p *prober) (bool, error) {
	prog, err := p.program(uapi.ProgKprobe, retInsns(0), func(a *sys.ProgLoadAttr) {
		a.ExpectedAttachType = attachTraceUprobeMulti
	})
	if err != nil {
		return noIfRefused(err)
	}
	defer prog.Close()
	path, err := sys.CString("/")
	if err != nil {
		return false, err
	}
	detail := sys.LinkUprobeMulti{Path: path, Offsets: sys.Slice([]uint64{0}), Count: 1}
	a := sys.LinkCreateAttr{ProgFD: prog.Uint32(), AttachType: attachTraceUprobeMulti,
		Detail: &detail}
	if yes, err := linkAnswers(&a, syscall.EBADF); !yes || err != nil {
		return false, err
	}
	detail.PID = ^uint32(0)
	return linkAnswers(&a, syscall.EINVAL)
}

// probeLdImm64FullRange uses an address far beyond a map's value. Kernels with the feature check
// the access, older ones the offset itself; only the log distinguishes the two refusals.
func probeLdImm64FullRange(p *prober) (bool, error) {
	if yes, err := probeGlobalData(p); !yes || err != nil {
		return false, err // it has no such addresses at all
	}
	m, err := p.array(0)
	if err != nil {
		return false, err
	}
	defer m.Close()
	ld := asm.LdMapValue(asm.R1, m.Int(), ldImm64ProbeOffset)
	p.log = make([]byte, probeLogSize)
	prog, err := p.program(uapi.ProgSocketFilter,
		[]asm.Instruction{ld[0], ld[1], asm.Mov64Imm(asm.R0, 0), asm.ExitInsn()}, nil)
	if err == nil {
		prog.Close()
		return false, errors.New("the kernel accepted an address outside of a map's value")
	}
	switch {
	case bytes.Contains(p.log, []byte("direct value offset of")):
		return false, nil
	case bytes.Contains(p.log, []byte("invalid access to map value pointer")):
		return true, nil
	}
	return false, err
}

// probeArgCtxTag loads a program with a global subprogram whose argument is "void *ctx" tagged
// arg:ctx, and which calls a helper that accepts only a context.
func probeArgCtxTag(p *prober) (bool, error) {
	fd, err := p.btf(argCtxTagBTF())
	if err != nil {
		return noIfRefused(err)
	}
	defer fd.Close()
	type funcInfo struct{ insnOff, typeID uint32 }
	infos := []funcInfo{{0, 4}, {2, 5}}
	prog, err := p.program(uapi.ProgKprobe, []asm.Instruction{
		asm.CallRel(1),
		asm.ExitInsn(),
		asm.EmitCall(helperGetFuncIP), // the subprogram
		asm.ExitInsn(),
	}, func(a *sys.ProgLoadAttr) {
		a.BTFFD = fd.Uint32()
		a.FuncInfo, a.FuncInfoCnt, a.FuncInfoRecSize = sys.Slice(infos), uint32(len(infos)), 8
	})
	if errors.Is(err, syscall.EACCES) {
		return false, nil // the argument is not treated as a context
	}
	return made(prog, err)
}

// probeCommonAttrs: see sys.ProbeCommonAttrs.
func probeCommonAttrs(*prober) (bool, error) {
	err := sys.ProbeCommonAttrs()
	switch {
	case errors.Is(err, syscall.EFAULT):
		return true, nil
	case refused(err):
		return false, nil
	}
	return false, err
}
