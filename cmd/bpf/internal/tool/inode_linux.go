package tool

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/denied"
)

// Inode returns the inode by which links identify a cgroup or a network namespace.
func Inode(path string) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, fmt.Errorf("%s: %w", path, denied.Explain(path, denied.Reach, err))
	}
	return st.Ino, nil
}
