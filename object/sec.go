package object

import "github.com/purebpf/bpf/uapi"

// SecFlags are the properties of a SEC() kind, libbpf's SEC_* flags.
type SecFlags uint8

const (
	SecExpAttachOpt SecFlags = 1 << iota // expected_attach_type is sent only to kernels that know it
	SecAttachBTF                         // needs a BTF target, the text after the first '/'
	SecSleepable                         // adds BPF_F_SLEEPABLE
	SecXDPFrags                          // adds BPF_F_XDP_HAS_FRAGS
	SecUSDT                              // becomes uprobe.multi where the kernel has it
	SecAttachable                        // legacy: libbpf_attach_type_by_name knows it
)

// SecDef is one row of the SEC() table.
type SecDef struct {
	Pattern string // "xdp" exact; "kprobe+" exact or with "/..."
	Type    uapi.ProgType
	Attach  uapi.AttachType
	Flags   SecFlags
	Auto    AutoAttach
}

// AutoAttach says how a program of a SEC() kind attaches without further words.
type AutoAttach uint8

const (
	AutoNone AutoAttach = iota // never: the program is attached by hand
	AutoKprobe
	AutoKprobeMulti
	AutoKprobeSession
	AutoUprobe
	AutoUprobeMulti
	AutoKsyscall
	AutoUSDT
	AutoTracepoint
	AutoRawTracepoint
	AutoTrace // fentry, fexit, fmod_ret, fsession, tp_btf, freplace
	AutoTracingMulti
	AutoLSM
	AutoIter
)
