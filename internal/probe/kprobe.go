package probe

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/pathname"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

// Kprobe is a place in the kernel: an offset in a function, or an address.
type Kprobe struct {
	Symbol  string // "function" or "module:function"; "" for an address
	Offset  uint64
	Address uint64
	Return  bool
}

// String returns "kprobe tcp_connect+0x4", "kretprobe 0xffffffff81000000".
func (k *Kprobe) String() string {
	kind := "kprobe "
	if k.Return {
		kind = "kretprobe "
	}
	switch {
	case k.Symbol == "":
		return fmt.Sprintf("%s%#x", kind, k.Address)
	case k.Offset != 0:
		return fmt.Sprintf("%s%s+%#x", kind, k.Symbol, k.Offset)
	}
	return kind + k.Symbol
}

// Check refuses what can be no place.
func (k *Kprobe) Check() error {
	switch {
	case k.Symbol == "" && k.Address == 0:
		return fmt.Errorf("neither a function nor an address is given: %w", syscall.EINVAL)
	case k.Symbol != "" && k.Address != 0, k.Symbol == "" && k.Offset != 0:
		return fmt.Errorf("an address excludes a function and an offset: %w", syscall.EINVAL)
	case k.Offset > math.MaxUint32:
		return fmt.Errorf("offset %#x has more than 32 bits, the kernel's limit: %w",
			k.Offset, syscall.EINVAL)
	case strings.ContainsAny(k.Symbol, " \t\n\x00"):
		return fmt.Errorf("%q is no name of a function: %w", k.Symbol, syscall.EINVAL)
	}
	return nil
}

func (k *Kprobe) source() string { return "kprobe" }

func (k *Kprobe) require(Machine) error { return nil }

// open opens a perf event of the kprobe PMU.
func (k *Kprobe) open(m Machine, pmu uint32) (*Event, error) {
	config, err := returnConfig(m, "kprobe", k.Return)
	if err != nil {
		return nil, err
	}
	r := request{
		attr: sys.PerfEventAttr{Type: sys.PerfType(pmu), Config: config, Config2: k.Offset},
		name: k.Symbol,
	}
	if k.Symbol == "" {
		r.attr.Config2 = k.Address
	}
	return newEvent(r.open())
}

// openLegacy defines an event in tracefs and opens it.
func (k *Kprobe) openLegacy(m Tracefs) (*Event, error) {
	if k.Symbol == "" {
		return nil, fmt.Errorf(
			"an address can only be probed through the kprobe PMU (4.17): %w",
			errors.ErrUnsupported)
	}
	if module, _, ok := strings.Cut(k.Symbol, ":"); ok {
		if err := pathname.Check(module); err != nil {
			return nil, fmt.Errorf("%q is no name of a module: %w: %w",
				module, err, syscall.EINVAL)
		}
		// tracefs would accept the event and wait for a module of that name. Built-in modules have
		// a directory there, too.
		if _, err := os.Stat(filepath.Join("/sys/module", module, "initstate")); err != nil {
			return nil, fmt.Errorf("no module %s is loaded: %w", module, syscall.ENOENT)
		}
	}
	place := k.Symbol + "+0x" + strconv.FormatUint(k.Offset, 16)
	root, err := m.Tracefs()
	if err != nil {
		return nil, err
	}
	e, err := define(root, "kprobe", k.Return, place, k.Symbol, k.Offset)
	if err != nil {
		return nil, err
	}
	return e.open(0)
}

// Refused examines the error of opening the probe. It returns what the kernel says about the
// function, nil if that can't be the reason, and the error, which wraps fs.ErrNotExist if there is
// no such function.
func (k *Kprobe) Refused(err error) (*kernel.FunctionSymbol, error) {
	missing := errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.EINVAL) ||
		errors.Is(err, syscall.EADDRNOTAVAIL)
	if k.Symbol == "" || !missing || errors.Is(err, errors.ErrUnsupported) {
		return nil, err
	}
	symbol, symbolErr := kernel.FindFunction(k.Symbol)
	if symbolErr != nil {
		return nil, err
	}
	if symbol.Absent() && !errors.Is(err, fs.ErrNotExist) {
		err = absentError{err} // newer kernels return EINVAL for an event in tracefs
	}
	return symbol, err
}

// absentError is an error because the function doesn't exist, where the kernel gave another
// reason.
type absentError struct{ err error }

func (e absentError) Error() string {
	return "the kernel has no such function: " + e.err.Error()
}
func (e absentError) Unwrap() error        { return e.err }
func (e absentError) Is(target error) bool { return target == fs.ErrNotExist }

// SyscallFunction returns the name of the kernel function of a system call.
func SyscallFunction(k Features, name string, log *slog.Logger) string {
	if Has(k, facts.SyscallWrapper, log) {
		return kernel.SyscallPrefix() + "sys_" + name
	}
	return "__se_sys_" + name
}
