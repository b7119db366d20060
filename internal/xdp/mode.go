// Package xdp attaches XDP programs in the mode that the interface can do.
package xdp

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"syscall"

	"github.com/purebpf/bpf/internal/extack"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/sys"
)

// Mode says where an XDP program sees packets.
type Mode uint8

// The modes. Any is Native if the driver supports it and accepts the program, else Generic.
const (
	Any Mode = iota
	Native
	Generic
	Offload
)

var modes = [...]struct {
	name string
	flag uint32
}{
	Any:     {"any", 0},
	Native:  {"native", rtnl.XDPDrvMode},
	Generic: {"generic", rtnl.XDPSKBMode},
	Offload: {"offload", rtnl.XDPHWMode},
}

// String returns native, generic, offload or any.
func (m Mode) String() string {
	if int(m) < len(modes) {
		return modes[m].name
	}
	return "XDPMode(" + strconv.Itoa(int(m)) + ")"
}

// Result is how a program was attached.
type Result struct {
	Mode    Mode
	Why     string // why the mode is Generic where Any was asked for, else ""
	Refused bool   // Why is the driver's refusal
}

// Attach calls try with the flags of the mode. For Any the kernel chooses, native if the driver has
// it; if that fails for a reason that concerns only native mode, Attach calls try for generic mode.
func Attach(program int, index int, mode Mode, try func(flags uint32) error) (Result, error) {
	r := Result{Mode: mode}
	if int(mode) >= len(modes) {
		return r, fmt.Errorf("%v: %w", mode, syscall.EINVAL)
	}
	err := try(modes[mode].flag)
	if mode != Any {
		return r, err
	}
	refusal := ""
	if err != nil && genericMayDo(index, err) {
		native := worded(err)
		refusal = printable.Error(native)
		err = try(modes[Generic].flag)
		if generic := worded(err); err != nil && printable.Error(generic) != refusal {
			err = fmt.Errorf("in native mode: %w; in generic mode: %w", native, generic)
		}
	}
	if err != nil {
		return r, err
	}
	r.Mode = Native
	if state, err := rtnl.XDPQuery(index); err == nil && isGeneric(program, state) {
		r.Mode, r.Refused = Generic, refusal != ""
		r.Why = cmp.Or(refusal, "the driver has no native XDP")
	}
	return r, nil
}

// genericMayDo reports whether generic mode may work where the kernel's choice of a mode was
// refused. It can't if a program is in the way: that one is in the way of both, or generic mode
// would replace it.
func genericMayDo(index int, err error) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	switch errno {
	case syscall.EPERM, syscall.EACCES, syscall.ENODEV, syscall.EBADF:
		return false
	case syscall.EBUSY, syscall.EEXIST: // drivers answer these also without any program
		state, err := rtnl.XDPQuery(index)
		return err == nil && state.Attached == rtnl.XDPAttachedNone
	}
	return true
}

// isGeneric reports whether the program is the one that is attached in generic mode.
func isGeneric(program int, state *rtnl.XDPState) bool {
	if state.Attached != rtnl.XDPAttachedMulti {
		return state.Attached == rtnl.XDPAttachedSKB
	}
	info, err := sys.ProgInfoByFD(program)
	return err == nil && state.SKBProgID == info.ID
}

// worded gives a text to an errno for which Go has none.
func worded(err error) error {
	if errno, ok := err.(syscall.Errno); ok {
		return &rtnl.Error{Errno: errno}
	}
	return err
}

// WithWords adds the kernel's message to a refusal, if there is one. The system call returns only a
// number, so it is made again while the message is traced. It doesn't retry errors that another
// attempt can't change or that have no message.
func WithWords(err error, again func() error) error {
	switch err {
	case nil, syscall.EPERM, syscall.ENODEV, syscall.EBADF, syscall.ENOMEM:
		return err
	}
	words := extack.Of(func() { err = again() })
	var errno syscall.Errno
	if words != "" && errors.As(err, &errno) {
		return &rtnl.Error{Errno: errno, Message: words}
	}
	return err
}
