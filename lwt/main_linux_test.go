package lwt_test

import (
	"encoding/binary"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// Indexes of runs in testdata/net.bpf.c.
const (
	netLWTIn     = 13
	netLWTOut    = 14
	netLWTXmit   = 15
	netSeg6Local = 20
)

func variable[T any](t testing.TB, obj *bpf.Object, name string) *T {
	t.Helper()
	v, err := bpf.VarOf[T](obj.Variable(name))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// ip runs ip(8).
func ip(t testing.TB, arguments ...string) []byte {
	t.Helper()
	return testkit.Run(t, "ip", arguments...)
}

// vethPair makes two devices that are connected, and enables them.
func vethPair(t testing.TB, name, peer string) {
	t.Helper()
	ip(t, "link", "add", name, "type", "veth", "peer", "name", peer)
	ip(t, "link", "set", name, "up")
	ip(t, "link", "set", peer, "up")
}

// packetSocket sees and sends IPv6 frames of a device.
func packetSocket(t testing.TB, name string) int {
	t.Helper()
	device, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	protocol := binary.NativeEndian.Uint16([]byte{unix.ETH_P_IPV6 >> 8, unix.ETH_P_IPV6 & 0xff})
	s, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(protocol))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(s) })
	err = unix.Bind(s, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: device.Index})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// socketOf makes a socket for one call of f.
func socketOf(domain, kind int, f func(s int) error) error {
	s, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	return f(s)
}
