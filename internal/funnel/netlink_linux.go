package funnel

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Netlink opens a socket, sends request and gives every datagram of the answer to receive.
func (Kernel) Netlink(family int, request []byte, receive func(datagram []byte) (done bool, err error)) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, family)
	if err != nil {
		return os.NewSyscallError("netlink socket", err)
	}
	defer unix.Close(fd)
	// Extended and capped acknowledgements since 4.12; without them errors are bare numbers.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	kernel := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
	if err := unix.Sendto(fd, request, 0, kernel); err != nil {
		return os.NewSyscallError("netlink send", err)
	}
	buf := make([]byte, 8192)
	for {
		n, from, err := recvFrom(fd, buf, unix.MSG_PEEK|unix.MSG_TRUNC)
		if err == nil && n > len(buf) {
			buf = make([]byte, n)
		}
		if err == nil {
			n, from, err = recvFrom(fd, buf, 0)
		}
		if err != nil {
			return os.NewSyscallError("netlink receive", err)
		}
		if nl, ok := from.(*unix.SockaddrNetlink); ok && nl.Pid != 0 {
			continue // not from the kernel
		}
		if done, err := receive(buf[:n]); done || err != nil {
			return err
		}
	}
}

func recvFrom(fd int, buf []byte, flags int) (int, unix.Sockaddr, error) {
	for {
		n, from, err := unix.Recvfrom(fd, buf, flags)
		if err != syscall.EINTR && err != syscall.EAGAIN {
			return n, from, err
		}
	}
}
