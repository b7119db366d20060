package bpf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

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
	obj := load(t, only(open(t, "net"), "lwt_in", "lwt_out", "lwt_xmit", "seg6local", "xdp_pass"), nil)
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
		if err := route.Delete(); !errors.Is(err, ErrNotExist) || !strings.Contains(err.Error(), "no such route") {
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
			shown := func(name string) string { return fmt.Sprintf("%s:[%d]", name, programID(t, obj.Program(name))) }
			for _, text := range []string{"encap bpf", "in " + shown("lwt_in"), "out " + shown("lwt_out"), "xmit " + shown("lwt_xmit"), "dev " + at.device, "metric 77"} {
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
	lwtRefused(t, obj)
}

// lwtRefused: routes that can't be.
func lwtRefused(t *testing.T, obj *Object) {
	good := LWTRoute{Destination: netip.MustParsePrefix("10.9.0.0/24"), Interface: "lo"}
	for want, change := range map[string]func(*LWTRoute){
		"absent0":                      func(r *LWTRoute) { r.Interface = "absent0" },
		"invalid Prefix":               func(r *LWTRoute) { r.Destination = netip.Prefix{} },
		"gateway ::1":                  func(r *LWTRoute) { r.Gateway = netip.IPv6Loopback() },
		"what fits there is":           func(r *LWTRoute) { r.Xmit = obj.Program("xdp_pass") },
		"lwt_out is a program":         func(r *LWTRoute) { r.In = obj.Program("lwt_out") },
		"was not loaded":               func(r *LWTRoute) { r.In = obj.Program("nf_drop") },
		"invalid argument":             func(r *LWTRoute) {}, // no program at all
		"segments are of IPv6":         func(r *LWTRoute) { r.Seg6Local = obj.Program("seg6local") },
		"goes without others":          func(r *LWTRoute) { r.Seg6Local, r.In = obj.Program("seg6local"), obj.Program("lwt_in") },
		"seg6local is a program of":    func(r *LWTRoute) { r.Out = obj.Program("seg6local") },
		"what fits there is lwt_seg6l": func(r *LWTRoute) { r.Seg6Local = obj.Program("lwt_in") },
		"numerical result":             func(r *LWTRoute) { r.Out, r.Headroom = obj.Program("lwt_out"), 1000 },
	} {
		r := good
		change(&r)
		if err := r.Add(); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// TestLWTDelete: a route goes only with the programs that it was added with.
func TestLWTDelete(t *testing.T) {
	testkit.Netns(t)
	devicePair(t, "veth", "v0", "v1")
	names := []string{"lwt_in", "lwt_out", "seg6local"}
	obj, other := load(t, only(open(t, "net"), names...), nil), load(t, only(open(t, "net"), names...), nil)
	for _, destination := range []string{"10.9.0.0/24", "0.0.0.0/0", "fd09::/64", "::/0"} {
		for _, metric := range []uint32{0, 5} {
			at := LWTRoute{Destination: netip.MustParsePrefix(destination), Interface: "v0", Metric: metric}
			ours := at
			ours.In, ours.Out = obj.Program("lwt_in"), obj.Program("lwt_out")
			if err := ours.Add(); err != nil {
				t.Fatal(destination, err)
			}
			twin, fewer, none := at, at, at
			twin.In, twin.Out = other.Program("lwt_in"), other.Program("lwt_out")
			fewer.Out = obj.Program("lwt_out")
			for _, r := range []LWTRoute{twin, fewer, none} {
				if err := r.Delete(); !errors.Is(err, ErrNotExist) || !strings.Contains(err.Error(), fmt.Sprintf("it has the programs in lwt_in:[%d]", programID(t, ours.In))) {
					t.Errorf("%v: another's route: %v", &r, err)
				}
			}
			// Another metric is another route.
			twin.Metric = 7
			if err := twin.Add(); err != nil {
				t.Fatal(err)
			}
			elsewhere := ours
			elsewhere.Metric = 9
			if err := elsewhere.Delete(); !errors.Is(err, ErrNotExist) || !strings.Contains(err.Error(), "no such route") {
				t.Error(err)
			}
			// As another process would, with the programs but without having added it.
			same := at
			same.In, same.Out = ours.In, ours.Out
			if err := same.Delete(); err != nil {
				t.Error(err)
			}
			if err := ours.Delete(); !errors.Is(err, ErrNotExist) {
				t.Error(err)
			}
			if err := twin.Delete(); err != nil {
				t.Error(err)
			}
		}
	}
	// The programs may be closed meanwhile.
	closed := LWTRoute{Destination: netip.MustParsePrefix("fd09::1/128"), Interface: "v0", Seg6Local: other.Program("seg6local")}
	if err := closed.Add(); err != nil {
		t.Fatal(err)
	}
	again := closed
	again.added = nil
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := again.Delete(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := closed.Delete(); err != nil {
		t.Error(err)
	}
}

// segmentFrame is an Ethernet frame with a UDP packet to port of the last of the segments, on its way to the first (RFC 8754).
func segmentFrame(to net.HardwareAddr, port uint16, text string, segments ...netip.Addr) []byte {
	from := netip.MustParseAddr("fd09::ffff")
	last := segments[len(segments)-1]
	udp := binary.BigEndian.AppendUint16(nil, 1000)
	udp = binary.BigEndian.AppendUint16(udp, port)
	udp = binary.BigEndian.AppendUint16(udp, uint16(8+len(text)))
	udp = append(append(udp, 0, 0), text...)
	sum := uint32(len(udp)) + unix.IPPROTO_UDP
	sixteen := append(append(from.AsSlice(), last.AsSlice()...), udp...)
	for i, b := range sixteen {
		sum += uint32(b) << (8 * (1 - i%2))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(udp[6:], ^uint16(sum))

	n := len(segments)
	header := []byte{unix.IPPROTO_UDP, byte(2 * n), 4, byte(n - 1), byte(n - 1), 0, 0, 0}
	for i := n - 1; i >= 0; i-- { // last first
		header = append(header, segments[i].AsSlice()...)
	}
	frame := append(append([]byte{}, to...), 2, 0, 0, 0, 0, 1, 0x86, 0xdd, 0x60, 0, 0, 0)
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(header)+len(udp)))
	frame = append(frame, unix.IPPROTO_ROUTING, 64)
	frame = append(append(frame, from.AsSlice()...), segments[0].AsSlice()...)
	return append(append(frame, header...), udp...)
}

// TestLWTSeg6Local: a packet whose segment is the route's destination goes through the program and on to its next segment, another
// device, or no further. The oracles are what comes in there and ip(8).
func TestLWTSeg6Local(t *testing.T) {
	testkit.Netns(t)
	for _, conf := range []string{"all/seg6_enabled", "default/seg6_enabled", "all/forwarding"} {
		if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+conf, []byte("1"), 0); err != nil {
			t.Fatal(err)
		}
	}
	devicePair(t, "veth", "v0", "v1")
	devicePair(t, "veth", "w0", "w1")
	// No neighbour is asked for: whatever goes out of w0 comes in at w1.
	deviceRequest(t, "w0", unix.SIOCSIFFLAGS, func(r *unix.Ifreq) { r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING | unix.IFF_NOARP) })
	segment, next := netip.MustParseAddr("fd09::1"), netip.MustParseAddr("fd0a::1")
	deviceRoute(t, "w0", next)
	obj := load(t, only(open(t, "net"), "seg6local"), nil)
	runs, answer := &array[[32]uint64](t, obj, "runs")[netSeg6Local], array[uint32](t, obj, "seg6_answer")
	device, err := net.InterfaceByName("v0")
	if err != nil {
		t.Fatal(err)
	}
	sender, receiver := packetSocket(t, "v1"), packetSocketOf(t, "w1", unix.ETH_P_IPV6)
	arrives := func(text string) bool {
		t.Helper()
		if _, err := unix.Write(sender, segmentFrame(device.HardwareAddr, 9, text, segment, next)); err != nil {
			t.Fatal(err)
		}
		for b := make([]byte, 2000); ; {
			n, err := receive(receiver, b, testkit.Patience(300*time.Millisecond))
			if err != nil {
				return false
			}
			if n > 54 && netip.AddrFrom16([16]byte(b[38:54])) == next { // others are the kernel's own
				return bytes.HasSuffix(b[:n], []byte(text))
			}
		}
	}
	route := &LWTRoute{Destination: netip.PrefixFrom(segment, 128), Interface: "v0", Seg6Local: obj.Program("seg6local")}
	if arrives("before") {
		t.Error("it goes on without a route")
	}
	if err := route.Add(); err != nil {
		t.Fatal(err)
	}
	if !arrives("through") || *runs != 1 {
		t.Errorf("nothing arrives, %d runs", *runs)
	}
	*answer = 2 // BPF_DROP
	if arrives("dropped") || *runs != 2 {
		t.Errorf("the program drops, %d runs", *runs)
	}
	*answer = 0
	if out := oracle(t, "ip", "-6", "route", "show", segment.String()); out != nil {
		for _, text := range []string{"encap seg6local action End.BPF", fmt.Sprintf("seg6local:[%d]", programID(t, route.Seg6Local)), "dev v0"} {
			if !strings.Contains(string(out), text) {
				t.Errorf("%s: ip says %q", text, out)
			}
		}
	}
	if err := route.Delete(); err != nil {
		t.Error(err)
	}
	if arrives("after") || *runs != 2 {
		t.Errorf("deleted, %d runs", *runs)
	}
}
