package oldkernel

import (
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Lacks has for each feature the answers of a kernel without it: E2BIG for an attribute that is too
// long, EINVAL for an unknown number, flag, helper or BTF kind. The errnos are those of the
// kernel's source before the feature. SyscallWrapper and UprobeSyscall are nil: they are not found
// by bpf(2).
var Lacks = [facts.NumFeatures]func(Call) syscall.Errno{
	facts.ProgName: either(
		OnProg(syscall.E2BIG, func(c Call) bool { return c.Prog().Name != sys.ObjName{} }),
		On(uapi.CmdMapCreate, syscall.E2BIG, func(c Call) bool {
			return c.Map().Name != sys.ObjName{}
		}),
	),
	facts.GlobalData: OnProg(syscall.EINVAL, func(c Call) bool { return c.addresses(0) }),
	facts.BTFLoad: either(
		On(uapi.CmdBTFLoad, syscall.EINVAL, nil),
		OnProg(syscall.E2BIG, func(c Call) bool { return c.Prog().BTFFD != 0 }),
		On(uapi.CmdMapCreate, syscall.E2BIG, func(c Call) bool { return c.Map().BTFFD != 0 }),
	),
	facts.BTFFunc: either(
		onBTF(12, nil),
		OnProg(syscall.E2BIG, func(c Call) bool {
			return c.Prog().FuncInfoCnt+c.Prog().LineInfoCnt != 0
		}),
	),
	facts.BTFGlobalFunc: onBTF(12, func(w []uint32) bool { return w[1]&0xffff != 0 }),
	facts.BTFDatasec:    onBTF(15, nil),
	facts.BTFQmarkDatasec: func(c Call) syscall.Errno {
		return onBTF(15, func(w []uint32) bool { return c.btfName(w[0])[0] == '?' })(c)
	},
	facts.BTFFloat:   onBTF(16, nil),
	facts.BTFDeclTag: onBTF(17, nil),
	facts.BTFTypeTag: onBTF(18, nil),
	facts.BTFEnum64:  onBTF(19, nil),
	facts.BTFLayout: On(uapi.CmdBTFLoad, syscall.E2BIG, func(c Call) bool {
		return c.btf()[4] == 32 || c.btf()[7] == 32
	}),
	facts.ArrayMmap: On(uapi.CmdMapCreate, syscall.EINVAL, func(c Call) bool {
		return c.Map().Flags&uapi.FMmapable != 0
	}),
	facts.ExpAttachType: OnProg(syscall.E2BIG, func(c Call) bool {
		return c.Prog().ExpectedAttachType != 0
	}),
	facts.ProbeReadKernel: OnProg(syscall.EINVAL, func(c Call) bool { return c.CallsHelper(113) }),
	facts.ProgBindMap:     On(uapi.CmdProgBindMap, syscall.EINVAL, nil),
	facts.ModuleBTF: On(uapi.CmdObjGetInfoByFD, syscall.E2BIG, func(c Call) bool {
		return c.Word(4) > 24
	}),
	facts.PerfLink: On(uapi.CmdLinkCreate, syscall.EINVAL, func(c Call) bool {
		return uapi.AttachType(c.Word(8)) == uapi.AttachPerfEvent
	}),
	facts.MemcgAccount: OnProg(syscall.EINVAL, func(c Call) bool { return c.CallsHelper(160) }),
	facts.BPFCookie:    OnProg(syscall.EINVAL, func(c Call) bool { return c.CallsHelper(174) }),
	facts.UprobeMultiLink: OnProg(syscall.EINVAL, func(c Call) bool {
		return c.Prog().ExpectedAttachType == uapi.AttachTraceUprobeMulti
	}),
	// a helper that needs the context gets what the kernel considers void *
	facts.ArgCtxTag: OnProg(syscall.EINVAL, func(c Call) bool {
		return c.Prog().FuncInfoCnt == 2 && c.CallsHelper(173)
	}),
	facts.LdImm64FullRangeOff: func(c Call) syscall.Errno {
		if c.Cmd != uapi.CmdProgLoad || !c.addresses(1<<29) { // BPF_MAX_VAR_OFF
			return 0
		}
		if c.Prog().LogLevel != 0 {
			c.WriteLog("direct value offset of 1073741824 is not allowed\nprocessed 0 insns")
		}
		return syscall.EINVAL
	},
	facts.CommonAttrs: On(uapi.CmdProgLoad|1<<16, syscall.EINVAL, nil),
}

// On refuses a command with an errno if when returns true (nil: always).
func On(cmd uapi.Cmd, e syscall.Errno, when func(Call) bool) func(Call) syscall.Errno {
	return func(c Call) syscall.Errno {
		if c.Cmd == cmd && (when == nil || when(c)) {
			return e
		}
		return 0
	}
}

// OnProg is On for BPF_PROG_LOAD.
func OnProg(e syscall.Errno, when func(Call) bool) func(Call) syscall.Errno {
	return On(uapi.CmdProgLoad, e, when)
}

func onBTF(kind uint32, when func(words []uint32) bool) func(Call) syscall.Errno {
	return On(uapi.CmdBTFLoad, syscall.EINVAL, func(c Call) bool { return c.btfHas(kind, when) })
}

// either refuses what any of the list refuses.
func either(list ...func(Call) syscall.Errno) func(Call) syscall.Errno {
	return func(c Call) syscall.Errno {
		for _, refuse := range list {
			if e := refuse(c); e != 0 {
				return e
			}
		}
		return 0
	}
}
