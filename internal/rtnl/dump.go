package rtnl

const (
	rtmNewTClass = 40
	rtmGetTClass = 42

	// TCRoot is the parent of filters that are attached to an interface itself.
	TCRoot = 0xffffffff // TC_H_ROOT

	tcaBPFActions  = 1 // TCA_BPF_ACT
	tcaActKind     = 1
	tcaActOptions  = 2
	tcaActBPFName  = 6
	tcaActBPFID    = 10
	clsactKindName = "clsact"
)

// Link is a network interface with its XDP programs.
type Link struct {
	Index int
	Name  string
	XDP   XDPState
}

// Links lists the interfaces of the calling thread's network namespace. No privileges.
func Links() ([]Link, error) {
	var list []Link
	r := newRequest(rtmGetLink, nlmDump, ifinfomsg(0))
	r.attr32(iflaExtMask, extSkipStats)
	err := r.do(familyRoute, func(typ uint16, payload []byte) error {
		if typ != rtmNewLink || len(payload) < ifinfomsgSize {
			return nil
		}
		l := Link{Index: int(int32(host.Uint32(payload[ifinfomsgIndexOffs:])))}
		err := attributes(payload[ifinfomsgSize:], func(typ uint16, v []byte) error {
			switch typ {
			case iflaIfName:
				l.Name = text(v)
			case iflaXDP:
				return attributes(v, l.XDP.attribute)
			}
			return nil
		})
		list = append(list, l)
		return err
	})
	return list, err
}

// TCClass is a class or a queueing discipline of an interface, below which filters may be.
type TCClass struct {
	IfIndex int
	Handle  uint32
	Kind    string // of the queueing discipline
}

// TCClasses lists the classes of an interface. None if it has no queueing discipline with classes.
func TCClasses(ifindex int) ([]TCClass, error) {
	return tcClasses(rtmGetTClass, rtmNewTClass, ifindex)
}

// TCQdiscs lists the queueing disciplines of all interfaces of the network namespace, except clsact
// and those without a handle, below which no class can be named.
func TCQdiscs() ([]TCClass, error) {
	all, err := tcClasses(rtmGetQdisc, rtmNewQdisc, 0)
	var list []TCClass
	for _, q := range all {
		if q.Handle != 0 && q.Kind != clsactKindName {
			list = append(list, q)
		}
	}
	return list, err
}

func tcClasses(get, is uint16, ifindex int) ([]TCClass, error) {
	var list []TCClass
	r := newRequest(get, nlmDump, tcmsg(ifindex, 0, 0, 0))
	err := r.do(familyRoute, func(typ uint16, payload []byte) error {
		if typ != is || len(payload) < tcmsgSize {
			return nil
		}
		c := TCClass{
			IfIndex: int(int32(host.Uint32(payload[4:]))), Handle: host.Uint32(payload[8:]),
		}
		err := attributes(payload[tcmsgSize:], func(typ uint16, v []byte) error {
			if typ == tcaKind {
				c.Kind = text(v)
			}
			return nil
		})
		list = append(list, c)
		return err
	})
	return list, err
}

// TCAction is a BPF action of a filter.
type TCAction struct {
	Name   string
	ProgID uint32
}

// readActions reads the BPF actions among those of a filter.
func readActions(b []byte) ([]TCAction, error) {
	var list []TCAction
	err := attributes(b, func(_ uint16, v []byte) error {
		bpf := false
		return attributes(v, func(typ uint16, v []byte) error {
			if typ == tcaActKind {
				bpf = text(v) == "bpf"
			}
			if typ != tcaActOptions || !bpf {
				return nil
			}
			var a TCAction
			err := attributes(v, func(typ uint16, v []byte) error {
				switch {
				case typ == tcaActBPFName:
					a.Name = text(v)
				case typ == tcaActBPFID && len(v) >= 4:
					a.ProgID = host.Uint32(v)
				}
				return nil
			})
			list = append(list, a)
			return err
		})
	})
	return list, err
}
