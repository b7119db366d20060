package facts

// Feature is something that kernels gained over time and that affects how an object is loaded. The
// names are libbpf's (FEAT_*).
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
	NumFeatures // number of features
)

// featureTable describes the features: libbpf's name without FEAT_, the first upstream kernel that
// has it, what such a kernel can do, and what happens to an object on a kernel without it.
var featureTable = [NumFeatures]struct {
	name    string
	since   string
	text    string
	without string
}{
	ProgName: {"PROG_NAME", "4.15", "programs and maps have names",
		"names are left out"},
	GlobalData: {"GLOBAL_DATA", "5.2",
		"instructions may point into the value of an array map",
		"global variables are not created, code that uses them is poisoned"},
	BTFLoad: {"BTF", "4.18", "BTF can be uploaded", "no BTF is uploaded"},
	BTFFunc: {"BTF_FUNC", "5.0",
		"BTF may have FUNC and FUNC_PROTO, and programs function and line information",
		"functions are turned into other types, verifier logs have no source lines"},
	BTFGlobalFunc: {"BTF_GLOBAL_FUNC", "5.6", "functions may be global and are verified once",
		"global functions become static"},
	BTFDatasec: {"BTF_DATASEC", "5.2", "BTF may have VAR and DATASEC",
		"variables and data sections are turned into other types"},
	BTFQmarkDatasec: {"BTF_QMARK_DATASEC", "6.9", "names of data sections may start with '?'",
		"the '?' becomes '_'"},
	BTFFloat: {"BTF_FLOAT", "5.13", "BTF may have FLOAT", "floats become empty structs"},
	BTFDeclTag: {"BTF_DECL_TAG", "5.16", "BTF may have DECL_TAG",
		"declaration tags are dropped, exception callbacks are not appended"},
	BTFTypeTag: {"BTF_TYPE_TAG", "5.17", "BTF may have TYPE_TAG", "type tags are dropped"},
	BTFEnum64: {"BTF_ENUM64", "6.0", "BTF may have ENUM64 and signed enums",
		"64-bit enums become unions"},
	BTFLayout: {"BTF_LAYOUT", "7.0", "BTF may describe the layout of its kinds",
		"the description is left out"},
	ArrayMmap: {"ARRAY_MMAP", "5.5", "array maps can be mapped into memory",
		"global variables cannot be reached in memory after load"},
	ExpAttachType: {"EXP_ATTACH_TYPE", "4.17",
		"programs can be loaded with an expected attach type",
		"the attach type is left out where it is optional"},
	ProbeReadKernel: {"PROBE_READ_KERN", "5.5",
		"helpers distinguish kernel memory from user memory",
		"bpf_probe_read and bpf_probe_read_str are called instead"},
	ProgBindMap: {"PROG_BIND_MAP", "5.10", "a program can keep a map that it does not use",
		"read-only data may be freed before its program"},
	ModuleBTF: {"MODULE_BTF", "5.11", "modules have BTF",
		"types, functions and kfuncs of modules are not found"},
	PerfLink: {"PERF_LINK", "5.15",
		"perf events (kprobe, uprobe, tracepoint) are attached by links",
		"they are attached by ioctl, without cookies"},
	MemcgAccount: {"MEMCG_ACCOUNT", "5.11", "BPF memory is accounted to cgroups",
		"RLIMIT_MEMLOCK is raised"},
	BPFCookie: {"BPF_COOKIE", "5.15",
		"a program can ask for the cookie of its attachment",
		"USDT probes are distinguished by address"},
	SyscallWrapper: {"SYSCALL_WRAPPER", "4.17",
		"system calls have wrappers named after the architecture",
		"SEC(\"ksyscall\") attaches to __se_sys_* functions"},
	UprobeMultiLink: {"UPROBE_MULTI_LINK", "6.10",
		"one link attaches to many places in a file, optionally for one process",
		"USDT uses one uprobe for each place"},
	ArgCtxTag: {"ARG_CTX_TAG", "6.8", "the verifier knows __arg_ctx",
		"the argument gets the context's type in BTF"},
	LdImm64FullRangeOff: {"LDIMM64_FULL_RANGE_OFF", "7.0",
		"instructions may point 512 MiB and more into a map's value",
		"globals of an arena lie at its start"},
	UprobeSyscall: {"UPROBE_SYSCALL", "6.18",
		"uprobes on 5-byte nops on x86-64 cost a system call, not a trap", "USDT probes trap"},
	CommonAttrs: {"BPF_SYSCALL_COMMON_ATTRS", "7.1", "every bpf(2) command may have a log",
		"failures to create maps are not explained"},
}

// String returns libbpf's name of the feature without FEAT_: "PROG_NAME".
func (f Feature) String() string {
	if f < NumFeatures {
		return featureTable[f].name
	}
	return "unknown feature"
}

// Since returns the first upstream kernel with the feature, "5.2". Distributions add features to
// older kernels.
func (f Feature) Since() string {
	if f < NumFeatures {
		return featureTable[f].since
	}
	return ""
}

// Text says in half a sentence what a kernel with the feature can do.
func (f Feature) Text() string {
	if f < NumFeatures {
		return featureTable[f].text
	}
	return ""
}

// Without says in half a sentence what happens to an object on a kernel without the feature.
func (f Feature) Without() string {
	if f < NumFeatures {
		return featureTable[f].without
	}
	return ""
}

// FeatureNamed returns the feature whose String is name; ok is false if there is none.
func FeatureNamed(name string) (f Feature, ok bool) {
	for f := range NumFeatures {
		if featureTable[f].name == name {
			return f, true
		}
	}
	return 0, false
}

// Answer is what is known about a feature of a kernel.
type Answer uint8

const (
	Unknown Answer = iota
	Yes
	No
)

// String returns "unknown", "yes" or "no".
func (a Answer) String() string {
	switch a {
	case Yes:
		return "yes"
	case No:
		return "no"
	}
	return "unknown"
}

// MarshalText returns the text of String.
func (a Answer) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Upstream returns the answers of kernel.org's kernel of a version (KERNEL_VERSION, as in
// [Kernel.Version]) on x86-64 that is configured for BPF. A distribution's kernel of that version
// may have more. For version 0 all answers are unknown.
func Upstream(version uint32) (answers [NumFeatures]Answer) {
	if version == 0 {
		return answers
	}
	for f := range NumFeatures {
		answers[f] = No
		if version >= versionCode(featureTable[f].since) {
			answers[f] = Yes
		}
	}
	return answers
}

// AtLeast reports whether a version (KERNEL_VERSION) is release "5.15" or later.
func AtLeast(version uint32, release string) bool { return version >= versionCode(release) }

// versionCode returns KERNEL_VERSION of "5.15".
func versionCode(s string) uint32 {
	var parts [2]uint32
	i := 0
	for _, c := range []byte(s) {
		if c == '.' {
			i++
			continue
		}
		parts[i] = parts[i]*10 + uint32(c-'0')
	}
	return parts[0]<<16 | parts[1]<<8
}
