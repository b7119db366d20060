package rtnl

import "syscall"

// Parents of classic TC filters.
const (
	TCIngress = 0xfffffff2 // TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
	TCEgress  = 0xfffffff3 // TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)
	tcClsact  = 0xfffffff1 // TC_H_CLSACT

	// TCMajor is the handle that clsact and its predecessor ingress have, and with it the parents
	// of their filters.
	TCMajor = 0xffff0000
)

const (
	rtmNewQdisc   = 36
	rtmDelQdisc   = 37
	rtmGetQdisc   = 38
	rtmNewTFilter = 44
	rtmDelTFilter = 45
	rtmGetTFilter = 46

	tcaKind     = 1
	tcaOptions  = 2
	tcaBPFFD    = 6
	tcaBPFName  = 7
	tcaBPFFlags = 8
	tcaBPFID    = 11

	tcaBPFDirect = 1 // TCA_BPF_FLAG_ACT_DIRECT

	ethPAll   = 0x0003
	tcmsgSize = 20
)

// tcmsg is struct tcmsg: interface, handle, parent and, for filters, priority<<16 | protocol in
// network order.
func tcmsg(ifindex int, handle, parent, info uint32) []byte {
	b := make([]byte, tcmsgSize)
	host.PutUint32(b[4:], uint32(ifindex))
	host.PutUint32(b[8:], handle)
	host.PutUint32(b[12:], parent)
	host.PutUint32(b[16:], info)
	return b
}

// TCClsactAdd gives an interface the clsact queueing discipline, which holds the filters of both
// directions (libbpf bpf_tc_hook_create; 4.5). EEXIST if it has one. Needs CAP_NET_ADMIN, as
// everything in this file.
func TCClsactAdd(ifindex int) error {
	return TCQdiscAdd(ifindex, "clsact", tcClsact, tcClsact&0xffff0000)
}

// TCClsactDel removes clsact with all filters, whoever made them (libbpf bpf_tc_hook_destroy).
// EINVAL if there is none.
func TCClsactDel(ifindex int) error {
	return TCQdiscDel(ifindex, "clsact", tcClsact, tcClsact&0xffff0000)
}

// TCQdiscAdd gives an interface a queueing discipline of any kind (libbpf bpf_tc_hook_create with
// BPF_TC_QDISC).
func TCQdiscAdd(ifindex int, kind string, parent, handle uint32) error {
	return qdisc(rtmNewQdisc, nlmCreate|nlmExcl, ifindex, kind, parent, handle)
}

// TCQdiscDel removes a queueing discipline.
func TCQdiscDel(ifindex int, kind string, parent, handle uint32) error {
	return qdisc(rtmDelQdisc, 0, ifindex, kind, parent, handle)
}

// TCQdisc is a queueing discipline of an interface.
type TCQdisc struct {
	Kind   string
	Handle uint32
}

// TCQdiscAt finds the queueing discipline under parent or, if parent is 0, the one with that
// handle: the one that the kernel takes for filters whose parent has the same major number. ENOENT
// if there is none. No privileges.
func TCQdiscAt(ifindex int, parent, handle uint32) (*TCQdisc, error) {
	var found *TCQdisc
	r := newRequest(rtmGetQdisc, nlmEcho, tcmsg(ifindex, handle, parent, 0))
	err := r.do(familyRoute, func(typ uint16, payload []byte) error {
		if typ != rtmNewQdisc || len(payload) < tcmsgSize {
			return nil
		}
		q := &TCQdisc{Handle: host.Uint32(payload[8:])}
		found = q
		return attributes(payload[tcmsgSize:], func(typ uint16, v []byte) error {
			if typ == tcaKind {
				q.Kind = text(v)
			}
			return nil
		})
	})
	if err == nil && found == nil {
		err = syscall.ENOENT
	}
	return found, err
}

func qdisc(typ, flags uint16, ifindex int, kind string, parent, handle uint32) error {
	r := newRequest(typ, flags, tcmsg(ifindex, handle, parent, 0))
	r.attrString(tcaKind, kind)
	return r.do(familyRoute, nil)
}

// TCFilter is a BPF filter of classic TC: a program that decides on packets itself (direct-action).
type TCFilter struct {
	IfIndex  int
	Parent   uint32     // TCIngress, TCEgress, or another class
	Handle   uint32     // 0: the kernel chooses
	Priority uint16     // 0: the kernel chooses
	ProgFD   int        // to attach
	Name     string     // as tc(8) shows it
	ProgID   uint32     // out
	Actions  []TCAction // out, of TCFilters: BPF actions; a filter with direct-action has none
}

func (f *TCFilter) request(typ, flags uint16) *nlRequest {
	protocol := uint32(host.Uint16([]byte{ethPAll >> 8, ethPAll}))
	r := newRequest(typ, flags,
		tcmsg(f.IfIndex, f.Handle, f.Parent, uint32(f.Priority)<<16|protocol))
	r.attrString(tcaKind, "bpf")
	return r
}

