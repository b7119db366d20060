package kernel

import "golang.org/x/sys/unix"

// effective returns the capabilities of this thread, and whether the kernel knows CAP_BPF (5.8).
func effective() (set uint64, split bool, err error) {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return 0, false, err
	}
	// EINVAL means that the kernel does not know the capability.
	err = unix.Prctl(unix.PR_CAPBSET_READ, uintptr(CapBPF), 0, 0, 0)
	return uint64(data[1].Effective)<<32 | uint64(data[0].Effective), err != unix.EINVAL, nil
}
