package rtnl

import (
	"bytes"
	"fmt"
	"syscall"
)

const (
	rtmNewRoute = 24
	rtmDelRoute = 25
	rtmGetRoute = 26

	rtaDst       = 1
	rtaOIF       = 4
	rtaGateway   = 5
	rtaPriority  = 6
	rtaEncapType = 21
	rtaEncap     = 22

	encapBPF       = 6 // LWTUNNEL_ENCAP_BPF
	encapSeg6Local = 7 // LWTUNNEL_ENCAP_SEG6_LOCAL

	lwtIn       = 1 // LWT_BPF_IN
	lwtOut      = 2
	lwtXmit     = 3
	lwtHeadroom = 4
	lwtProgFD   = 1 // LWT_BPF_PROG_FD
	lwtProgName = 2

	seg6Action   = 1 // SEG6_LOCAL_ACTION
	seg6BPF      = 8 // SEG6_LOCAL_BPF
	seg6ProgFD   = 1 // SEG6_LOCAL_BPF_PROG: a descriptor to the kernel, an id from it
	seg6ProgName = 2
	seg6EndBPF   = 15 // SEG6_LOCAL_ACTION_END_BPF

	tableMain     = 254 // RT_TABLE_MAIN
	protoStatic   = 4   // RTPROT_STATIC
	scopeUniverse = 0
	scopeLink     = 253
	routeUnicast  = 1    // RTN_UNICAST
	metricIPv6    = 1024 // IP6_RT_PRIO_USER

	familyIPv4 = 2  // AF_INET
	familyIPv6 = 10 // AF_INET6
)

// LWTRoute is a route whose packets go through programs, in the main table: a lightweight tunnel of
// kind BPF, or with Seg6Local the end of a segment of IPv6 segment routing (End.BPF).
//
// Addresses have 4 or 16 bytes. They are not of package netip, whose initialisation every program
// that loads objects would pay for.
type LWTRoute struct {
	Destination []byte // zero after its first Bits bits
	Bits        int
	Gateway     []byte // nil: destinations are reached directly
	IfIndex     int
	Metric      uint32 // 0: the kernel's default, 1024 for IPv6
	In          LWTProgram
	Out         LWTProgram
	Xmit        LWTProgram
	Headroom    uint32 // bytes that Xmit may put before a packet, at most 256
	Seg6Local   LWTProgram
}

// LWTProgram is one of the programs; FD 0 means none. The kernel reports only its name.
type LWTProgram struct {
	FD   int
	Name string // as ip(8) shows it
}

// LWTNames are the names of a route's programs, "" for none.
type LWTNames struct{ In, Out, Xmit, Seg6Local string }

func (r *LWTRoute) request(typ, flags uint16, scope byte) *nlRequest {
	head := []byte{r.family(), byte(r.Bits), 0, 0, tableMain, protoStatic, scope, routeUnicast, 0, 0, 0, 0} // struct rtmsg
	q := newRequest(typ, flags, head)
	q.attr(rtaDst, r.Destination)
	q.attr32(rtaOIF, uint32(r.IfIndex))
	if r.Gateway != nil {
		q.attr(rtaGateway, r.Gateway)
	}
	if metric := r.metric(); metric != 0 {
		q.attr32(rtaPriority, metric)
	}
	return q
}

func (r *LWTRoute) isIPv6() bool { return len(r.Destination) == 16 }

func (r *LWTRoute) family() byte {
	if r.isIPv6() {
		return familyIPv6
	}
	return familyIPv4
}

func (r *LWTRoute) metric() uint32 {
	if r.Metric == 0 && r.isIPv6() {
		return metricIPv6
	}
	return r.Metric
}

// scope is what a route of the kind gets from ip(8).
func (r *LWTRoute) scope() byte {
	if r.Gateway != nil || r.isIPv6() {
		return scopeUniverse
	}
	return scopeLink
}

