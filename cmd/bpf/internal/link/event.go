package link

import (
	"fmt"
	"strings"

	"github.com/purebpf/bpf/linkinfo"
)

// The names of perf events, as perf list and bpftool print them.
var (
	eventTypes = [...]string{"hardware", "software", "tracepoint", "hw-cache", "raw", "breakpoint"}
	hardware   = [...]string{"cpu-cycles", "instructions", "cache-references", "cache-misses",
		"branch-instructions", "branch-misses", "bus-cycles", "stalled-cycles-frontend",
		"stalled-cycles-backend", "ref-cycles"}
	software = [...]string{"cpu-clock", "task-clock", "page-faults", "context-switches",
		"cpu-migrations", "minor-faults", "major-faults", "alignment-faults", "emulation-faults",
		"dummy", "bpf-output", "cgroup-switches"}
	caches     = [...]string{"L1-dcache", "L1-icache", "LLC", "dTLB", "iTLB", "branch", "node"}
	cacheOps   = [...]string{"load", "store", "prefetch"}
	cacheEnds  = [...]string{"access", "misses"}
	cacheParts = [...][]string{caches[:], cacheOps[:], cacheEnds[:]}
)

// eventNames returns the names of an event's type and of what it counts, "" for those without.
func eventNames(e *linkinfo.PerfEvent) (kind, config string) {
	kind = nameIn(eventTypes[:], uint64(e.EventType))
	switch kind {
	case "hardware":
		config = nameIn(hardware[:], e.Config)
	case "software":
		config = nameIn(software[:], e.Config)
	case "hw-cache":
		config = cacheEvent(e.Config)
	}
	return kind, config
}

func nameIn(list []string, n uint64) string {
	if n < uint64(len(list)) {
		return list[n]
	}
	return ""
}

// cacheEvent returns the name of a cache event, which has three parts.
func cacheEvent(config uint64) string {
	var parts []string
	for i, names := range cacheParts {
		n := config >> (8 * i) & 0xff
		name := nameIn(names, n)
		if name == "" {
			name = fmt.Sprint(n)
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, "-")
}
