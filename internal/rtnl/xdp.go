package rtnl

// Flags of netlink XDP (XDP_FLAGS_*): how a program is attached to an interface.
const (
	XDPUpdateIfNoExist = 1 << 0 // refuse if a program is there
	XDPSKBMode         = 1 << 1 // generic
	XDPDrvMode         = 1 << 2 // native
	XDPHWMode          = 1 << 3 // offloaded
	XDPReplace         = 1 << 4 // only if the expected program is there; set by XDPSet
	xdpModes           = XDPSKBMode | XDPDrvMode | XDPHWMode
)

// Attached modes as the kernel reports them (XDP_ATTACHED_*).
const (
	XDPAttachedNone  = 0
	XDPAttachedDrv   = 1
	XDPAttachedSKB   = 2
	XDPAttachedHW    = 3
	XDPAttachedMulti = 4
)

const (
	rtmNewLink = 16
	rtmGetLink = 18
	rtmSetLink = 19

	iflaXDP            = 43
	iflaXDPFD          = 1
	iflaXDPAttached    = 2
	iflaXDPFlags       = 3
	iflaXDPProgID      = 4
	iflaXDPDrvProgID   = 5
	iflaXDPSKBProgID   = 6
	iflaXDPHWProgID    = 7
	iflaXDPExpectedFD  = 8
	ifinfomsgSize      = 16
	ifinfomsgIndexOffs = 4
)

// XDPSet attaches program prog to an interface, or detaches with prog -1, without a link (libbpf
// bpf_xdp_attach, bpf_xdp_detach). expected, if not 0, is a descriptor of the program that must be
// there now (-1: none; 5.7); EEXIST if it isn't. The program stays after the process ends. Needs
// CAP_NET_ADMIN. Refusals are *Error with the kernel's own words.
func XDPSet(ifindex, prog int, flags uint32, expected int) error {
	if expected != 0 {
		flags |= XDPReplace
	} else if flags&XDPReplace != 0 {
		expected = -1
	}
	r := newRequest(rtmSetLink, 0, ifinfomsg(ifindex))
	r.nest(iflaXDP, func() {
		r.attr32(iflaXDPFD, uint32(int32(prog)))
		if flags != 0 {
			r.attr32(iflaXDPFlags, flags)
		}
		if flags&XDPReplace != 0 {
			r.attr32(iflaXDPExpectedFD, uint32(int32(expected)))
		}
	})
	return r.do(familyRoute, nil)
}

// XDPState is what netlink says of XDP on an interface. All zero: no program.
type XDPState struct {
	Attached  uint8  // XDPAttached*
	ProgID    uint32 // the only program, 0 if several
	DrvProgID uint32
	SKBProgID uint32
	HWProgID  uint32
}

// ID returns the program of the given mode (one XDP*Mode flag, or 0 for the only program), 0 if
// there is none (libbpf bpf_xdp_query_id).
func (s *XDPState) ID(mode uint32) uint32 {
	switch {
	case s.Attached != XDPAttachedMulti && mode&xdpModes == 0:
		return s.ProgID
	case mode&XDPDrvMode != 0:
		return s.DrvProgID
	case mode&XDPHWMode != 0:
		return s.HWProgID
	case mode&XDPSKBMode != 0:
		return s.SKBProgID
	}
	return 0
}

// XDPQuery returns the programs that are attached to an interface (libbpf bpf_xdp_query without
// features). ENODEV if there is no such interface. No privileges.
func XDPQuery(ifindex int) (*XDPState, error) {
	r := newRequest(rtmGetLink, 0, ifinfomsg(ifindex))
	var s XDPState
	err := r.do(familyRoute, s.message(ifindex))
	if err != nil {
		return nil, err
	}
	return &s, nil
}

// message takes what a RTM_NEWLINK message says about the interface.
func (s *XDPState) message(ifindex int) func(typ uint16, payload []byte) error {
	return func(typ uint16, payload []byte) error {
		if typ != rtmNewLink || len(payload) < ifinfomsgSize ||
			int(int32(host.Uint32(payload[ifinfomsgIndexOffs:]))) != ifindex {
			return nil
		}
		return attributes(payload[ifinfomsgSize:], func(typ uint16, v []byte) error {
			if typ != iflaXDP {
				return nil
			}
			return attributes(v, s.attribute)
		})
	}
}

func (s *XDPState) attribute(typ uint16, v []byte) error {
	if typ == iflaXDPAttached && len(v) >= 1 {
		s.Attached = v[0]
	}
	if len(v) < 4 {
		return nil
	}
	id := host.Uint32(v)
	switch typ {
	case iflaXDPProgID:
		s.ProgID = id
	case iflaXDPDrvProgID:
		s.DrvProgID = id
	case iflaXDPSKBProgID:
		s.SKBProgID = id
	case iflaXDPHWProgID:
		s.HWProgID = id
	}
	return nil
}

func ifinfomsg(ifindex int) []byte {
	b := make([]byte, ifinfomsgSize)
	host.PutUint32(b[ifinfomsgIndexOffs:], uint32(ifindex))
	return b
}
