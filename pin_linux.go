package bpf

import (
	"fmt"
	"syscall"
)

const bpffsMagic = 0xcafe4a11 // BPF_FS_MAGIC

// onBPFFS refuses directories that are not on a BPF file system, with EINVAL as libbpf does.
func onBPFFS(dir string) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if uint32(st.Type) != bpffsMagic {
		return fmt.Errorf("%s is not on a BPF file system (mount -t bpf bpf /sys/fs/bpf): %w", dir, syscall.EINVAL)
	}
	return nil
}
