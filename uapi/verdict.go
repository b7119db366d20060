package uapi

// What programs return and decide.

// XDPAction is what an XDP program returns: enum xdp_action.
type XDPAction uint32

const (
	XDPAborted  XDPAction = 0 // XDP_ABORTED
	XDPDrop     XDPAction = 1 // XDP_DROP
	XDPPass     XDPAction = 2 // XDP_PASS
	XDPTX       XDPAction = 3 // XDP_TX
	XDPRedirect XDPAction = 4 // XDP_REDIRECT
)

// TCXAction is what a tcx or netkit program returns: enum tcx_action_base.
type TCXAction int32

const (
	TCXNext     TCXAction = -1 // TCX_NEXT
	TCXPass     TCXAction = 0  // TCX_PASS
	TCXDrop     TCXAction = 2  // TCX_DROP
	TCXRedirect TCXAction = 7  // TCX_REDIRECT
)

// SKAction is what programs of sockmaps and SK_LOOKUP programs return: enum sk_action.
type SKAction uint32

const (
	SKDrop SKAction = 0 // SK_DROP
	SKPass SKAction = 1 // SK_PASS
)

// ReturnCode is what programs of lightweight tunnels and flow dissectors return: enum
// bpf_ret_code.
type ReturnCode uint32

const (
	ReturnOK       ReturnCode = 0   // BPF_OK
	ReturnDrop     ReturnCode = 2   // BPF_DROP
	ReturnRedirect ReturnCode = 7   // BPF_REDIRECT
	ReturnReroute  ReturnCode = 128 // BPF_LWT_REROUTE
	ReturnContinue ReturnCode = 129 // BPF_FLOW_DISSECTOR_CONTINUE
)

// Access that programs for devices of a cgroup decide about: the upper 16 bits of
// access_type of struct bpf_cgroup_dev_ctx.
const (
	DevCGAccMknod = 1 // BPF_DEVCG_ACC_MKNOD
	DevCGAccRead  = 2 // BPF_DEVCG_ACC_READ
	DevCGAccWrite = 4 // BPF_DEVCG_ACC_WRITE
)

// Kinds of devices: its lower 16 bits.
const (
	DevCGDevBlock = 1 // BPF_DEVCG_DEV_BLOCK
	DevCGDevChar  = 2 // BPF_DEVCG_DEV_CHAR
)
