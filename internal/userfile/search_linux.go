package userfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// mayUse reports whether path is a regular file that this process may read, or read and run.
func mayUse(path string, run bool) bool {
	mode := uint32(unix.R_OK)
	if run {
		mode |= unix.X_OK
	}
	if unix.Faccessat(unix.AT_FDCWD, path, mode, unix.AT_EACCESS) != nil {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
