package lwt_test

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

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/lwt"
)

// TestRoute sends packets along a route with programs. The oracle is the kernel, which runs them,
// and ip(8), which shows them.
func TestRoute(t *testing.T) {
	testkit.Netns(t)
	for _, conf := range []string{"all", "default"} { // an address serves at once
		if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+conf+"/accept_dad",
			[]byte("0"), 0); err != nil {
			t.Fatal(err)
		}
	}
	vethPair(t, "v0", "v1")
	obj := bpftest.Load(t, "../testdata/net.bpf.o", "lwt_in", "lwt_out", "lwt_xmit", "seg6local",
		"xdp_pass")
	runs := variable[[32]uint64](t, obj, "runs")
	for _, at := range []struct {
		destination, device string
		send                func() error
	}{
		{"10.9.0.0/24", "lo", func() error {
			return socketOf(unix.AF_INET, unix.SOCK_DGRAM, func(s int) error {
				return unix.Sendto(s, []byte("x"), 0,
					&unix.SockaddrInet4{Port: 9, Addr: [4]byte{10, 9, 0, 1}})
			})
		}},
		{"fd09::/64", "v0", func() error {
			return socketOf(unix.AF_INET6, unix.SOCK_DGRAM, func(s int) error {
				return unix.Sendto(s, []byte("x"), 0,
					&unix.SockaddrInet6{Port: 9, Addr: netip.MustParseAddr("fd09::1").As16()})
			})
		}},
	} {
		*runs = [32]uint64{}
		route := &lwt.Route{Destination: netip.MustParsePrefix(at.destination),
			Interface: at.device, Metric: 77,
			In: obj.Program("lwt_in"), Out: obj.Program("lwt_out"), Xmit: obj.Program("lwt_xmit"),
			Headroom: 16}
		if err := route.Delete(); !errors.Is(err, bpf.ErrNotExist) ||
			!strings.Contains(err.Error(), "no such route") {
			t.Error(err)
		}
		if err := route.Add(); err != nil {
			t.Fatal(err)
		}
		if err := route.Add(); !errors.Is(err, bpf.ErrExist) {
			t.Error(err)
		}
		if err := at.send(); err != nil {
			t.Error(err)
		}
		if at.device == "lo" && runs[netLWTIn] == 0 || runs[netLWTOut] == 0 ||
			runs[netLWTXmit] == 0 {
			t.Errorf("%s: in %d, out %d, xmit %d", at.destination, runs[netLWTIn], runs[netLWTOut],
				runs[netLWTXmit])
		}
		family := map[bool]string{true: "-4", false: "-6"}[route.Destination.Addr().Is4()]
		if out := ip(t, family, "route", "show", at.destination); out != nil {
			shown := func(name string) string {
				return fmt.Sprintf("%s:[%d]", name, bpftest.ProgramID(t, obj.Program(name)))
			}
			for _, text := range []string{"encap bpf", "in " + shown("lwt_in"), "out " +
				shown("lwt_out"), "xmit " + shown("lwt_xmit"), "dev " + at.device, "metric 77"} {
				if !strings.Contains(string(out), text) {
					t.Errorf("%s: ip says %q", text, out)
				}
			}
		}
		if err := route.Delete(); err != nil {
			t.Error(err)
		}
		if out := ip(t, family, "route", "show", at.destination); len(out) != 0 {
			t.Errorf("ip says %q", out)
		}
	}
	refused(t, obj)
}

