package probe

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestCounterAttr: the oracle is x/sys/unix, and a compiler's bit fields on big-endian machines.
func TestCounterAttr(t *testing.T) {
	a, err := (&Counter{Frequency: 5}).Attr()
	if err != nil || a.Sample != 5 ||
		a.Bits != unix.PerfBitFreq|unix.PerfBitDisabled && a.Bits != 1<<53|1<<63 {
		t.Errorf("%+v %v", a, err)
	}
}
