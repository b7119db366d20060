package kernel

import "syscall"

// sysUprobe is the number of uprobe(2), which only a uprobe's own code may call: x86-64 only.
const sysUprobe = 336

// probeUprobeSyscall calls uprobe(2) from a place without a uprobe: a kernel that has it returns
// ENXIO.
func probeUprobeSyscall(*prober) (bool, error) {
	_, _, e := syscall.RawSyscall(sysUprobe, 0, 0, 0)
	switch e {
	case syscall.ENXIO:
		return true, nil
	case syscall.ENOSYS:
		return false, nil
	}
	return false, e
}
