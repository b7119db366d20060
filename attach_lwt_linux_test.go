package bpf

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
)

// TestLWT sends packets along a route with programs. The oracle is the kernel, which runs them, and ip(8), which shows them.
func TestLWT(t *testing.T) {
	testkit.Netns(t)
	for _, conf := range []string{"all", "default"} { // an address serves at once
		if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+conf+"/accept_dad", []byte("0"), 0); err != nil {
			t.Fatal(err)
		}
	}
	devicePair(t, "veth", "v0", "v1")
	obj := load(t, only(open(t, "net"), "lwt_in", "lwt_out", "lwt_xmit", "xdp_pass"), nil)
	runs := array[[32]uint64](t, obj, "runs")
	for _, at := range []struct {
		destination, device string
		send                func() error
	}{
		{"10.9.0.0/24", "lo", func() error {
			return socketOf(unix.AF_INET, unix.SOCK_DGRAM, func(s int) error {
				return unix.Sendto(s, []byte("x"), 0, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{10, 9, 0, 1}})
			})
		}},
		{"fd09::/64", "v0", func() error {
			return socketOf(unix.AF_INET6, unix.SOCK_DGRAM, func(s int) error {
				return unix.Sendto(s, []byte("x"), 0, &unix.SockaddrInet6{Port: 9, Addr: netip.MustParseAddr("fd09::1").As16()})
			})
		}},
	} {
		*runs = [32]uint64{}
		route := &LWTRoute{Destination: netip.MustParsePrefix(at.destination), Interface: at.device, Metric: 77,
			In: obj.Program("lwt_in"), Out: obj.Program("lwt_out"), Xmit: obj.Program("lwt_xmit"), Headroom: 16}
		if err := route.Delete(); !errors.Is(err, syscall.ESRCH) {
			t.Error(err)
		}
		if err := route.Add(); err != nil {
			t.Fatal(err)
		}
		if err := route.Add(); !errors.Is(err, ErrExist) {
			t.Error(err)
		}
		if err := at.send(); err != nil {
			t.Error(err)
		}
		if at.device == "lo" && runs[netLWTIn] == 0 || runs[netLWTOut] == 0 || runs[netLWTXmit] == 0 {
			t.Errorf("%s: in %d, out %d, xmit %d", at.destination, runs[netLWTIn], runs[netLWTOut], runs[netLWTXmit])
		}
		family := map[bool]string{true: "-4", false: "-6"}[route.Destination.Addr().Is4()]
		if out := oracle(t, "ip", family, "route", "show", at.destination); out != nil {
			for _, text := range []string{"encap bpf", "in lwt_in", "out lwt_out", "xmit lwt_xmit", "dev " + at.device, "metric 77"} {
				if !strings.Contains(string(out), text) {
					t.Errorf("%s: ip says %q", text, out)
				}
			}
		}
		if err := route.Delete(); err != nil {
			t.Error(err)
		}
		if out := oracle(t, "ip", family, "route", "show", at.destination); len(out) != 0 {
			t.Errorf("ip says %q", out)
		}
	}
	good := LWTRoute{Destination: netip.MustParsePrefix("10.9.0.0/24"), Interface: "lo"}
	for want, change := range map[string]func(*LWTRoute){
		"absent0":              func(r *LWTRoute) { r.Interface = "absent0" },
		"invalid Prefix":       func(r *LWTRoute) { r.Destination = netip.Prefix{} },
		"gateway ::1":          func(r *LWTRoute) { r.Gateway = netip.IPv6Loopback() },
		"what fits there is":   func(r *LWTRoute) { r.Xmit = obj.Program("xdp_pass") },
		"lwt_out is a program": func(r *LWTRoute) { r.In = obj.Program("lwt_out") },
		"was not loaded":       func(r *LWTRoute) { r.In = obj.Program("nf_drop") },
		"invalid argument":     func(r *LWTRoute) {}, // no program at all
		"numerical result":     func(r *LWTRoute) { r.Out, r.Headroom = obj.Program("lwt_out"), 1000 },
	} {
		r := good
		change(&r)
		if err := r.Add(); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
