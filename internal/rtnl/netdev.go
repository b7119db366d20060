package rtnl

import (
	"errors"
	"syscall"
)

const (
	genlCtrl         = 0x10 // GENL_ID_CTRL
	ctrlGetFamily    = 3    // CTRL_CMD_GETFAMILY
	ctrlFamilyID     = 1    // CTRL_ATTR_FAMILY_ID
	ctrlFamilyName   = 2    // CTRL_ATTR_FAMILY_NAME
	netdevDevGet     = 1    // NETDEV_CMD_DEV_GET
	netdevIfIndex    = 1    // NETDEV_A_DEV_IFINDEX
	netdevFeatures   = 3    // NETDEV_A_DEV_XDP_FEATURES
	netdevZCMaxSegs  = 4    // NETDEV_A_DEV_XDP_ZC_MAX_SEGS
	genlHeaderSize   = 4
	netdevGenlFamily = "netdev"
)

// XDP features of a device (NETDEV_XDP_ACT_*).
const (
	XDPFeatureBasic     = 1 << 0
	XDPFeatureRedirect  = 1 << 1
	XDPFeatureNDOXmit   = 1 << 2
	XDPFeatureZeroCopy  = 1 << 3
	XDPFeatureHWOffload = 1 << 4
	XDPFeatureRXSG      = 1 << 5
	XDPFeatureNDOXmitSG = 1 << 6
)

// XDPFeatures returns what the driver of an interface can do for XDP (XDPFeature* bits), and into
// how many buffers an AF_XDP frame may be split without copying (libbpf bpf_xdp_query
// feature_flags, xdp_zc_max_segs; 6.3). All are 0 on a kernel that does not report them, or denies
// the question.
func XDPFeatures(ifindex int) (features uint64, zcMaxSegs uint32, err error) {
	features, zcMaxSegs, err = netdevXDP(ifindex)
	for _, none := range []syscall.Errno{syscall.ENOENT, syscall.EPERM, syscall.EACCES,
		syscall.EPROTONOSUPPORT, syscall.EOPNOTSUPP} {
		if errors.Is(err, none) {
			return 0, 0, nil
		}
	}
	return features, zcMaxSegs, err
}

// netdevXDP asks the netdev family; ENOENT if the kernel has no such family.
func netdevXDP(ifindex int) (features uint64, zcMaxSegs uint32, err error) {
	family := uint16(0)
	r := newRequest(genlCtrl, 0, []byte{ctrlGetFamily, 1, 0, 0})
	r.attrString(ctrlFamilyName, netdevGenlFamily)
	err = r.do(familyGeneric, genlAttributes(genlCtrl, func(typ uint16, v []byte) error {
		if typ == ctrlFamilyID && len(v) >= 2 {
			family = host.Uint16(v)
		}
		return nil
	}))
	if err != nil {
		return 0, 0, err
	}
	r = newRequest(family, 0, []byte{netdevDevGet, 1, 0, 0})
	r.attr32(netdevIfIndex, uint32(ifindex))
	err = r.do(familyGeneric, genlAttributes(family, func(typ uint16, v []byte) error {
		switch {
		case typ == netdevFeatures && len(v) >= 8:
			features = host.Uint64(v)
		case typ == netdevZCMaxSegs && len(v) >= 4:
			zcMaxSegs = host.Uint32(v)
		}
		return nil
	}))
	return features, zcMaxSegs, err
}

func genlAttributes(family uint16, each func(typ uint16, v []byte) error) func(typ uint16, payload []byte) error {
	return func(typ uint16, payload []byte) error {
		if typ != family || len(payload) < genlHeaderSize {
			return nil
		}
		return attributes(payload[genlHeaderSize:], each)
	}
}
