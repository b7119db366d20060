package uapi

// Element flags of BPF_MAP_UPDATE_ELEM and BPF_MAP_LOOKUP_ELEM.
const (
	Any     = 0 // BPF_ANY: create or replace
	NoExist = 1 // BPF_NOEXIST: create only
	Exist   = 2 // BPF_EXIST: replace only
	Lock    = 4 // BPF_F_LOCK: take the value's spin lock
)

// Map creation flags (map_flags). FPathFD and FTokenFD are used by other commands too.
const (
	FNoPrealloc    = 1 << 0  // BPF_F_NO_PREALLOC
	FNoCommonLRU   = 1 << 1  // BPF_F_NO_COMMON_LRU
	FNumaNode      = 1 << 2  // BPF_F_NUMA_NODE
	FRdonly        = 1 << 3  // BPF_F_RDONLY
	FWronly        = 1 << 4  // BPF_F_WRONLY
	FStackBuildID  = 1 << 5  // BPF_F_STACK_BUILD_ID
	FZeroSeed      = 1 << 6  // BPF_F_ZERO_SEED
	FRdonlyProg    = 1 << 7  // BPF_F_RDONLY_PROG
	FWronlyProg    = 1 << 8  // BPF_F_WRONLY_PROG
	FClone         = 1 << 9  // BPF_F_CLONE
	FMmapable      = 1 << 10 // BPF_F_MMAPABLE
	FPreserveElems = 1 << 11 // BPF_F_PRESERVE_ELEMS
	FInnerMap      = 1 << 12 // BPF_F_INNER_MAP
	FLink          = 1 << 13 // BPF_F_LINK
	FPathFD        = 1 << 14 // BPF_F_PATH_FD
	FVtypeBtfObjFD = 1 << 15 // BPF_F_VTYPE_BTF_OBJ_FD
	FTokenFD       = 1 << 16 // BPF_F_TOKEN_FD
	FSegvOnFault   = 1 << 17 // BPF_F_SEGV_ON_FAULT
	FNoUserConv    = 1 << 18 // BPF_F_NO_USER_CONV
)

// Program load flags (prog_flags).
const (
	FStrictAlignment = 1 << 0 // BPF_F_STRICT_ALIGNMENT
	FAnyAlignment    = 1 << 1 // BPF_F_ANY_ALIGNMENT
	FTestRndHi32     = 1 << 2 // BPF_F_TEST_RND_HI32
	FTestStateFreq   = 1 << 3 // BPF_F_TEST_STATE_FREQ
	FSleepable       = 1 << 4 // BPF_F_SLEEPABLE
	FXDPHasFrags     = 1 << 5 // BPF_F_XDP_HAS_FRAGS
	FXDPDevBoundOnly = 1 << 6 // BPF_F_XDP_DEV_BOUND_ONLY
	FTestRegInvar    = 1 << 7 // BPF_F_TEST_REG_INVARIANTS
)

// Attach flags (BPF_PROG_ATTACH, BPF_LINK_CREATE).
const (
	FAllowOverride = 1 << 0 // BPF_F_ALLOW_OVERRIDE
	FAllowMulti    = 1 << 1 // BPF_F_ALLOW_MULTI
	FReplace       = 1 << 2 // BPF_F_REPLACE
	FBefore        = 1 << 3 // BPF_F_BEFORE
	FAfter         = 1 << 4 // BPF_F_AFTER
	FID            = 1 << 5 // BPF_F_ID
	FPreorder      = 1 << 6 // BPF_F_PREORDER
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
