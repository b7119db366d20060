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
	s := XDPStatus{
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
