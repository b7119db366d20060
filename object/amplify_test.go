package object_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/hostile"
)

// TestAmplifiers checks that time and memory grow no faster than the input. The oracles are the
// limits of meter, and the time for an input of an eighth of the size; it measures again to even
// out other work on the machine.
func TestAmplifiers(t *testing.T) {
	for _, tc := range hostile.Amplifiers {
		m := newMeter()
		small, large := tc.Make(2500).Bytes(), tc.Make(20000).Bytes()
		best := [2]time.Duration{time.Hour, time.Hour}
		grows := func() bool {
			for i, raw := range [][]byte{small, large} {
				best[i] = min(best[i], m.parse(t, raw, func() string {
					return fmt.Sprintf("%s, %d bytes", tc.Name, len(raw))
				}))
			}
			return best[1] > 4*time.Duration(len(large)/len(small)+1)*best[0]+20*time.Millisecond
		}
		for tries := 0; grows() && !raceEnabled; tries++ {
			if tries == 20 {
				t.Errorf("%s: %v for %d bytes, %v for %d bytes",
					tc.Name, best[0], len(small), best[1], len(large))
				break
			}
		}
		t.Logf("%-50s %8d bytes, %8v; %8d bytes, %8v; %d accepted, %.2f of the memory allowed",
			tc.Name, len(small), best[0], len(large), best[1], m.accepted, m.worst)
	}
}
