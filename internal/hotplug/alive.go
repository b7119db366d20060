package hotplug

import (
	"time"

	"github.com/purebpf/bpf/sys"
)

// coarsest is longer than the resolution of any kernel's clock for perf events.
const coarsest = 20 * time.Millisecond

// Alive reports whether an enabled perf event still belongs to its CPU, which ends when the CPU
// goes offline. The event must have been opened with sys.PerfFormatEnabled.
func Alive(event *sys.FD) (bool, error) {
	before, err := sys.PerfEventEnabled(event.Int())
	if err != nil {
		return false, err
	}
	for _, wait := range []time.Duration{0, coarsest} {
		time.Sleep(wait)
		now, err := sys.PerfEventEnabled(event.Int())
		if err != nil || now != before {
			return err == nil, err
		}
	}
	return false, nil
}
