package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: the connection that the test opens. The name is that of the test's process.
func TestKprobe(t *testing.T) {
	testkit.Root(t)
	if runtime.GOARCH != "amd64" {
		testkit.Skip(t, "the committed object reads registers of x86-64")
	}
	if _, err := os.Stat("/sys/bus/event_source/devices/kprobe"); err != nil {
		testkit.Skip(t, "the kernel has no kprobes")
	}
	p := testkit.Start(t)
	p.Line(t, "the start", func(line string) bool {
		return line == "TCP connections, until Ctrl-C:"
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	want := fmt.Sprintf(" pid %d: 127.0.0.1 port %d", os.Getpid(), port)
	p.Line(t, want, func(line string) bool { return strings.HasSuffix(line, want) })
}
