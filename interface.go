package bpf

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/internal/rtnl"
)

// interfaceIndex finds a network interface of this thread's network namespace: by its name or an
// alternative name, else by its index as a number.
func interfaceIndex(name string) (int, error) {
	index, err := rtnl.InterfaceIndex(name)
	if errors.Is(err, syscall.ENODEV) {
		err = fmt.Errorf("there is no interface %q: %w: %w", name, err, ErrNotExist)
		names, _ := rtnl.InterfaceNames() // for the hint alone
		if near := nearest.Among(name, names...); near != "" {
			err = fmt.Errorf("%w; %s", err, near)
		}
		return 0, err
	}
	if err != nil {
		return 0, fmt.Errorf("interface %q: %w", name, err)
	}
	return index, nil
}
