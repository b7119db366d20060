package load

import "testing"

// TestGrownLog: buffers grow as long as their size fits 32 bits.
func TestGrownLog(t *testing.T) {
	for _, c := range []struct{ size, need, want uint32 }{
		{firstLogSize, 0, 2 * firstLogSize},
		{firstLogSize, firstLogSize + 1, firstLogSize + 1 + 4096},
		{firstLogSize, firstLogSize, 2 * firstLogSize}, // it reported that this is enough
		{lastLogSize, 0, 2 * lastLogSize},
		{lastLogSize + 1, 0, 0},
		{lastLogSize, 1<<32 - 1, 2 * lastLogSize},
	} {
		if got := grownLog(c.size, c.need); got != c.want {
			t.Errorf("grownLog(%d, %d) = %d, want %d", c.size, c.need, got, c.want)
		}
	}
}
