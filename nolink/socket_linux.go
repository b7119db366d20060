package nolink

import "golang.org/x/sys/unix"

const (
	soAttachBPF           = unix.SO_ATTACH_BPF
	soAttachReuseportEBPF = unix.SO_ATTACH_REUSEPORT_EBPF
	soDetachFilter        = unix.SO_DETACH_FILTER
	soDetachReuseportBPF  = unix.SO_DETACH_REUSEPORT_BPF
)

func setSocketOption(fd, option, value int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, value)
}
