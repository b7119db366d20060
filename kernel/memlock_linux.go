package kernel

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// setMemlock sets both limits. Without CAP_SYS_RESOURCE, which raising the hard limit needs, it
// raises the soft limit to the hard limit.
func setMemlock(limit uint64) error {
	err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: limit, Max: limit})
	if !errors.Is(err, syscall.EPERM) {
		return err
	}
	var now unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &now) != nil || now.Cur >= now.Max {
		return err
	}
	hard := now.Max
	if again := unix.Setrlimit(unix.RLIMIT_MEMLOCK,
		&unix.Rlimit{Cur: hard, Max: hard}); again != nil {
		return err
	}
	return fmt.Errorf("only to the hard limit of %d bytes: %w", hard, err)
}
