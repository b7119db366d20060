package bpf

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// LWTRoute is a route whose packets go through programs: SEC("lwt_in"), SEC("lwt_out") and SEC("lwt_xmit") (a lightweight tunnel, as
// ip route add … encap bpf makes it), or SEC("lwt_seg6local") (encap seg6local action End.BPF). libbpf has no call for them. It is a
// description and holds nothing open.
type LWTRoute struct {
	Destination netip.Prefix
	Interface   string     // its name or an alternative one, or its index as a number
	Gateway     netip.Addr // the zero Addr: destinations are reached directly
	Metric      uint32     // 0: the kernel's default
	In          *Program   // sees packets that came in by this route, nil for none
	Out         *Program   // sees packets that go out
	Xmit        *Program   // sees packets that go out last, and may change them
	Headroom    uint32     // bytes that Xmit may put before a packet, at most 256
	// Seg6Local sees packets of IPv6 segment routing that came in with the destination as their segment, after the next segment became
	// their address. It goes without the others.
	Seg6Local *Program

	added *rtnl.LWTNames // what Add put there
	index int            // of the interface that Add put it on, which may have another name since
}

// String names destination and interface.
func (r *LWTRoute) String() string {
	return fmt.Sprintf("%v dev %s", r.Destination, printable.Text(r.Interface))
}

// Add makes the route in the main table of the calling thread's network namespace (4.10; Seg6Local 4.18). The kernel keeps the programs
// with it, and it stays when the process ends, until Delete. The kernel tells of such programs by name only, so each is there as
// "name:[id]". ErrExist if there is a route to that destination with that metric; ErrNotSupported without CONFIG_LWTUNNEL_BPF, or for
// Seg6Local without CONFIG_IPV6_SEG6_LWTUNNEL and CONFIG_IPV6_SEG6_BPF. Needs CAP_NET_ADMIN.
func (r *LWTRoute) Add() error {
	q, err := r.resolve(0)
	if err == nil {
		defer r.hold()()
		err = r.programs(&q)
	}
	if err == nil {
		err = rtnl.LWTAdd(&q)
	}
	if err == nil {
		r.added, r.index = namesOf(&q), q.IfIndex
	}
	return r.wrap("add route", err)
}

// Delete removes the route of that destination, interface, gateway and metric, if its programs are those of Add or, of a route that
// another process added, r's: a route with others, or with none, stays, and that is ErrNotExist, as is a route that is gone. The kernel
// has no call for IPv6 that compares and removes at one stroke, so a replacement within that moment would go. Needs CAP_NET_ADMIN.
func (r *LWTRoute) Delete() error {
	q, err := r.resolve(r.index)
	want := r.added
	if err == nil && want == nil {
		defer r.hold()()
		if err = r.programs(&q); err == nil {
			want = namesOf(&q)
		}
	}
	if err != nil {
		return r.wrap("delete route", err)
	}
	switch there, err := rtnl.LWTQuery(&q); {
	case err == syscall.ESRCH:
		return r.wrap("delete route", fmt.Errorf("there is no such route: %w", ErrNotExist))
	case err != nil:
		return r.wrap("delete route", err)
	case there != *want:
		return r.wrap("delete route", fmt.Errorf("it has %s, not %s: %w", programNames(there), programNames(*want), ErrNotExist))
	}
	if err = rtnl.LWTDel(&q); err == nil {
		r.added, r.index = nil, 0
	}
	return r.wrap("delete route", err)
}

func namesOf(q *rtnl.LWTRoute) *rtnl.LWTNames {
	return &rtnl.LWTNames{In: q.In.Name, Out: q.Out.Name, Xmit: q.Xmit.Name, Seg6Local: q.Seg6Local.Name}
}

// programNames says "the programs in count:[7], xmit trace:[9]".
func programNames(n rtnl.LWTNames) string {
	var list []string
	for _, p := range []struct{ where, name string }{{"in", n.In}, {"out", n.Out}, {"xmit", n.Xmit}, {"seg6local", n.Seg6Local}} {
		if p.name != "" {
			list = append(list, p.where+" "+p.name)
		}
	}
	if len(list) == 0 {
		return "no programs"
	}
	return "the programs " + strings.Join(list, ", ")
}

// hold keeps the route's programs open until release is called.
func (r *LWTRoute) hold() (release func()) {
	var releases []func()
	for _, p := range []*Program{r.In, r.Out, r.Xmit, r.Seg6Local} {
		releases = append(releases, held(p.descriptor()))
	}
	return func() {
		for _, release := range releases {
			release()
		}
	}
}

// programs checks the programs and puts them into q.
func (r *LWTRoute) programs(q *rtnl.LWTRoute) error {
	for _, slot := range []struct {
		p    *Program
		want uapi.ProgType
		to   *rtnl.LWTProgram
	}{{r.In, uapi.ProgLWTIn, &q.In}, {r.Out, uapi.ProgLWTOut, &q.Out}, {r.Xmit, uapi.ProgLWTXmit, &q.Xmit}, {r.Seg6Local, uapi.ProgLWTSeg6Local, &q.Seg6Local}} {
		if slot.p == nil {
			continue
		}
		if err := slot.p.absence(); err != nil {
			return slot.p.fail("attach program", err)
		}
		if slot.p.typ != slot.want {
			return fmt.Errorf("%s is a program of type %v; what fits there is %v: %w", slot.p.name, slot.p.typ, slot.want, syscall.EINVAL)
		}
		info, err := sys.ProgInfoByFD(slot.p.fd.Int())
		if err != nil {
			return err
		}
		*slot.to = rtnl.LWTProgram{FD: slot.p.fd.Int(), Name: fmt.Sprintf("%s:[%d]", info.Name, info.ID)}
	}
	switch {
	case r.Seg6Local == nil:
		return nil
	case r.In != nil || r.Out != nil || r.Xmit != nil || r.Headroom != 0:
		return fmt.Errorf("a program for segments goes without others and without headroom: %w", syscall.EINVAL)
	case r.Destination.Addr().Is4():
		return fmt.Errorf("segments are of IPv6, not %v: %w", r.Destination, syscall.EINVAL)
	}
	return nil
}

// resolve looks the interface up unless its index is known.
func (r *LWTRoute) resolve(index int) (rtnl.LWTRoute, error) {
	q := rtnl.LWTRoute{Destination: r.Destination, Gateway: r.Gateway, Metric: r.Metric, Headroom: r.Headroom}
	if !r.Destination.IsValid() || r.Gateway.IsValid() && r.Gateway.Is4() != r.Destination.Addr().Is4() {
		return q, fmt.Errorf("destination %v, gateway %v: %w", r.Destination, r.Gateway, syscall.EINVAL)
	}
	if index > 0 {
		q.IfIndex = index
		return q, nil
	}
	var err error
	q.IfIndex, err = rtnl.Interface(r.Interface)
	return q, err
}

func (r *LWTRoute) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return (&attempt{op: opNetlink}).fail(op, about{"", r.String()}, err)
}
