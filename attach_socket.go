package bpf

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/uapi"
)

// The kernel ties these programs to a socket, not to a descriptor of the attachment: they go when
// the socket is closed, or when another program replaces them. There is no Link.

// SetSocketFilter attaches a SEC("socket") program that filters what a socket receives: it returns
// how many bytes of each packet to keep (SO_ATTACH_BPF; 3.19). It replaces the socket's filter.
// conn comes from SyscallConn of a net.Conn, a listener or an os.File. No privileges beyond those
// of the load.
func (p *Program) SetSocketFilter(conn syscall.RawConn) error {
	return p.setSocket("a socket", conn, uapi.ProgSocketFilter, soAttachBPF)
}

// SetReuseport attaches a program that chooses which socket of a reuseport group gets a packet or
// connection: SEC("sk_reuseport") (4.19), or SEC("socket"), which returns an index (4.5)
// (SO_ATTACH_REUSEPORT_EBPF). The socket must have SO_REUSEPORT. One call serves the whole group.
func (p *Program) SetReuseport(conn syscall.RawConn) error {
	return p.setSocket("a reuseport group", conn, uapi.ProgSKReuseport, soAttachReuseportEBPF)
}

// UnsetSocketFilter removes a socket's filter, whoever attached it (SO_DETACH_FILTER).
func UnsetSocketFilter(conn syscall.RawConn) error {
	return onSocket("detach program", "from a socket", conn, soDetachFilter, 0)
}

// UnsetReuseport removes the program of a reuseport group, whoever attached it
// (SO_DETACH_REUSEPORT_BPF; 5.3).
func UnsetReuseport(conn syscall.RawConn) error {
	return onSocket("detach program", "from a reuseport group", conn, soDetachReuseportBPF, 0)
}

func (p *Program) setSocket(to string, conn syscall.RawConn, want uapi.ProgType, option int) error {
	if err := p.use(); err != nil {
		return p.attachFail(to, err)
	}
	defer p.release()
	if p.typ != want && p.typ != uapi.ProgSocketFilter {
		return p.attachFail(to, fmt.Errorf("the program is of type %v, want %v: %w",
			p.typ, want, syscall.EINVAL))
	}
	return onSocket("attach program", p.name+" to "+to, conn, option, p.fd.Int())
}

func onSocket(op, subject string, conn syscall.RawConn, option, value int) error {
	var failed error
	if err := conn.Control(func(fd uintptr) {
		failed = setSocketOption(int(fd), option, value)
	}); err != nil {
		failed = err
	}
	if failed != nil {
		return newError(op, about{"", subject}, failed)
	}
	return nil
}
