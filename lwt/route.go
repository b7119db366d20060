// Package lwt adds routes whose packets go through programs: SEC("lwt_in"), SEC("lwt_out") and
// SEC("lwt_xmit") (a lightweight tunnel, as made by ip route add … encap bpf), or
// SEC("lwt_seg6local") (encap seg6local action End.BPF). libbpf has no function for such routes.
//
// Errors are *bpf.Error, in which errors.Is finds the errno.
package lwt

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/hint"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/internal/privilege"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Route is a route whose packets go through programs. It is a description and holds nothing open;
// the kernel's route is not a bpf.Link.
type Route struct {
	Destination netip.Prefix
	Interface   string       // its name or an alternative one, or its index as a number
	Gateway     netip.Addr   // the zero Addr: destinations are reached directly
	Metric      uint32       // 0: the kernel's default
	In          *bpf.Program // sees packets that came in by this route, nil for none
	Out         *bpf.Program // sees packets that go out
	Xmit        *bpf.Program // sees packets that go out last, and may change them
	Headroom    uint32       // bytes that Xmit may add before a packet, at most 256
	// Seg6Local sees packets of IPv6 segment routing that came in with Destination as their
	// segment, after the next segment has become their address. It can't be combined with the other
	// programs.
	Seg6Local *bpf.Program

	added *rtnl.LWTNames // the programs that Add added
	index int            // of the interface of Add, which may have another name since
}

// String returns destination and interface.
func (r *Route) String() string {
	return fmt.Sprintf("%v dev %s", r.Destination, printable.Text(r.Interface))
}

// Add adds the route to the main table of the calling thread's network namespace (4.10; Seg6Local
// 4.18). The route keeps its programs loaded, and stays when the process ends, until Delete. The
// kernel reports such programs only by name, so each gets the name "name:[id]". bpf.ErrExist if
// there is a route to that destination with that metric; bpf.ErrNotSupported without
// CONFIG_LWTUNNEL_BPF, or for Seg6Local without CONFIG_IPV6_SEG6_LWTUNNEL and CONFIG_IPV6_SEG6_BPF.
// Needs CAP_NET_ADMIN.
func (r *Route) Add() error {
	q, err := r.resolve(0)
	if err == nil {
		err = r.withPrograms(&q, func() error { return rtnl.LWTAdd(&q) })
	}
	if err == nil {
		r.added, r.index = namesOf(&q), q.IfIndex
	}
	return r.wrap("add route", err)
}

// Delete removes the route of that destination, interface, gateway and metric, if its programs are
// those that Add attached or, for a route that another process added, those in r. bpf.ErrNotExist
// if the route is gone or has other programs or none; such a route stays. For IPv6 the kernel has
// no call that compares and removes atomically, so a replacement at that moment would be removed.
// Needs CAP_NET_ADMIN.
func (r *Route) Delete() error {
	q, err := r.resolve(r.index)
	want := r.added
	if err == nil && want == nil {
		err = r.withPrograms(&q, func() error {
			want = namesOf(&q)
			return nil
		})
	}
	if err != nil {
		return r.wrap("delete route", err)
	}
	switch there, err := rtnl.LWTQuery(&q); {
	case err == syscall.ESRCH:
		return r.wrap("delete route", fmt.Errorf("there is no such route: %w", bpf.ErrNotExist))
	case err != nil:
		return r.wrap("delete route", err)
	case there != *want:
		return r.wrap("delete route", fmt.Errorf("it has %s, not %s: %w",
			programNames(there), programNames(*want), bpf.ErrNotExist))
	}
	if err = rtnl.LWTDel(&q); err == nil {
		r.added, r.index = nil, 0
	}
	return r.wrap("delete route", err)
}

func namesOf(q *rtnl.LWTRoute) *rtnl.LWTNames {
	return &rtnl.LWTNames{
		In: q.In.Name, Out: q.Out.Name, Xmit: q.Xmit.Name, Seg6Local: q.Seg6Local.Name,
	}
}

// programNames returns "the programs in count:[7], xmit trace:[9]".
func programNames(n rtnl.LWTNames) string {
	var list []string
	for _, p := range []struct{ where, name string }{
		{"in", n.In}, {"out", n.Out}, {"xmit", n.Xmit}, {"seg6local", n.Seg6Local},
	} {
		if p.name != "" {
			list = append(list, p.where+" "+p.name)
		}
	}
	if len(list) == 0 {
		return "no programs"
	}
	return "the programs " + strings.Join(list, ", ")
}

// slot is the place of a program in a request.
type slot struct {
	program *bpf.Program
	want    uapi.ProgType
	to      *rtnl.LWTProgram
}

// withPrograms checks the route's programs, puts them into q and calls f, during which they stay
// open.
func (r *Route) withPrograms(q *rtnl.LWTRoute, f func() error) error {
	return fill([]slot{
		{r.In, uapi.ProgLWTIn, &q.In},
		{r.Out, uapi.ProgLWTOut, &q.Out},
		{r.Xmit, uapi.ProgLWTXmit, &q.Xmit},
		{r.Seg6Local, uapi.ProgLWTSeg6Local, &q.Seg6Local},
	}, func() error {
		if err := r.check(); err != nil {
			return err
		}
		return f()
	})
}

func fill(slots []slot, f func() error) error {
	if len(slots) == 0 {
		return f()
	}
	s, rest := slots[0], slots[1:]
	if s.program == nil {
		return fill(rest, f)
	}
	return s.program.UseFD(func(fd int) error {
		if typ := s.program.Type(); typ != s.want {
			return fmt.Errorf("program %s is of type %v, want %v: %w",
				s.program.Name(), typ, s.want, syscall.EINVAL)
		}
		info, err := sys.ProgInfoByFD(fd)
		if err != nil {
			return err
		}
		*s.to = rtnl.LWTProgram{FD: fd, Name: fmt.Sprintf("%s:[%d]", info.Name, info.ID)}
		return fill(rest, f)
	})
}

// check refuses programs that can't be combined.
func (r *Route) check() error {
	switch {
	case r.Seg6Local == nil:
		return nil
	case r.In != nil || r.Out != nil || r.Xmit != nil || r.Headroom != 0:
		return fmt.Errorf("a program for segments goes without others and without headroom: %w",
			syscall.EINVAL)
	case r.Destination.Addr().Is4():
		return fmt.Errorf("segments are of IPv6, not %v: %w", r.Destination, syscall.EINVAL)
	}
	return nil
}

// resolve looks the interface up unless its index is known.
func (r *Route) resolve(index int) (rtnl.LWTRoute, error) {
	q := rtnl.LWTRoute{
		Destination: r.Destination.Masked().Addr().AsSlice(), Bits: r.Destination.Bits(),
		Gateway: r.Gateway.AsSlice(), Metric: r.Metric, Headroom: r.Headroom,
	}
	if !r.Destination.IsValid() ||
		r.Gateway.IsValid() && r.Gateway.Is4() != r.Destination.Addr().Is4() {
		return q, fmt.Errorf("destination %v, gateway %v: %w",
			r.Destination, r.Gateway, syscall.EINVAL)
	}
	if index > 0 {
		q.IfIndex = index
		return q, nil
	}
	var err error
	q.IfIndex, err = rtnl.Interface(r.Interface)
	return q, err
}

func (r *Route) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	advice, cause := hint.Cut(err)
	advice = cmp.Or(advice, privilege.NetlinkHint(err))
	return &bpf.Error{Op: op, Subject: r.String(), Err: cause, Hint: advice}
}
