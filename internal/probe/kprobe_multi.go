package probe

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/glob"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Moment says when a program runs that is attached to many functions.
type Moment uint8

// The moments. InSession is at both.
const (
	AtEntry Moment = iota
	AtReturn
	InSession
)

// KprobeMulti is a set of kernel functions: those that match a pattern, or Symbols, or Addresses.
type KprobeMulti struct {
	Pattern   string
	Symbols   []string
	Addresses []uint64
	Cookies   []uint64 // one for each of Symbols or Addresses
	Moment    Moment
	Unique    bool // the pattern must match exactly one function
}

// String returns "kprobe.multi tcp_*", "kretprobe.multi (12 functions)".
func (k *KprobeMulti) String() string {
	kind := "kprobe.multi "
	switch {
	case k.Moment == InSession:
		kind = "kprobe.session "
	case k.Moment == AtReturn:
		kind = "kretprobe.multi "
	}
	switch n := max(len(k.Symbols), len(k.Addresses)); {
	case k.Pattern != "":
		return kind + k.Pattern
	case len(k.Symbols) == 1:
		return kind + k.Symbols[0]
	case n == 1:
		return fmt.Sprintf("%s%#x", kind, k.Addresses[0])
	default:
		return fmt.Sprintf("%s(%d functions)", kind, n)
	}
}

// AttachType returns the attach type of programs for it.
func (k *KprobeMulti) AttachType() uapi.AttachType {
	if k.Moment == InSession {
		return uapi.AttachTraceKprobeSession
	}
	return uapi.AttachTraceKprobeMulti
}

// Check refuses a set that contradicts itself.
func (k *KprobeMulti) Check() error {
	n := max(len(k.Symbols), len(k.Addresses))
	switch {
	case k.Moment > InSession:
		return fmt.Errorf("moment %d: %w", k.Moment, syscall.EINVAL)
	case len(k.Symbols) > 0 && len(k.Addresses) > 0:
		return fmt.Errorf("both names and addresses are given: %w", syscall.EINVAL)
	case k.Pattern != "" && (n > 0 || len(k.Cookies) > 0):
		return fmt.Errorf("a pattern excludes names, addresses and cookies: %w", syscall.EINVAL)
	case k.Pattern == "" && n == 0:
		return fmt.Errorf("neither a pattern nor functions are given: %w", syscall.EINVAL)
	case k.Pattern == "" && k.Unique:
		return fmt.Errorf("option UniqueMatch needs a pattern: %w", syscall.EINVAL)
	}
	return checkCount("cookies", len(k.Cookies), n)
}

// checkCount refuses a list of values for functions that has not one for each.
func checkCount(what string, n, functions int) error {
	if n > 0 && n != functions {
		return fmt.Errorf("there are %d %s for %d functions: %w",
			n, what, functions, syscall.EINVAL)
	}
	return nil
}

// Exact reports whether the kernel can look the pattern up by itself, which is faster than Match.
func (k *KprobeMulti) Exact() bool {
	return k.Pattern == "" || !k.Unique && !glob.HasWildcard(k.Pattern)
}

// Match looks up the functions that match the pattern, among those that ftrace can patch. The
// errors are those of kernel.MatchFunctions.
func (k *KprobeMulti) Match(m Tracefs) error {
	root, err := m.Tracefs()
	if err != nil {
		return err
	}
	k.Addresses, err = kernel.MatchFunctions(root, k.Pattern)
	return err
}

// CheckMatch refuses the result of Match if it is empty, or if it must be one function and is not.
func (k *KprobeMulti) CheckMatch() error {
	switch n := len(k.Addresses); {
	case n == 0:
		return fmt.Errorf("no function that can be attached to matches: %w", syscall.ENOENT)
	case k.Unique && n > 1:
		return fmt.Errorf("%d functions match: %w", n, syscall.EINVAL)
	}
	return nil
}

// Names returns the names that the kernel looks up, nil if it gets addresses.
func (k *KprobeMulti) Names() []string {
	switch {
	case len(k.Addresses) > 0:
		return nil
	case k.Pattern != "":
		return []string{k.Pattern}
	}
	return k.Symbols
}

// kprobeMultiReturn is BPF_F_KPROBE_MULTI_RETURN.
const kprobeMultiReturn = 1

// Attach attaches a program to the functions by one link. The error wraps ENOENT if there is no
// function of a name. The caller closes the link.
func (k *KprobeMulti) Attach(program *sys.FD) (*sys.FD, error) {
	detail := sys.LinkKprobeMulti{Cookies: sys.Slice(k.Cookies)}
	if k.Moment == AtReturn {
		detail.Flags = kprobeMultiReturn
	}
	if len(k.Addresses) > 0 {
		detail.Addrs, detail.Count = sys.Slice(k.Addresses), uint32(len(k.Addresses))
	} else {
		names, err := cStrings(k.Names())
		if err != nil {
			return nil, err
		}
		detail.Syms, detail.Count = sys.Slice(names), uint32(len(names))
	}
	link, err := sys.LinkCreate(&sys.LinkCreateAttr{ProgFD: program.Uint32(),
		AttachType: k.AttachType(), Detail: &detail})
	if err == syscall.ESRCH {
		err = syscall.ENOENT // as every other family answers for a name that doesn't exist
	}
	return link, err
}

// cStrings makes an array of pointers to names, each terminated by a NUL, in one piece of memory.
func cStrings(names []string) ([]sys.Pointer, error) {
	size := 0
	for _, name := range names {
		if name == "" || strings.IndexByte(name, 0) >= 0 {
			return nil, fmt.Errorf("%q is no name of a function: %w", name, syscall.EINVAL)
		}
		size += len(name) + 1
	}
	text := make([]byte, 0, size)
	list := make([]sys.Pointer, len(names))
	for i, name := range names {
		start := len(text)
		text = append(append(text, name...), 0)
		list[i] = sys.Slice(text[start:])
	}
	return list, nil
}
