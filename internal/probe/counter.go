package probe

import (
	"encoding/binary"
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/sys"
)

// Counter is something that the kernel counts, as bpf.PerfEvent.
type Counter struct {
	Type      sys.PerfType
	Config    uint64
	Period    uint64
	Frequency uint64
}

// counters have the same number on all machines. Their names are those of perf list.
var counters = [...]struct {
	name   string
	typ    sys.PerfType
	config uint64
}{
	{"cycles", sys.PerfTypeHardware, 0},
	{"cpu-cycles", sys.PerfTypeHardware, 0},
	{"instructions", sys.PerfTypeHardware, 1},
	{"cache-references", sys.PerfTypeHardware, 2},
	{"cache-misses", sys.PerfTypeHardware, 3},
	{"branches", sys.PerfTypeHardware, 4},
	{"branch-instructions", sys.PerfTypeHardware, 4},
	{"branch-misses", sys.PerfTypeHardware, 5},
	{"bus-cycles", sys.PerfTypeHardware, 6},
	{"stalled-cycles-frontend", sys.PerfTypeHardware, 7},
	{"stalled-cycles-backend", sys.PerfTypeHardware, 8},
	{"ref-cycles", sys.PerfTypeHardware, 9},
	{"cpu-clock", sys.PerfTypeSoftware, 0},
	{"task-clock", sys.PerfTypeSoftware, 1},
	{"page-faults", sys.PerfTypeSoftware, 2},
	{"faults", sys.PerfTypeSoftware, 2},
	{"context-switches", sys.PerfTypeSoftware, 3},
	{"cs", sys.PerfTypeSoftware, 3},
	{"cpu-migrations", sys.PerfTypeSoftware, 4},
	{"migrations", sys.PerfTypeSoftware, 4},
	{"minor-faults", sys.PerfTypeSoftware, 5},
	{"major-faults", sys.PerfTypeSoftware, 6},
	{"alignment-faults", sys.PerfTypeSoftware, 7},
	{"emulation-faults", sys.PerfTypeSoftware, 8},
	{"dummy", sys.PerfTypeSoftware, 9},
	{"bpf-output", sys.PerfTypeSoftware, 10},
	{"cgroup-switches", sys.PerfTypeSoftware, 11},
}

// NamedCounter returns the hardware or software counter of that name in perf list.
func NamedCounter(name string) (c Counter, ok bool) {
	for _, known := range counters {
		if known.name == name {
			return Counter{Type: known.typ, Config: known.config}, true
		}
	}
	return c, false
}

// NearCounters returns a hint with names similar to that of a counter that doesn't exist.
func NearCounters(name string) string {
	n := nearest.To(name)
	for _, known := range counters {
		n.Offer([]byte(known.name))
	}
	return n.Hint()
}

// String returns the counter's name in perf list, or its numbers.
func (c *Counter) String() string {
	for _, known := range counters {
		if known.typ == c.Type && known.config == c.Config {
			return known.name
		}
	}
	return fmt.Sprintf("type %d config %#x", c.Type, c.Config)
}

// Bits of sys.PerfEventAttr.Bits.
const (
	bitDisabled = 0  // the event doesn't start by itself
	bitFreq     = 10 // Sample is a frequency
)

// attrBit returns a bit of sys.PerfEventAttr.Bits, which are bit fields of a C compiler: it counts
// from the other end on big-endian machines.
func attrBit(n uint) uint64 {
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		n = 63 - n
	}
	return 1 << n
}

// Attr returns the argument of perf_event_open.
func (c *Counter) Attr() (sys.PerfEventAttr, error) {
	a := sys.PerfEventAttr{Type: c.Type, Config: c.Config, Bits: attrBit(bitDisabled)}
	switch {
	case c.Period != 0 && c.Frequency != 0:
		return a, fmt.Errorf("both a period and a frequency are given: %w", syscall.EINVAL)
	case c.Type == sys.PerfTypeTracepoint:
		if c.Period != 0 || c.Frequency != 0 {
			return a, fmt.Errorf("a tracepoint has neither period nor frequency: %w",
				syscall.EINVAL)
		}
	case c.Period != 0:
		a.Sample = c.Period
	default:
		a.Sample = c.Frequency
		if a.Sample == 0 {
			a.Sample = 100
		}
		a.Bits |= attrBit(bitFreq)
	}
	return a, nil
}
