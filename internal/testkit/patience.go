package testkit

import (
	"os"
	"time"
)

// Patience returns how long to wait for something that takes at most d on a real machine: ten times
// as long with PUREBPF_SLOW=1, which means that the machine is emulated (internal/vmtest sets it).
func Patience(d time.Duration) time.Duration {
	if os.Getenv("PUREBPF_SLOW") == "1" {
		return 10 * d
	}
	return d
}
