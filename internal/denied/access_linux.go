package denied

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// access asks whether the effective user may do something to what is at path.
func access(path string, need Access) error {
	return unix.Faccessat(unix.AT_FDCWD, path, uint32(need), unix.AT_EACCESS)
}

// writeOnly reports whether a file is for writing alone: sysfs lets not even root read it.
func writeOnly(path string) bool {
	var st unix.Stat_t
	return unix.Stat(path, &st) == nil && st.Mode&0o444 == 0
}

// describe says whose a file is, and what to do.
func describe(path string) string {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil { // a symlink to elsewhere, or "."
		return "this user may not reach " + path + advice()
	}
	owner := "root"
	if st.Uid != 0 {
		owner = fmt.Sprintf("user %d", st.Uid)
	}
	return fmt.Sprintf("%s belongs to %s and has mode %#o%s", path, owner, st.Mode&0o777, advice())
}

func advice() string {
	if unix.Geteuid() == 0 {
		return "" // root of a container, or without its capabilities
	}
	return ": run it with sudo"
}