// refused: routes that can't be.
func refused(t *testing.T, obj *bpf.Object) {
	good := lwt.Route{Destination: netip.MustParsePrefix("10.9.0.0/24"), Interface: "lo"}
	for want, change := range map[string]func(*lwt.Route){
		"absent0":            func(r *lwt.Route) { r.Interface = "absent0" },
		"invalid Prefix":     func(r *lwt.Route) { r.Destination = netip.Prefix{} },
		"gateway ::1":        func(r *lwt.Route) { r.Gateway = netip.IPv6Loopback() },
		"of type xdp, want":  func(r *lwt.Route) { r.Xmit = obj.Program("xdp_pass") },
		"lwt_out is of type": func(r *lwt.Route) { r.In = obj.Program("lwt_out") },
		"was not loaded":     func(r *lwt.Route) { r.In = obj.Program("nf_drop") },
		"invalid argument":   func(r *lwt.Route) {}, // no program at all
		"segments are of IPv6": func(r *lwt.Route) {
			r.Seg6Local = obj.Program("seg6local")
		},
		"goes without others": func(r *lwt.Route) {
			r.Seg6Local, r.In = obj.Program("seg6local"), obj.Program("lwt_in")
		},
		"seg6local is of type": func(r *lwt.Route) {
			r.Out = obj.Program(
				"seg6local")
		},
		"of type lwt_in, want lwt_seg6local": func(r *lwt.Route) {
			r.Seg6Local = obj.Program(
				"lwt_in")
		},
		"numerical result": func(r *lwt.Route) {
			r.Out, r.Headroom = obj.Program("lwt_out"), 1000
		},
	} {
		r := good
		change(&r)
		if err := r.Add(); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// TestDelete: a route goes only with the programs that it was added with.
func TestDelete(t *testing.T) {
	testkit.Netns(t)
	vethPair(t, "v0", "v1")
	names := []string{"lwt_in", "lwt_out", "seg6local"}
	obj, other := bpftest.Load(t, "../testdata/net.bpf.o", names...),
		bpftest.Load(t, "../testdata/net.bpf.o", names...)
	for _, destination := range []string{"10.9.0.0/24", "0.0.0.0/0", "fd09::/64", "::/0"} {
		for _, metric := range []uint32{0, 5} {
			at := lwt.Route{Destination: netip.MustParsePrefix(destination), Interface: "v0",
				Metric: metric}
			ours := at
			ours.In, ours.Out = obj.Program("lwt_in"), obj.Program("lwt_out")
			if err := ours.Add(); err != nil {
				t.Fatal(destination, err)
			}
			twin, fewer, none := at, at, at
			twin.In, twin.Out = other.Program("lwt_in"), other.Program("lwt_out")
			fewer.Out = obj.Program("lwt_out")
			for _, r := range []lwt.Route{twin, fewer, none} {
				if err := r.Delete(); !errors.Is(err, bpf.ErrNotExist) ||
					!strings.Contains(err.Error(),
						fmt.Sprintf("it has the programs in lwt_in:[%d]",
							bpftest.ProgramID(t, ours.In))) {
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
			if err := elsewhere.Delete(); !errors.Is(err, bpf.ErrNotExist) ||
				!strings.Contains(err.Error(), "no such route") {
				t.Error(err)
			}
			// As another process would, with the programs but without having added it.
			same := at
			same.In, same.Out = ours.In, ours.Out
			if err := same.Delete(); err != nil {
				t.Error(err)
			}
			if err := ours.Delete(); !errors.Is(err, bpf.ErrNotExist) {
				t.Error(err)
			}
			if err := twin.Delete(); err != nil {
				t.Error(err)
			}
		}
	}
	// The programs may be closed meanwhile.
	closed := lwt.Route{Destination: netip.MustParsePrefix("fd09::1/128"), Interface: "v0",
		Seg6Local: other.Program("seg6local")}
	again := closed // as another process would name it
	if err := closed.Add(); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := again.Delete(); !errors.Is(err, bpf.ErrClosed) {
		t.Error(err)
	}
	if err := closed.Delete(); err != nil {
		t.Error(err)
	}
}

// segmentFrame is an Ethernet frame with a UDP packet to port of the last of the segments, on its
// way to the first (RFC 8754).
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

// TestSeg6Local: a packet whose segment is the route's destination goes through the program and on
// to its next segment, another device, or no further. The oracles are what comes in there and
// ip(8).
func TestSeg6Local(t *testing.T) {
	testkit.Netns(t)
	for _, conf := range []string{"all/seg6_enabled", "default/seg6_enabled", "all/forwarding"} {
		if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+conf, []byte("1"), 0); err != nil {
			t.Fatal(err)
		}
	}
	vethPair(t, "v0", "v1")
	vethPair(t, "w0", "w1")
	// No neighbour is asked for: whatever goes out of w0 comes in at w1.
	ip(t, "link", "set", "w0", "arp", "off")
	segment, next := netip.MustParseAddr("fd09::1"), netip.MustParseAddr("fd0a::1")
	ip(t, "-6", "route", "add", next.String(), "dev", "w0")
	obj := bpftest.Load(t, "../testdata/net.bpf.o", "seg6local")
	runs, answer := &variable[[32]uint64](t, obj, "runs")[netSeg6Local],
		variable[uint32](t, obj, "seg6_answer")
	device, err := net.InterfaceByName("v0")
	if err != nil {
		t.Fatal(err)
	}
	sender, receiver := packetSocket(t, "v1"), packetSocket(t, "w1")
	arrives := func(text string) bool {
		t.Helper()
		if _, err := unix.Write(sender,
			segmentFrame(device.HardwareAddr, 9, text, segment, next)); err != nil {
			t.Fatal(err)
		}
		for b := make([]byte, 2000); ; {
			n, err := testkit.Receive(receiver, b, testkit.Patience(300*time.Millisecond))
			if err != nil {
				return false
			}
			// others are the kernel's own
			if n > 54 && netip.AddrFrom16([16]byte(b[38:54])) == next {
				return bytes.HasSuffix(b[:n], []byte(text))
			}
		}
	}
	route := &lwt.Route{Destination: netip.PrefixFrom(segment, 128), Interface: "v0",
		Seg6Local: obj.Program("seg6local")}
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
	if out := ip(t, "-6", "route", "show", segment.String()); out != nil {
		for _, text := range []string{"encap seg6local action End.BPF",
			fmt.Sprintf("seg6local:[%d]", bpftest.ProgramID(t, route.Seg6Local)), "dev v0"} {
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

// TestNames adds a route by an interface's name, alternative name and index, and deletes it when
// the interface has another name. The oracle is ip(8).
func TestNames(t *testing.T) {
	testkit.Netns(t)
	p := bpftest.Load(t, "../testdata/net.bpf.o", "lwt_in").Program("lwt_in")
	const long = "a-name-that-is-longer-than-names-of-interfaces"
	ip(t, "link", "add", "1", "index", "77", "type", "veth", "peer", "name", "v1")
	ip(t, "link", "property", "add", "dev", "1", "altname", long)
	for _, name := range []string{"1", long, "77"} {
		ip(t, "link", "set", "1", "up")
		destination := netip.MustParsePrefix("10.9.8.0/24")
		route := lwt.Route{Destination: destination, Interface: name, In: p}
		if err := route.Add(); err != nil {
			t.Fatal(err)
		}
		if out := ip(t, "route", "show", "dev", "1"); !strings.Contains(string(out), "lwt_in") {
			t.Errorf("%s: ip says %s", name, out)
		}
		renames := kernel.Running().Version() >= kernel.VersionCode(6, 2, 0) // while it is up
		if renames {
			ip(t, "link", "set", "1", "name", "renamed")
		}
		if err := route.Delete(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if renames {
			ip(t, "link", "set", "renamed", "name", "1")
		}
	}
}

// TestPrivileges adds a route with CAP_NET_ADMIN and without it. The oracle is the kernel, which
// refuses the latter; the error names the capability.
func TestPrivileges(t *testing.T) {
	p := bpftest.Load(t, "../testdata/net.bpf.o", "lwt_out").Program("lwt_out")
	route := lwt.Route{Destination: netip.MustParsePrefix("10.9.8.0/24"), Interface: "1", Out: p}
	err := testkit.WithCapabilities(t, []kernel.Capability{kernel.CapNetAdmin}, func() error {
		if err := up(); err != nil {
			return err
		}
		if err := route.Add(); err != nil {
			return err
		}
		return route.Delete()
	})
	if err != nil {
		t.Errorf("with CAP_NET_ADMIN: %v", err)
	}
	all := []kernel.Capability{kernel.CapBPF, kernel.CapPerfmon, kernel.CapSysAdmin}
	err = testkit.WithCapabilities(t, all, route.Add)
	if !errors.Is(err, bpf.ErrPermission) || !strings.Contains(err.Error(), "CAP_NET_ADMIN") {
		t.Errorf("without CAP_NET_ADMIN: %v", err)
	}
}

// up enables the loopback of the thread's network namespace.
func up() error {
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return socketOf(unix.AF_INET, unix.SOCK_DGRAM, func(s int) error {
		return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r)
	})
}

// TestZero: a route that says nothing is refused.
func TestZero(t *testing.T) {
	for _, err := range []error{new(lwt.Route).Add(), new(lwt.Route).Delete()} {
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Error(err)
		}
	}
}
