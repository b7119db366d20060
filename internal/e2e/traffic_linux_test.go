package e2e

import (
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
)

// Actions of this process that make programs run: sockets of all kinds that send, connect and
// query.

// socketOf makes a socket for one call of f.
func socketOf(domain, kind int, f func(s int) error) error {
	s, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	return f(s)
}

var loopback = [4]byte{127, 0, 0, 1}

// boundPort binds s to a free port of the loopback.
func boundPort(s int) (int, error) {
	if err := unix.Bind(s, &unix.SockaddrInet4{Addr: loopback}); err != nil {
		return 0, err
	}
	name, err := unix.Getsockname(s)
	if err != nil {
		return 0, err
	}
	return name.(*unix.SockaddrInet4).Port, nil
}

// udpToSelf sends a packet from a socket to itself and receives it.
func udpToSelf() error { return toSelf(unix.AF_INET, &unix.SockaddrInet4{Addr: loopback}) }

// udpToSelf6 does the same as udpToSelf by IPv6.
func udpToSelf6() error {
	return toSelf(unix.AF_INET6, &unix.SockaddrInet6{Addr: [16]byte(net.IPv6loopback)})
}

// unixToSelf does the same as udpToSelf with an abstract name that the kernel chooses.
func unixToSelf() error { return toSelf(unix.AF_UNIX, &unix.SockaddrUnix{}) }

// toSelf sends a packet from a socket bound to a free address to itself and receives it.
func toSelf(family int, free unix.Sockaddr) error {
	return socketOf(family, unix.SOCK_DGRAM, func(s int) error {
		if err := unix.Bind(s, free); err != nil {
			return err
		}
		name, err := unix.Getsockname(s)
		if err != nil {
			return err
		}
		if err := unix.Sendto(s, []byte("x"), 0, name); err != nil {
			return err
		}
		_, err = testkit.Receive(s, make([]byte, 8), 200*time.Millisecond)
		return err
	})
}

func udpSend() error {
	return socketOf(unix.AF_INET, unix.SOCK_DGRAM, func(s int) error {
		return unix.Sendto(s, []byte("x"), 0, &unix.SockaddrInet4{Port: 9, Addr: loopback})
	})
}

// tcpConnect connects to a listener of its own.
func tcpConnect() error {
	return socketOf(unix.AF_INET, unix.SOCK_STREAM, func(l int) error {
		port, err := boundPort(l)
		if err != nil {
			return err
		}
		if err := unix.Listen(l, 1); err != nil {
			return err
		}
		return socketOf(unix.AF_INET, unix.SOCK_STREAM, func(s int) error {
			if err := unix.Connect(s, &unix.SockaddrInet4{Port: port, Addr: loopback}); err != nil {
				return err
			}
			_, err := unix.Getpeername(s)
			return err
		})
	})
}

func connect6() error {
	return socketOf(unix.AF_INET6, unix.SOCK_DGRAM, func(s int) error {
		if err := unix.Connect(s,
			&unix.SockaddrInet6{Port: 9, Addr: [16]byte(net.IPv6loopback)}); err != nil {
			return err
		}
		_, err := unix.Getpeername(s)
		return err
	})
}

// unixConnect connects to a listener of its own at an abstract name.
func unixConnect() error {
	return socketOf(unix.AF_UNIX, unix.SOCK_STREAM, func(l int) error {
		if err := unix.Bind(l, &unix.SockaddrUnix{}); err != nil {
			return err
		}
		if err := unix.Listen(l, 1); err != nil {
			return err
		}
		name, err := unix.Getsockname(l)
		if err != nil {
			return err
		}
		return socketOf(unix.AF_UNIX, unix.SOCK_STREAM, func(s int) error {
			if err := unix.Connect(s, name); err != nil {
				return err
			}
			_, err := unix.Getpeername(s)
			return err
		})
	})
}

func setTOS() error {
	return socketOf(unix.AF_INET, unix.SOCK_DGRAM, func(s int) error {
		return unix.SetsockoptInt(s, unix.SOL_IP, unix.IP_TOS, 8)
	})
}

// getTOS expects the value that the program sets, and otherwise fails with ENODATA.
func getTOS() error {
	return socketOf(unix.AF_INET, unix.SOCK_DGRAM, func(s int) error {
		tos, err := unix.GetsockoptByte(s, unix.SOL_IP, unix.IP_TOS)
		if err == nil && tos != 0x2a {
			err = unix.ENODATA
		}
		return err
	})
}

func openPath(path string) func() error {
	return func() error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.Read(make([]byte, 1))
		return err
	}
}

// createSocket makes programs of sock_create run.
func createSocket(t *testing.T) {
	t.Helper()
	if err := socketOf(unix.AF_INET, unix.SOCK_DGRAM, func(int) error { return nil }); err != nil {
		t.Fatal(err)
	}
}