// read takes handle, priority and program from the kernel's description of a filter.
func (f *TCFilter) read(found *bool) func(typ uint16, payload []byte) error {
	return func(typ uint16, payload []byte) error {
		got, ok, err := readFilter(typ, payload)
		if ok {
			f.Handle, f.Priority, f.ProgID, f.Name = got.Handle, got.Priority, got.ProgID, got.Name
			*found = true
		}
		return err
	}
}

// readFilter reads the kernel's description of a filter; ok is false if it is none of BPF.
func readFilter(typ uint16, payload []byte) (f TCFilter, ok bool, err error) {
	if typ != rtmNewTFilter || len(payload) < tcmsgSize {
		return f, false, nil
	}
	f.IfIndex = int(int32(host.Uint32(payload[4:])))
	f.Handle = host.Uint32(payload[8:])
	f.Parent = host.Uint32(payload[12:])
	f.Priority = uint16(host.Uint32(payload[16:]) >> 16)
	bpf := false
	err = attributes(payload[tcmsgSize:], func(typ uint16, v []byte) error {
		if typ == tcaKind {
			bpf = text(v) == "bpf"
		}
		if typ != tcaOptions || !bpf { // the kernel puts the kind first; another kind's options mean something else
			return nil
		}
		return attributes(v, func(typ uint16, v []byte) error {
			switch {
			case typ == tcaBPFActions:
				f.Actions, err = readActions(v)
				return err
			case typ == tcaBPFName:
				f.Name = text(v)
			case typ == tcaBPFID && len(v) >= 4:
				f.ProgID = host.Uint32(v)
				ok = true
			}
			return nil
		})
	})
	return f, ok, err
}

// TCFilters lists the BPF filters of one direction or class of an interface, in the order in which
// they run. None if the interface has no queueing discipline there.
func TCFilters(ifindex int, parent uint32) ([]TCFilter, error) {
	var all []TCFilter
	r := newRequest(rtmGetTFilter, nlmDump, tcmsg(ifindex, 0, parent, 0))
	err := r.do(familyRoute, func(typ uint16, payload []byte) error {
		f, ok, err := readFilter(typ, payload)
		if ok {
			all = append(all, f)
		}
		return err
	})
	return all, err
}

// TCFilterKinds lists the kinds of all filters of one direction or class, not only BPF's.
func TCFilterKinds(ifindex int, parent uint32) (kinds []string, err error) {
	r := newRequest(rtmGetTFilter, nlmDump, tcmsg(ifindex, 0, parent, 0))
	err = r.do(familyRoute, func(typ uint16, payload []byte) error {
		if typ != rtmNewTFilter || len(payload) < tcmsgSize {
			return nil
		}
		return attributes(payload[tcmsgSize:], func(typ uint16, v []byte) error {
			if typ == tcaKind {
				kinds = append(kinds, text(v))
			}
			return nil
		})
	})
	return kinds, err
}

// TCAttach attaches f.ProgFD and fills in Handle, Priority and ProgID (libbpf bpf_tc_attach).
// replace allows to replace the filter with that handle and priority; otherwise EEXIST if there is
// one. The filter stays after the process ends. ENOENT if the kernel didn't say what it made;
// EINVAL if the interface has no clsact.
func TCAttach(f *TCFilter, replace bool) error {
	flags := uint16(nlmCreate | nlmEcho)
	if replace {
		flags |= nlmReplace
	} else {
		flags |= nlmExcl
	}
	r := f.request(rtmNewTFilter, flags)
	r.nest(tcaOptions, func() {
		r.attr32(tcaBPFFD, uint32(f.ProgFD))
		r.attrString(tcaBPFName, f.Name)
		r.attr32(tcaBPFFlags, tcaBPFDirect)
	})
	return f.ask(r)
}

// TCQuery fills in ProgID of the filter with that handle and priority (libbpf bpf_tc_query). ENOENT
// if there is none.
func TCQuery(f *TCFilter) error { return f.ask(f.request(rtmGetTFilter, 0)) }

// ask sends a request whose answer describes the filter.
func (f *TCFilter) ask(r *nlRequest) error {
	found := false
	if err := r.do(familyRoute, f.read(&found)); err != nil {
		return err
	}
	if !found {
		return syscall.ENOENT
	}
	return nil
}

// TCDetach removes the filter with that handle and priority (libbpf bpf_tc_detach). ENOENT if there
// is none.
func TCDetach(f *TCFilter) error { return f.request(rtmDelTFilter, 0).do(familyRoute, nil) }

// TCFlush removes all filters of one direction, whoever made them (libbpf bpf_tc_hook_destroy with
// one direction).
func TCFlush(ifindex int, parent uint32) error {
	return newRequest(rtmDelTFilter, 0, tcmsg(ifindex, 0, parent, 0)).do(familyRoute, nil)
}
