package bpf

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// interfaceIndex finds a network interface of this thread's network namespace by its name, or takes a number for its index. It asks by
// ioctl: package net would cost every program that links this one its start-up time and size.
func interfaceIndex(name string) (int, error) {
	if n, err := strconv.ParseUint(name, 10, 31); err == nil && n > 0 {
		return int(n), nil
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, fmt.Errorf("interface %q: %w", name, ErrNotExist)
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(socket)
	if err := unix.IoctlIfreq(socket, unix.SIOCGIFINDEX, request); err != nil {
		if err == unix.ENODEV {
			return 0, fmt.Errorf("there is no interface %q: %w: %w", name, err, ErrNotExist)
		}
		return 0, fmt.Errorf("interface %q: %w", name, err)
	}
	return int(request.Uint32()), nil
}
