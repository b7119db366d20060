package inspect

import (
	"io"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

// EnableStats makes the kernel keep a statistic (sys.StatsRunTime) of all programs of the machine
// until the caller closes the result (libbpf bpf_enable_stats; 5.8). The statistic stays on while
// others have enabled it or the sysctl kernel.bpf_stats_enabled is 1; counts are kept when it is
// turned off. While it is on, each run of a program reads the clock two more times. Needs
// CAP_SYS_ADMIN. EINVAL if the kernel is older or doesn't have the statistic.
func EnableStats(kind sys.StatsKind) (io.Closer, error) {
	fd, err := sys.EnableStats(kind)
	if err != nil {
		return nil, failed("enable statistics", "", err, kernel.CapSysAdmin)
	}
	return fd, nil
}
