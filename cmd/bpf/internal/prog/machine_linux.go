package prog

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// bootTime returns when the machine was started.
func bootTime() time.Time {
	var now, up unix.Timespec
	unix.ClockGettime(unix.CLOCK_REALTIME, &now)
	unix.ClockGettime(unix.CLOCK_BOOTTIME, &up)
	return time.Unix(now.Unix()).Add(-time.Duration(up.Nano()))
}

// isThisNetns reports whether dev and inode are those of this process's network namespace.
func isThisNetns(dev, inode uint64) bool {
	var here syscall.Stat_t
	return syscall.Stat("/proc/self/ns/net", &here) == nil && here.Ino == inode &&
		uint64(here.Dev) == dev
}
