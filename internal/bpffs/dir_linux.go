package bpffs

import (
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/sys"
)

// openDir opens a directory by its path or, within an open directory, by a name that is not a
// symlink.
func openDir(in *sys.FD, path string) (*sys.FD, error) {
	at, flags := unix.AT_FDCWD, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC
	if in != nil {
		at, flags = in.Int(), flags|unix.O_NOFOLLOW
	}
	for {
		fd, err := unix.Openat(at, path, flags, 0)
		switch err {
		case nil:
			return sys.NewFD(fd)
		case syscall.EINTR:
		default:
			return nil, err
		}
	}
}

func makeDir(in *sys.FD, name string) error { return unix.Mkdirat(in.Int(), name, 0o700) }

func unlink(in *sys.FD, name string, dir bool) error {
	flags := 0
	if dir {
		flags = unix.AT_REMOVEDIR
	}
	return unix.Unlinkat(in.Int(), name, flags)
}

// inode returns the inode number of a name in a directory, 0 if it does not exist. BPF file systems
// do not reuse numbers.
func inode(in *sys.FD, name string) uint64 {
	var st unix.Stat_t
	if err := unix.Fstatat(in.Int(), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return 0
	}
	return st.Ino
}

func isBPFFS(dir *sys.FD) (bool, error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(dir.Int(), &st); err != nil {
		return false, err
	}
	return uint32(st.Type) == unix.BPF_FS_MAGIC, nil
}

func onBPFFS(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && uint32(st.Type) == unix.BPF_FS_MAGIC
}

func exists(path string) bool {
	var st unix.Stat_t
	return unix.Lstat(path, &st) == nil
}
