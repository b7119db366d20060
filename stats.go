package bpf

import (
	"io"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

// StatsKind is a statistic that the kernel keeps only on request (enum bpf_stats_type).
type StatsKind uint32

// StatsRunTime is ProgramInfo.RunTime and RunCount of every program (BPF_STATS_RUN_TIME).
const StatsRunTime StatsKind = sys.StatsRunTime

// EnableStats makes the kernel keep a statistic of all programs of the machine until the caller
// closes the result (libbpf bpf_enable_stats; 5.8). It stays on while others have enabled it, or
// the sysctl kernel.bpf_stats_enabled is 1; counts are kept when it goes off. Each run of a program
// then reads the clock twice more. Needs CAP_SYS_ADMIN. EINVAL if the kernel doesn't have the
// statistic, or is older.
func EnableStats(kind StatsKind) (io.Closer, error) {
	fd, err := sys.EnableStats(uint32(kind))
	if err != nil {
		return nil, newError("enable statistics", about{}, err, kernel.CapSysAdmin)
	}
	return fd, nil
}
