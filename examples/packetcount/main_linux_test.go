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

// Oracle: the number of packets sent, in a network namespace where nobody else sends.
func TestPacketcount(t *testing.T) {
	testkit.Netns(t)
	p := testkit.Start(t, "-i", "lo")
	p.Line(t, "the start", func(line string) bool {
		return line == "counting packets of lo, Ctrl-C ends"
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
	const sent = 123
	for range sent {
		if _, err := from.Write([]byte("packet")); err != nil {
			t.Fatal(err)
		}
	}
	want := fmt.Sprint(sent, " packets")
	p.Line(t, want, func(line string) bool { return line == want })
}