// LWTAdd adds the route (4.10; Seg6Local 4.18). EEXIST if there is one to that destination with
// that metric; EOPNOTSUPP without CONFIG_LWTUNNEL_BPF, or CONFIG_IPV6_SEG6_LWTUNNEL and
// CONFIG_IPV6_SEG6_BPF. It stays when the process ends. Needs CAP_NET_ADMIN.
func LWTAdd(r *LWTRoute) error {
	q := r.request(rtmNewRoute, nlmCreate|nlmExcl, r.scope())
	if r.Seg6Local.FD != 0 {
		q.attr(rtaEncapType, host.AppendUint16(nil, encapSeg6Local))
		q.nest(rtaEncap, func() {
			q.attr32(seg6Action, seg6EndBPF)
			q.nest(seg6BPF, func() {
				q.attr32(seg6ProgFD, uint32(r.Seg6Local.FD))
				q.attrString(seg6ProgName, r.Seg6Local.Name)
			})
		})
		return q.do(familyRoute, nil)
	}
	q.attr(rtaEncapType, host.AppendUint16(nil, encapBPF))
	q.nest(rtaEncap, func() {
		for typ, p := range [...]LWTProgram{lwtIn: r.In, lwtOut: r.Out, lwtXmit: r.Xmit} {
			if p.FD == 0 {
				continue
			}
			q.nest(uint16(typ), func() {
				q.attr32(lwtProgFD, uint32(p.FD))
				q.attrString(lwtProgName, p.Name)
			})
		}
		if r.Headroom != 0 {
			q.attr32(lwtHeadroom, r.Headroom)
		}
	})
	return q.do(familyRoute, nil)
}

// LWTQuery finds the route of that destination, interface, gateway and metric, and returns the
// names of its programs; none for a route without programs. ESRCH if there is no such route. No
// privileges.
func LWTQuery(r *LWTRoute) (LWTNames, error) {
	var found *LWTNames
	q := newRequest(rtmGetRoute, nlmDump, []byte{r.family(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	err := q.do(familyRoute, func(typ uint16, payload []byte) error {
		if typ != rtmNewRoute || found != nil {
			return nil
		}
		programs, ok, err := r.read(payload)
		if ok {
			found = &programs
		}
		return err
	})
	if err == nil && found == nil {
		err = syscall.ESRCH
	}
	if err != nil {
		return LWTNames{}, err
	}
	return *found, nil
}

// read takes the programs from the kernel's description of a route; ok is false if it is another
// one.
func (r *LWTRoute) read(payload []byte) (programs LWTNames, ok bool, err error) {
	if len(payload) < 12 {
		return programs, false, fmt.Errorf("%w: a route of %d bytes", errNetlinkFormat,
			len(payload))
	}
	if int(payload[1]) != r.Bits || payload[4] != tableMain {
		return programs, false, nil
	}
	destination := make([]byte, len(r.Destination)) // the default route has none
	var gateway []byte
	var index, metric uint32
	var encap []byte
	kind := uint16(0)
	err = attributes(payload[12:], func(typ uint16, v []byte) error {
		switch {
		case typ == rtaDst:
			destination = v
		case typ == rtaGateway:
			gateway = v
		case typ == rtaOIF && len(v) >= 4:
			index = host.Uint32(v)
		case typ == rtaPriority && len(v) >= 4:
			metric = host.Uint32(v)
		case typ == rtaEncapType && len(v) >= 2:
			kind = host.Uint16(v)
		case typ == rtaEncap:
			encap = v
		}
		return nil
	})
	if err != nil || !bytes.Equal(destination, r.Destination) ||
		!bytes.Equal(gateway, r.Gateway) || int(index) != r.IfIndex || metric != r.metric() {
		return programs, false, err
	}
	var names map[uint16]*string
	nameAttr := uint16(lwtProgName)
	switch kind {
	case encapBPF:
		names = map[uint16]*string{lwtIn: &programs.In, lwtOut: &programs.Out,
			lwtXmit: &programs.Xmit}
	case encapSeg6Local:
		names, nameAttr = map[uint16]*string{seg6BPF: &programs.Seg6Local}, seg6ProgName
	}
	err = attributes(encap, func(typ uint16, v []byte) error {
		if names[typ] == nil {
			return nil
		}
		return attributes(v, func(inner uint16, v []byte) error {
			if inner == nameAttr {
				*names[typ] = text(v)
			}
			return nil
		})
	})
	return programs, true, err
}

// LWTDel removes the route of that destination, interface, gateway and metric, whatever programs it
// has. ESRCH if there is none.
func LWTDel(r *LWTRoute) error { return r.request(rtmDelRoute, 0, r.scope()).do(familyRoute, nil) }
