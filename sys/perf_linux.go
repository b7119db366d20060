package sys

import "golang.org/x/sys/unix"

// The ioctls of perf events; their numbers differ by architecture.
const (
	perfEnable    = unix.PERF_EVENT_IOC_ENABLE
	perfDisable   = unix.PERF_EVENT_IOC_DISABLE
	perfSetBPF    = unix.PERF_EVENT_IOC_SET_BPF
	perfSetOutput = unix.PERF_EVENT_IOC_SET_OUTPUT
	perfPause     = unix.PERF_EVENT_IOC_PAUSE_OUTPUT
	perfQueryBPF  = unix.PERF_EVENT_IOC_QUERY_BPF
)
