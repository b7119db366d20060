package inspect

import (
	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/rtnl"
)

// XDPStatus reports the XDP programs attached to an interface.
type XDPStatus struct {
	Mode      bpf.XDPMode // bpf.XDPAny if nothing is attached, or several programs are
	ProgramID uint32      // 0 if nothing is attached, or several programs are
	Native    uint32      // program id of each mode, 0 for none
	Generic   uint32
	Offload   uint32
	// Features are what the driver can do: bits of enum netdev_xdp_act, 1 for XDP itself, 2 for
	// redirects, 4 to be redirected to. FrameSegments is into how many buffers a frame of AF_XDP
	// may be split without copying. Both are 0 if the kernel doesn't report them (before 6.3) or
	// refuses generic netlink to this process.
	Features      uint64
	FrameSegments uint32
}

// XDP returns the XDP programs attached to an interface (libbpf bpf_xdp_query; 4.8). No privileges.
func XDP(iface string) (XDPStatus, error) {
	index, err := rtnl.Interface(iface)
	if err != nil {
		return XDPStatus{}, failed("query XDP of", iface, err)
	}
	state, err := rtnl.XDPQuery(index)
	if err != nil {
		return XDPStatus{}, failed("query XDP of", iface, err)
	}
	features, segments, err := rtnl.XDPFeatures(index)
	if err != nil {
		return XDPStatus{}, failed("query XDP of", iface, err)
	}
	s := XDPStatus{
		Features: features, FrameSegments: segments,
		ProgramID: state.ProgID,
		Native:    state.DrvProgID,
		Generic:   state.SKBProgID,
		Offload:   state.HWProgID,
	}
	switch state.Attached {
	case rtnl.XDPAttachedDrv:
		s.Mode = bpf.XDPNative
	case rtnl.XDPAttachedSKB:
		s.Mode = bpf.XDPGeneric
	case rtnl.XDPAttachedHW:
		s.Mode = bpf.XDPOffload
	}
	return s, nil
}
