package nolink

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// SetSocketFilter attaches a SEC("socket") program that filters what a socket receives: it returns
// how many bytes of each packet to keep (SO_ATTACH_BPF; 3.19). It replaces the socket's filter.
// conn comes from SyscallConn of a net.Conn, a listener or an os.File.
func SetSocketFilter(p *bpf.Program, conn syscall.RawConn) error {
	return setSocket(p, "a socket", conn, uapi.ProgSocketFilter, soAttachBPF)
}

// SetReuseport attaches a program that chooses which socket of a reuseport group gets a packet or
// connection: SEC("sk_reuseport") (4.19), or SEC("socket"), which returns an index (4.5)
// (SO_ATTACH_REUSEPORT_EBPF). The socket must have SO_REUSEPORT. One call serves the whole group.
func SetReuseport(p *bpf.Program, conn syscall.RawConn) error {
	return setSocket(p, "a reuseport group", conn, uapi.ProgSKReuseport, soAttachReuseportEBPF)
}

// UnsetSocketFilter removes a socket's filter, whoever attached it (SO_DETACH_FILTER).
func UnsetSocketFilter(conn syscall.RawConn) error {
	return unsetSocket("from a socket", conn, soDetachFilter)
}

// UnsetReuseport removes the program of a reuseport group, whoever attached it
// (SO_DETACH_REUSEPORT_BPF; 5.3).
func UnsetReuseport(conn syscall.RawConn) error {
	return unsetSocket("from a reuseport group", conn, soDetachReuseportBPF)
}

func setSocket(p *bpf.Program, to string, conn syscall.RawConn, want uapi.ProgType,
	option int) error {
	return attach(p, &explain.Place{Name: to}).do(func(a *sys.ProgAttachAttr) error {
		if t := p.Type(); t != want && t != uapi.ProgSocketFilter {
			return fmt.Errorf("the program is of type %v, want %v: %w", t, want, syscall.EINVAL)
		}
		return onSocket(conn, option, int(a.ProgFD))
	})
}

func unsetSocket(from string, conn syscall.RawConn, option int) error {
	if err := onSocket(conn, option, 0); err != nil {
		return newError(explain.Detach, "", from, err, &explain.Attempt{})
	}
	return nil
}

func onSocket(conn syscall.RawConn, option, value int) error {
	var failed error
	if err := conn.Control(func(fd uintptr) {
		failed = setSocketOption(int(fd), option, value)
	}); err != nil {
		return err
	}
	return failed
}
