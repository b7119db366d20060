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

// Oracle: the number and length of packets sent, in a network namespace where nobody else sends.
func TestTc(t *testing.T) {
	testkit.Netns(t)
	testkit.Kernel(t, "6.6")
	p := testkit.Start(t, "-i", "lo")
	p.Line(t, "the start", func(line string) bool {
		return line == "IPv4 packets that lo receives, until Ctrl-C:"
	})
	to, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	from, err := net.Dial("udp", to.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	const sent, size = 50, 100
	for range sent {
		if _, err := from.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	want := fmt.Sprintf("UDP %d packets, %d bytes", sent, sent*(size+8+20)) // headers: UDP, IPv4
	p.Line(t, want, func(line string) bool { return line == want })
}
