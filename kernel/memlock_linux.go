package kernel

import "golang.org/x/sys/unix"

func setMemlock(limit uint64) error {
	return unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: limit, Max: limit})
}
