package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: the connections that the test opens, and the kernel's answer to the forbidden one.
func TestCgroup(t *testing.T) {
	testkit.Root(t)
	group := testkit.Cgroup(t)
	allowed, denied := listen(t), listen(t)
	p := testkit.Start(t, "-cgroup", group, "-deny", fmt.Sprint(denied.Port))
	p.Line(t, "the start", func(line string) bool {
		return line == "connections, until Ctrl-C:"
	})
	enter(t, group)
	conn, err := net.DialTCP("tcp", nil, allowed)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	want := fmt.Sprintf(" pid %d: %v", os.Getpid(), allowed)
	p.Line(t, want, func(line string) bool { return strings.HasSuffix(line, want) })
	if conn, err := net.DialTCP("tcp", nil, denied); !errors.Is(err, syscall.EPERM) {
		t.Errorf("the forbidden connection: %v", err)
		if err == nil {
			conn.Close()
		}
	}
	want = fmt.Sprintf(" pid %d: %v (denied)", os.Getpid(), denied)
	p.Line(t, want, func(line string) bool { return strings.HasSuffix(line, want) })
}

// enter moves this process into a cgroup until the test ends.
func enter(t *testing.T, group string) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	_, old, _ := strings.Cut("\n"+string(text), "\n0::")
	old, _, _ = strings.Cut(old, "\n")
	move := func(dir string) {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0); err != nil {
			t.Fatal(err)
		}
	}
	move(group)
	t.Cleanup(func() { move(filepath.Join(filepath.Dir(group), old)) })
}

func listen(t *testing.T) *net.TCPAddr {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr)
}
