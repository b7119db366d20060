package rtnl

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/nearest"
)

const (
	iflaIfName    = 3
	iflaExtMask   = 29
	iflaPropList  = 52
	iflaAltIfName = 53

	extSkipStats = 8 // RTEXT_FILTER_SKIP_STATS

	ifNameMax    = 15  // IFNAMSIZ without its NUL
	altIfNameMax = 127 // ALTIFNAMSIZ without its NUL
)

// InterfaceIndex finds a network interface of the calling thread's network namespace: by its name
// or one of its alternative names (5.5), as ip(8) does, else by its index as a decimal number.
// ENODEV if there is none. No privileges.
func InterfaceIndex(name string) (int, error) {
	if name == "" || len(name) > altIfNameMax || strings.IndexByte(name, 0) >= 0 {
		return 0, syscall.ENODEV // what the kernel would cut or refuse to compare
	}
	attr := uint16(iflaIfName) // the kernel compares it with alternative names as well
	if len(name) > ifNameMax {
		attr = iflaAltIfName
	}
	r := newRequest(rtmGetLink, 0, ifinfomsg(0))
	r.attrString(attr, name)
	index, _, err := r.link()
	if attr == iflaAltIfName && errors.Is(err, syscall.EINVAL) {
		err = syscall.ENODEV // before 5.5 there are no other names
	}
	if !errors.Is(err, syscall.ENODEV) {
		return index, err
	}
	n, numErr := strconv.ParseUint(name, 10, 31)
	if numErr != nil || name[0] == '0' {
		return 0, err
	}
	if _, err := InterfaceName(int(n)); err != nil {
		return 0, err
	}
	return int(n), nil
}

// Interface is InterfaceIndex with an error that names the interface, wraps fs.ErrNotExist if there
// is none, and names what is near.
func Interface(name string) (int, error) {
	index, err := InterfaceIndex(name)
	if errors.Is(err, syscall.ENODEV) {
		err = fmt.Errorf("there is no interface %q: %w: %w", name, err, fs.ErrNotExist)
		names, _ := InterfaceNames() // for the hint alone
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

// InterfaceName returns the name of the interface with that index. ENODEV if there is none.
func InterfaceName(index int) (string, error) {
	if index <= 0 {
		return "", syscall.ENODEV
	}
	_, name, err := newRequest(rtmGetLink, 0, ifinfomsg(index)).link()
	return name, err
}

// InterfaceNames returns the names of all interfaces, alternative ones too.
func InterfaceNames() ([]string, error) {
	var names []string
	add := func(typ uint16, v []byte) error {
		if typ == iflaIfName || typ == iflaAltIfName {
			names = append(names, text(v))
		}
		return nil
	}
	r := newRequest(rtmGetLink, nlmDump, ifinfomsg(0))
	r.attr32(iflaExtMask, extSkipStats)
	err := r.do(familyRoute, func(typ uint16, payload []byte) error {
		if typ != rtmNewLink || len(payload) < ifinfomsgSize {
			return nil
		}
		return attributes(payload[ifinfomsgSize:], func(typ uint16, v []byte) error {
			if typ == iflaPropList {
				return attributes(v, add)
			}
			return add(typ, v)
		})
	})
	return names, err
}

// link asks for one interface and returns its index and name.
func (r *nlRequest) link() (index int, name string, err error) {
	r.attr32(iflaExtMask, extSkipStats)
	err = r.do(familyRoute, func(typ uint16, payload []byte) error {
		if typ != rtmNewLink || len(payload) < ifinfomsgSize {
			return nil
		}
		index = int(int32(host.Uint32(payload[ifinfomsgIndexOffs:])))
		return attributes(payload[ifinfomsgSize:], func(typ uint16, v []byte) error {
			if typ == iflaIfName {
				name = text(v)
			}
			return nil
		})
	})
	if err == nil && index <= 0 {
		err = syscall.ENODEV
	}
	return index, name, err
}
