package sys

import "net/netip"

const (
	rtmNewRoute = 24
	rtmDelRoute = 25

	rtaDst       = 1
	rtaOIF       = 4
	rtaGateway   = 5
	rtaPriority  = 6
	rtaEncapType = 21
	rtaEncap     = 22

	encapBPF = 6 // LWTUNNEL_ENCAP_BPF

	lwtIn       = 1 // LWT_BPF_IN
	lwtOut      = 2
	lwtXmit     = 3
	lwtHeadroom = 4
	lwtProgFD   = 1 // LWT_BPF_PROG_FD
	lwtProgName = 2

	tableMain     = 254 // RT_TABLE_MAIN
	protoStatic   = 4   // RTPROT_STATIC
	scopeUniverse = 0
	scopeLink     = 253
	scopeNowhere  = 255
	routeUnicast  = 1 // RTN_UNICAST

	familyIPv4 = 2  // AF_INET
	familyIPv6 = 10 // AF_INET6
)

// LWTRoute is a route whose packets go through programs (a lightweight tunnel of kind BPF), in the main table.
type LWTRoute struct {
	Destination netip.Prefix
	Gateway     netip.Addr // zero: destinations are reached directly
	IfIndex     int
	Metric      uint32
	In          LWTProgram
	Out         LWTProgram
	Xmit        LWTProgram
	Headroom    uint32 // bytes that Xmit may put before a packet, at most 256
}

// LWTProgram is one of the programs; FD 0 means none.
type LWTProgram struct {
	FD   int
	Name string // as ip(8) shows it
}

func (r *LWTRoute) request(typ, flags uint16, scope byte) *nlRequest {
	address := r.Destination.Masked().Addr()
	family := byte(familyIPv4)
	if address.Is6() {
		family = familyIPv6
	}
	head := []byte{family, byte(r.Destination.Bits()), 0, 0, tableMain, protoStatic, scope, routeUnicast, 0, 0, 0, 0} // struct rtmsg
	q := newRequest(typ, flags, head)
	q.attr(rtaDst, address.AsSlice())
	q.attr32(rtaOIF, uint32(r.IfIndex))
	if r.Gateway.IsValid() {
		q.attr(rtaGateway, r.Gateway.AsSlice())
	}
	if r.Metric != 0 {
		q.attr32(rtaPriority, r.Metric)
	}
	return q
}

// LWTAdd adds the route (4.10). EEXIST if there is one to that destination with that metric; EOPNOTSUPP without CONFIG_LWTUNNEL_BPF.
// It stays when the process ends. Needs CAP_NET_ADMIN.
func LWTAdd(r *LWTRoute) error {
	scope := byte(scopeLink)
	if r.Gateway.IsValid() || r.Destination.Addr().Is6() {
		scope = scopeUniverse
	}
	q := r.request(rtmNewRoute, nlmCreate|nlmExcl, scope)
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
	return q.do(NetlinkRoute, nil)
}

// LWTDel removes the route of that destination, interface, gateway and metric, whatever programs it has. ESRCH if there is none.
func LWTDel(r *LWTRoute) error { return r.request(rtmDelRoute, 0, scopeNowhere).do(NetlinkRoute, nil) }
