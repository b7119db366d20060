package facts

// Feature is something that kernels gained over time and that decides how an object is loaded. The names are libbpf's (FEAT_*).
type Feature uint8

const (
	ProgName Feature = iota
	GlobalData
	BTFLoad // FEAT_BTF
	BTFFunc
	BTFGlobalFunc
	BTFDatasec
	BTFQmarkDatasec
	BTFFloat
	BTFDeclTag
	BTFTypeTag
	BTFEnum64
	BTFLayout
	ArrayMmap
	ExpAttachType
	ProbeReadKernel
	ProgBindMap
	ModuleBTF
	PerfLink
	MemcgAccount
	BPFCookie
	SyscallWrapper
	UprobeMultiLink
	ArgCtxTag
	LdImm64FullRangeOff
	UprobeSyscall
	CommonAttrs // FEAT_BPF_SYSCALL_COMMON_ATTRS
	NumFeatures // how many there are
)
