package uapi

// The types of flags are named after the kernel's fields.

// ElemFlags are the flags of element operations (elem_flags, and flags of
// BPF_MAP_UPDATE_ELEM and BPF_MAP_LOOKUP_ELEM).
type ElemFlags uint64

const (
	Any     ElemFlags = 0 // BPF_ANY: create or replace
	NoExist ElemFlags = 1 // BPF_NOEXIST: create only
	Exist   ElemFlags = 2 // BPF_EXIST: replace only
	Lock    ElemFlags = 4 // BPF_F_LOCK: take the value's spin lock
	// With one of these the value is a single one of a per-CPU map (6.19).
	OnCPU   ElemFlags = 8  // BPF_F_CPU: of the CPU in the upper 32 bits
	AllCPUs ElemFlags = 16 // BPF_F_ALL_CPUS
)

// MapFlags are the flags of BPF_MAP_CREATE (map_flags).
type MapFlags uint32

const (
	FNoPrealloc    MapFlags = 1 << 0  // BPF_F_NO_PREALLOC
	FNoCommonLRU   MapFlags = 1 << 1  // BPF_F_NO_COMMON_LRU
	FNumaNode      MapFlags = 1 << 2  // BPF_F_NUMA_NODE
	FRdonly        MapFlags = 1 << 3  // BPF_F_RDONLY
	FWronly        MapFlags = 1 << 4  // BPF_F_WRONLY
	FStackBuildID  MapFlags = 1 << 5  // BPF_F_STACK_BUILD_ID
	FZeroSeed      MapFlags = 1 << 6  // BPF_F_ZERO_SEED
	FRdonlyProg    MapFlags = 1 << 7  // BPF_F_RDONLY_PROG
	FWronlyProg    MapFlags = 1 << 8  // BPF_F_WRONLY_PROG
	FClone         MapFlags = 1 << 9  // BPF_F_CLONE
	FMmapable      MapFlags = 1 << 10 // BPF_F_MMAPABLE
	FPreserveElems MapFlags = 1 << 11 // BPF_F_PRESERVE_ELEMS
	FInnerMap      MapFlags = 1 << 12 // BPF_F_INNER_MAP
	FLink          MapFlags = 1 << 13 // BPF_F_LINK
	FPathFD        MapFlags = 1 << 14 // BPF_F_PATH_FD
	FVtypeBtfObjFD MapFlags = 1 << 15 // BPF_F_VTYPE_BTF_OBJ_FD
	FTokenFD       MapFlags = 1 << 16 // BPF_F_TOKEN_FD
	FSegvOnFault   MapFlags = 1 << 17 // BPF_F_SEGV_ON_FAULT
	FNoUserConv    MapFlags = 1 << 18 // BPF_F_NO_USER_CONV
	FRBOverwrite   MapFlags = 1 << 19 // BPF_F_RB_OVERWRITE: a full ring buffer loses the oldest records
)

// ProgFlags are the flags of BPF_PROG_LOAD (prog_flags).
type ProgFlags uint32

const (
	FStrictAlignment ProgFlags = 1 << 0  // BPF_F_STRICT_ALIGNMENT
	FAnyAlignment    ProgFlags = 1 << 1  // BPF_F_ANY_ALIGNMENT
	FTestRndHi32     ProgFlags = 1 << 2  // BPF_F_TEST_RND_HI32
	FTestStateFreq   ProgFlags = 1 << 3  // BPF_F_TEST_STATE_FREQ
	FSleepable       ProgFlags = 1 << 4  // BPF_F_SLEEPABLE
	FXDPHasFrags     ProgFlags = 1 << 5  // BPF_F_XDP_HAS_FRAGS
	FXDPDevBoundOnly ProgFlags = 1 << 6  // BPF_F_XDP_DEV_BOUND_ONLY
	FTestRegInvar    ProgFlags = 1 << 7  // BPF_F_TEST_REG_INVARIANTS
	FProgTokenFD     ProgFlags = 1 << 16 // BPF_F_TOKEN_FD
)

// BTFFlags are the flags of BPF_BTF_LOAD (btf_flags).
type BTFFlags uint32

const FBTFTokenFD BTFFlags = 1 << 16 // BPF_F_TOKEN_FD

// AttachFlags are the flags of BPF_PROG_ATTACH, BPF_LINK_CREATE and BPF_LINK_UPDATE (attach_flags,
// and flags of links).
type AttachFlags uint32

const (
	FAllowOverride AttachFlags = 1 << 0  // BPF_F_ALLOW_OVERRIDE
	FAllowMulti    AttachFlags = 1 << 1  // BPF_F_ALLOW_MULTI
	FReplace       AttachFlags = 1 << 2  // BPF_F_REPLACE
	FBefore        AttachFlags = 1 << 3  // BPF_F_BEFORE
	FAfter         AttachFlags = 1 << 4  // BPF_F_AFTER
	FID            AttachFlags = 1 << 5  // BPF_F_ID
	FPreorder      AttachFlags = 1 << 6  // BPF_F_PREORDER
	FAnchorLink    AttachFlags = 1 << 13 // BPF_F_LINK: the anchor is a link
)

// QueryFlags are the flags of BPF_PROG_QUERY (query_flags).
type QueryFlags uint32

// FQueryEffective asks for the programs of a cgroup and of its ancestors, in the order in which
// they run.
const FQueryEffective QueryFlags = 1 << 0 // BPF_F_QUERY_EFFECTIVE

// OpenFlags are the flags for opening pins and kernel ids (file_flags, open_flags).
type OpenFlags uint32

const (
	FOpenRdonly  OpenFlags = 1 << 3  // BPF_F_RDONLY
	FOpenWronly  OpenFlags = 1 << 4  // BPF_F_WRONLY
	FOpenPathFD  OpenFlags = 1 << 14 // BPF_F_PATH_FD
	FOpenTokenFD OpenFlags = 1 << 16 // BPF_F_TOKEN_FD
)

// NetfilterFlags are the flags of links to netfilter (netfilter.flags).
type NetfilterFlags uint32

// FNetfilterIPDefrag reassembles fragments first.
const FNetfilterIPDefrag NetfilterFlags = 1 << 0 // BPF_F_NETFILTER_IP_DEFRAG

// RunFlags are the flags of BPF_PROG_TEST_RUN (test.flags).
type RunFlags uint32

const (
	FRunOnCPU RunFlags = 1 << 0 // BPF_F_TEST_RUN_ON_CPU: on a chosen CPU (raw tracepoints; 5.10)
	// XDP programs send and redirect for real (5.18).
	FRunLiveFrames  RunFlags = 1 << 1 // BPF_F_TEST_XDP_LIVE_FRAMES
	FRunSkbChecksum RunFlags = 1 << 2 // BPF_F_TEST_SKB_CHECKSUM_COMPLETE
)

// CgroupIterOrder is how an iterator walks cgroups (enum bpf_cgroup_iter_order).
type CgroupIterOrder uint32

const (
	CgroupIterSelf            CgroupIterOrder = 1 // BPF_CGROUP_ITER_SELF_ONLY
	CgroupIterDescendantsPre  CgroupIterOrder = 2 // BPF_CGROUP_ITER_DESCENDANTS_PRE
	CgroupIterDescendantsPost CgroupIterOrder = 3 // BPF_CGROUP_ITER_DESCENDANTS_POST
	CgroupIterAncestorsUp     CgroupIterOrder = 4 // BPF_CGROUP_ITER_ANCESTORS_UP
	CgroupIterChildren        CgroupIterOrder = 5 // BPF_CGROUP_ITER_CHILDREN (7.0)
)
