package e2e

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/internal/testkit"
)

// Network devices for tests, made over netlink: test machines have no ip(8).

// nlAttr appends a netlink attribute; f appends its value.
func nlAttr(b []byte, typ uint16, f func([]byte) []byte) []byte {
	start := len(b)
	b = f(append(b, 0, 0, 0, 0))
	binary.NativeEndian.PutUint16(b[start:], uint16(len(b)-start))
	binary.NativeEndian.PutUint16(b[start+2:], typ)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func nlString(b []byte, typ uint16, s string) []byte {
	return nlAttr(b, typ, func(b []byte) []byte { return append(append(b, s...), 0) })
}

// withoutIPv6 keeps the kernel from sending packets by devices that are made afterwards: programs
// would count them, and some come later than the test's own frames.
func withoutIPv6(t testing.TB) {
	t.Helper()
	err := os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a kernel without IPv6
		t.Fatal(err)
	}
}

// devicePair makes two devices that are connected with each other ("veth", "netkit") and enables
// them.
func devicePair(t testing.TB, kind, name, peer string) {
	t.Helper()
	devicePairAt(t, kind, name, peer, 0)
}

// devicePairAt gives the first of the two devices an index, 0 for any.
func devicePairAt(t testing.TB, kind, name, peer string, index int) {
	t.Helper()
	ifinfo := make([]byte, unix.SizeofIfInfomsg)
	b := append(make([]byte, unix.SizeofNlMsghdr), ifinfo...)
	binary.NativeEndian.PutUint32(b[unix.SizeofNlMsghdr+4:], uint32(index))
	b = nlString(b, unix.IFLA_IFNAME, name)
	b = nlAttr(b, unix.IFLA_LINKINFO, func(b []byte) []byte {
		b = nlString(b, unix.IFLA_INFO_KIND, kind)
		return nlAttr(b, unix.IFLA_INFO_DATA, func(b []byte) []byte {
			return nlAttr(b, 1, func(b []byte) []byte { // VETH_INFO_PEER, IFLA_NETKIT_PEER_INFO
				return nlString(append(b, ifinfo...), unix.IFLA_IFNAME, peer)
			})
		})
	})
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], unix.RTM_NEWLINK)
	binary.NativeEndian.PutUint16(b[6:],
		unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	if errno := netlinkAsk(t, b); errno == unix.EOPNOTSUPP {
		testkit.Skip(t, "the kernel has no devices of kind %s", kind)
	} else if errno != 0 {
		t.Fatalf("%s pair: %v", kind, errno)
	}
	deviceUp(t, name)
	deviceUp(t, peer)
}

// deviceDelete removes a device and its peer.
func deviceDelete(t testing.TB, name string) {
	t.Helper()
	b := make([]byte, unix.SizeofNlMsghdr+unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], unix.RTM_DELLINK)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	binary.NativeEndian.PutUint32(b[unix.SizeofNlMsghdr+4:], uint32(deviceIndex(t, name)))
	if errno := netlinkAsk(t, b); errno != 0 {
		t.Fatalf("delete %s: %v", name, errno)
	}
}

// netlinkAsk sends a request and returns the errno of its acknowledgement.
func netlinkAsk(t testing.TB, request []byte) unix.Errno {
	t.Helper()
	s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	if err := unix.Sendto(s, request,
		0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(s, answer, 0)
	if err != nil || n < 20 {
		t.Fatal(n, err)
	}
	return unix.Errno(-int32(binary.NativeEndian.Uint32(answer[16:])))
}

// deviceRequest makes an ioctl on a device.
func deviceRequest(t testing.TB, name string, request uint, set func(*unix.Ifreq)) *unix.Ifreq {
	t.Helper()
	ifreq, err := unix.NewIfreq(name)
	if err != nil {
		t.Fatal(err)
	}
	if set != nil {
		set(ifreq)
	}
	err = socketOf(unix.AF_INET, unix.SOCK_DGRAM, func(s int) error {
		return unix.IoctlIfreq(s, request, ifreq)
	})
	if err != nil {
		t.Fatalf("ioctl %#x of %s: %v", request, name, err)
	}
	return ifreq
}

func deviceUp(t testing.TB, name string) {
	t.Helper()
	flags := deviceRequest(t, name, unix.SIOCGIFFLAGS, nil).Uint16()
	deviceRequest(t, name, unix.SIOCSIFFLAGS, func(r *unix.Ifreq) {
		r.SetUint16(flags | unix.IFF_UP | unix.IFF_RUNNING)
	})
}

func deviceMTU(t testing.TB, name string, mtu uint32) {
	t.Helper()
	deviceRequest(t, name, unix.SIOCSIFMTU, func(r *unix.Ifreq) { r.SetUint32(mtu) })
}

// deviceAddress gives a device an address and a route to its /24.
func deviceAddress(t testing.TB, name, address string) {
	t.Helper()
	set := func(request uint, ip net.IP) {
		deviceRequest(t, name, request, func(r *unix.Ifreq) {
			if err := r.SetInet4Addr(ip.To4()); err != nil {
				t.Fatal(err)
			}
		})
	}
	set(unix.SIOCSIFADDR, net.ParseIP(address))
	set(unix.SIOCSIFNETMASK, net.IPv4(255, 255, 255, 0))
}

// xdpState returns the kernel's information about XDP on an interface.
func xdpState(t testing.TB, name string) rtnl.XDPState {
	t.Helper()
	state, err := rtnl.XDPQuery(deviceIndex(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return *state
}

func deviceIndex(t testing.TB, name string) int {
	t.Helper()
	return int(deviceRequest(t, name, unix.SIOCGIFINDEX, nil).Uint32())
}

// etherTest is an ethertype for experiments (IEEE Std 802).
const etherTest = 0x88b5

// packetSocket returns a socket that sees and sends frames of a device; it receives those with the
// test's ethertype.
func packetSocket(t testing.TB, name string) int {
	t.Helper()
	return packetSocketOf(t, name, etherTest)
}

// packetSocketOf does the same as packetSocket for another ethertype.
func packetSocketOf(t testing.TB, name string, ethertype uint16) int {
	t.Helper()
	protocol := binary.NativeEndian.Uint16([]byte{byte(ethertype >> 8), byte(ethertype)})
	s, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(protocol))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(s) })
	if err := unix.Bind(s,
		&unix.SockaddrLinklayer{Protocol: protocol, Ifindex: deviceIndex(t, name)}); err != nil {
		t.Fatal(err)
	}
	return s
}

// frame returns a broadcast frame of n bytes.
func frame(n int) []byte {
	b := make([]byte, n)
	copy(b, "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01")
	binary.BigEndian.PutUint16(b[12:], etherTest)
	return b
}

func sendFrames(t testing.TB, s, n, size int) {
	t.Helper()
	for range n {
		if _, err := unix.Write(s, frame(size)); err != nil {
			t.Fatal(err)
		}
	}
}

// arrives reports whether a frame arrives that the same socket didn't send. For an expected frame
// it waits longer than any machine needs.
func arrives(s int, expected bool) bool {
	d := 300 * time.Millisecond
	if expected {
		d = 20 * time.Second
	}
	_, err := testkit.Receive(s, make([]byte, 1<<16), testkit.Patience(d))
	return err == nil
}
