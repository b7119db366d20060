package main

import (
	"fmt"
	"net"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: the packet that the test sends, in a network namespace where nobody else sends.
func TestSockfilter(t *testing.T) {
	testkit.Netns(t)
	p := testkit.Start(t, "-i", "lo")
	p.Line(t, "the start", func(line string) bool {
		return line == "IPv4 packets of lo, until Ctrl-C:"
	})
	to, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	from, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)},
		to.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	const size = 100
	if _, err := from.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("127.0.0.2 → 127.0.0.1: protocol 17, %d bytes", size+8+20) // UDP, IPv4
	p.Line(t, want, func(line string) bool { return line == want })
}
