package tc_test

import (
	"net"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// Counters of runsOf.
const (
	netTC1 = 2
	netTC2 = 3
)

// runsOf are the counters of testdata/net.bpf.c.
func runsOf(t testing.TB, obj *bpf.Object) *[32]uint64 {
	t.Helper()
	runs, err := bpf.VarOf[[32]uint64](obj.Variable("runs"))
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

func loopback(t testing.TB) int {
	t.Helper()
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	return lo.Index
}

// sendUDP sends n datagrams to nobody over loopback.
func sendUDP(t testing.TB, n int) {
	t.Helper()
	s, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}
	for range n {
		if _, err := s.WriteTo([]byte("x"), to); err != nil {
			t.Fatal(err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
