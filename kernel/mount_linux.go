package kernel

import (
	"os"

	"golang.org/x/sys/unix"
)

func fsMagic(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	return int64(uint32(st.Type)), nil
}

func mountFS(kind, at, options string) error {
	return os.NewSyscallError(
		"mount", unix.Mount(kind, at, kind, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, options))
}
