package bpf

import (
	"fmt"
	"net/netip"
	"syscall"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// LWTRoute is a route whose packets go through programs: SEC("lwt_in"), SEC("lwt_out") and SEC("lwt_xmit") (a lightweight tunnel, as
// ip route add … encap bpf makes it; libbpf has no call for it). It is a description and holds nothing open.
type LWTRoute struct {
	Destination netip.Prefix
	Interface   string     // name, or index as a number
	Gateway     netip.Addr // the zero Addr: destinations are reached directly
	Metric      uint32     // 0: the kernel's default
	In          *Program   // sees packets that came in by this route, nil for none
	Out         *Program   // sees packets that go out
	Xmit        *Program   // sees packets that go out last, and may change them
	Headroom    uint32     // bytes that Xmit may put before a packet, at most 256
}

// String names destination and interface.
func (r *LWTRoute) String() string { return fmt.Sprintf("%v dev %s", r.Destination, r.Interface) }

// Add makes the route in the main table of the calling thread's network namespace (4.10). The kernel keeps the programs with it, and
// it stays when the process ends, until Delete. ErrExist if there is a route to that destination with that metric. Needs
// CAP_NET_ADMIN.
func (r *LWTRoute) Add() error {
	q, err := r.resolve()
	for _, slot := range []struct {
		p    *Program
		want uapi.ProgType
		to   *sys.LWTProgram
	}{{r.In, uapi.ProgLWTIn, &q.In}, {r.Out, uapi.ProgLWTOut, &q.Out}, {r.Xmit, uapi.ProgLWTXmit, &q.Xmit}} {
		if slot.p == nil || err != nil {
			continue
		}
		if slot.p.fd.Int() < 0 {
			err = slot.p.fail("attach program", ErrClosed)
		} else if slot.p.typ != slot.want {
			err = fmt.Errorf("%s is a program of type %v; what fits there is %v: %w", slot.p.name, slot.p.typ, slot.want, syscall.EINVAL)
		}
		*slot.to = sys.LWTProgram{FD: slot.p.fd.Int(), Name: slot.p.name}
	}
	if err == nil {
		err = sys.LWTAdd(&q)
	}
	return r.wrap("add route", err)
}

// Delete removes the route of that destination, interface, gateway and metric, whatever programs it has. ErrNotExist if there is none.
// Needs CAP_NET_ADMIN.
func (r *LWTRoute) Delete() error {
	q, err := r.resolve()
	if err == nil {
		err = sys.LWTDel(&q)
	}
	return r.wrap("delete route", err)
}

func (r *LWTRoute) resolve() (sys.LWTRoute, error) {
	q := sys.LWTRoute{Destination: r.Destination, Gateway: r.Gateway, Metric: r.Metric, Headroom: r.Headroom}
	if !r.Destination.IsValid() || r.Gateway.IsValid() && r.Gateway.Is4() != r.Destination.Addr().Is4() {
		return q, fmt.Errorf("destination %v, gateway %v: %w", r.Destination, r.Gateway, syscall.EINVAL)
	}
	var err error
	q.IfIndex, err = interfaceIndex(r.Interface)
	return q, err
}

func (r *LWTRoute) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	hint := permissionHint(err, kernel.CapNetAdmin)
	return &Error{Op: op, Subject: r.String(), Err: err, Hint: hint}
}
