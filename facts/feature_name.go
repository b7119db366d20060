package facts

// featureNames are libbpf's names without FEAT_.
var featureNames = [NumFeatures]string{
	ProgName:            "PROG_NAME",
	GlobalData:          "GLOBAL_DATA",
	BTFLoad:             "BTF",
	BTFFunc:             "BTF_FUNC",
	BTFGlobalFunc:       "BTF_GLOBAL_FUNC",
	BTFDatasec:          "BTF_DATASEC",
	BTFQmarkDatasec:     "BTF_QMARK_DATASEC",
	BTFFloat:            "BTF_FLOAT",
	BTFDeclTag:          "BTF_DECL_TAG",
	BTFTypeTag:          "BTF_TYPE_TAG",
	BTFEnum64:           "BTF_ENUM64",
	BTFLayout:           "BTF_LAYOUT",
	ArrayMmap:           "ARRAY_MMAP",
	ExpAttachType:       "EXP_ATTACH_TYPE",
	ProbeReadKernel:     "PROBE_READ_KERN",
	ProgBindMap:         "PROG_BIND_MAP",
	ModuleBTF:           "MODULE_BTF",
	PerfLink:            "PERF_LINK",
	MemcgAccount:        "MEMCG_ACCOUNT",
	BPFCookie:           "BPF_COOKIE",
	SyscallWrapper:      "SYSCALL_WRAPPER",
	UprobeMultiLink:     "UPROBE_MULTI_LINK",
	ArgCtxTag:           "ARG_CTX_TAG",
	LdImm64FullRangeOff: "LDIMM64_FULL_RANGE_OFF",
	UprobeSyscall:       "UPROBE_SYSCALL",
	CommonAttrs:         "BPF_SYSCALL_COMMON_ATTRS",
}

// String is libbpf's name of the feature without FEAT_: "PROG_NAME".
func (f Feature) String() string {
	if f < NumFeatures {
		return featureNames[f]
	}
	return "unknown feature"
}
