package explain

import (
	"errors"
	"fmt"

	"github.com/purebpf/bpf/internal/load"
	"github.com/purebpf/bpf/internal/privilege"
	"github.com/purebpf/bpf/kernel"
)

func isFrozen(a *Attempt) string {
	if a.Map.Frozen {
		return "the map is frozen"
	}
	return ""
}

func isFull(a *Attempt) string { return fmt.Sprintf("max_entries is %d", a.Map.MaxEntries) }

func missesCapability(a *Attempt) string {
	if a.Op&Netlink != 0 {
		return privilege.NetlinkHint(a.err)
	}
	return privilege.Hint(a.err, a.Need...)
}

func accessIsDenied(a *Attempt) string { return privilege.AccessHint(a.err, a.Access...) }

func eventIsDenied(a *Attempt) string { return privilege.EventHint(a.err, a.Need...) }

// memlockIsLow returns what kept RLIMIT_MEMLOCK low: before 5.11 the kernel answers EPERM if there
// is no room.
func memlockIsLow(a *Attempt) string {
	var known *kernel.PrivilegeError
	if a.Limit == nil || errors.As(a.err, &known) {
		return ""
	}
	return a.Limit.Error()
}

func breaksRule(a *Attempt) string {
	for _, m := range a.Maps {
		if text := load.BrokenRule(m, a.err); text != "" {
			return text
		}
	}
	return ""
}

func outputIsLarger(a *Attempt) string { return fmt.Sprintf("the output has %d bytes", a.Size) }

func runsNot(a *Attempt) string {
	return fmt.Sprintf("programs of type %v cannot be run by themselves", a.Program.Type)
}
