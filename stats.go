package bpf

import (
	"io"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

// EnableStats makes the kernel keep a statistic (sys.StatsRunTime) of all programs of the machine
// until the caller closes the result (libbpf bpf_enable_stats; 5.8). It stays on while others have
// enabled it, or the sysctl kernel.bpf_stats_enabled is 1; counts are kept when it goes off. Each
// run of a program then reads the clock twice more. Needs CAP_SYS_ADMIN. EINVAL if the kernel
// doesn't have the statistic, or is older.
func EnableStats(kind sys.StatsKind) (io.Closer, error) {
	fd, err := sys.EnableStats(kind)
	if err != nil {
		return nil, newError("enable statistics", about{}, err, kernel.CapSysAdmin)
	}
	return fd, nil
}
