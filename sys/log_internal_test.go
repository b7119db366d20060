package sys

import "testing"

// TestGrownLog: buffers grow as long as their size fits 32 bits.
func TestGrownLog(t *testing.T) {
	for _, c := range []struct{ size, need, want uint32 }{
		{FirstLogSize, 0, 2 * FirstLogSize},
		{FirstLogSize, FirstLogSize + 1, FirstLogSize + 1 + 4096},
		{FirstLogSize, FirstLogSize, 2 * FirstLogSize}, // it reported that this is enough
		{lastLogSize, 0, 2 * lastLogSize},
		{lastLogSize + 1, 0, 0},
		{lastLogSize, 1<<32 - 1, 2 * lastLogSize},
	} {
		if got := GrownLog(c.size, c.need); got != c.want {
			t.Errorf("GrownLog(%d, %d) = %d, want %d", c.size, c.need, got, c.want)
		}
	}
}
