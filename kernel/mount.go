package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/purebpf/bpf/internal/bpffs"
)

// DefaultBPFFS is where the BPF file system is mounted by convention.
const DefaultBPFFS = "/sys/fs/bpf"

// magicBPFFS is the magic number that statfs returns for a BPF file system.
const magicBPFFS = 0xcafe4a11

// magicSysfs is the magic number of sysfs, in which other file systems are mounted.
const magicSysfs = 0x62656572

// EnsureBPFFS ensures that path, or the directory that it would be created in, is on a BPF file
// system (libbpf make_parent_dir, check_path). If it is below /sys/fs/bpf and nothing is mounted
// there, EnsureBPFFS mounts one, which needs CAP_SYS_ADMIN. The error is EINVAL if path is
// elsewhere, or if another file system is mounted there; its text says where there is a BPF file
// system.
func EnsureBPFFS(path string) error {
	magic, err := nearestMagic(path)
	if err != nil {
		return bpffs.Explain(path, err)
	}
	if magic == magicBPFFS {
		return nil
	}
	if clean := filepath.Clean(path); clean != DefaultBPFFS && !under(clean, DefaultBPFFS) {
		return fmt.Errorf("%s is not on a BPF file system: use a path below %s: %w", path,
			DefaultBPFFS, syscall.EINVAL)
	}
	// A mount on top of another would hide its files, pins among them.
	switch magic, err := fsMagic(DefaultBPFFS); {
	case err != nil:
		return fmt.Errorf("no BPF file system at %s: %w", DefaultBPFFS, err)
	case magic == magicBPFFS:
		return fmt.Errorf("%s is not on the BPF file system that is mounted at %s: %w", path,
			DefaultBPFFS, syscall.EINVAL)
	case magic != magicSysfs:
		return fmt.Errorf("%s has a file system of another kind (%#x): %w", DefaultBPFFS, magic,
			syscall.EINVAL)
	}
	if err := mountFS("bpf", DefaultBPFFS, "mode=0700"); err != nil {
		return fmt.Errorf("no BPF file system at %s, and it could not be mounted (mount -t bpf "+
			"bpf %s): %w", DefaultBPFFS, DefaultBPFFS, err)
	}
	return nil
}

func under(path, dir string) bool {
	return len(path) > len(dir) && path[:len(dir)] == dir && path[len(dir)] == '/'
}

// nearestMagic returns the magic number of the file system of path or of its nearest parent that
// exists.
func nearestMagic(path string) (magic int64, err error) {
	at, err := filepath.Abs(path)
	if err != nil {
		return 0, err
	}
	for {
		magic, err = fsMagic(at)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || at == "/" {
			return magic, err
		}
		at = filepath.Dir(at)
	}
}

// Tracefs returns where tracefs is: /sys/kernel/debug/tracing if it is accessible, else
// /sys/kernel/tracing (libbpf tracefs_path). If neither is mounted it mounts the latter, which
// needs CAP_SYS_ADMIN. The error wraps fs.ErrNotExist on a kernel without tracefs.
func (f *Facts) Tracefs() (string, error) {
	debug, trace := f.shared.root+"/sys/kernel/debug/tracing", f.shared.root+"/sys/kernel/tracing"
	var denied error
	for _, dir := range [...]string{debug, trace} {
		if _, err := os.Stat(dir + "/trace"); err == nil {
			return dir, nil
		} else if errors.Is(err, fs.ErrPermission) {
			denied = fmt.Errorf("tracefs needs root or a changed mode of %s: %w", trace, err)
		}
	}
	if denied != nil {
		return "", denied
	}
	if _, err := os.Stat(trace); err != nil {
		if _, noSys := os.Stat(f.shared.root + "/sys/kernel"); errors.Is(noSys, fs.ErrNotExist) {
			return "", fmt.Errorf(
				"no tracefs because sysfs is not mounted: mount -t sysfs sysfs /sys: %w", err)
		}
		return "", fmt.Errorf("no tracefs: %w", err)
	}
	if f.shared.root != "" {
		return "", fmt.Errorf("no tracefs at %s: %w", trace, fs.ErrNotExist)
	}
	err := mountFS("tracefs", trace, "")
	if errors.Is(err, syscall.EBUSY) { // something is mounted there by now
		if _, statErr := os.Stat(trace + "/trace"); statErr == nil {
			err = nil
		}
	}
	if err == nil {
		return trace, nil
	}
	if errors.Is(err, syscall.ENODEV) {
		return "", fmt.Errorf("this kernel has no tracefs (CONFIG_TRACING): %w", fs.ErrNotExist)
	}
	if lacks := f.Require("mounting it", CapSysAdmin); lacks != nil &&
		errors.Is(err, syscall.EPERM) {
		err = fmt.Errorf("%w: %w", lacks, err)
	}
	return "", fmt.Errorf(
		"tracefs is not mounted at %s, and it could not be mounted "+
			"(mount -t tracefs tracefs %s): %w", trace, trace, err)
}
