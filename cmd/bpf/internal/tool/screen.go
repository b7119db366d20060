package tool

import (
	"fmt"
	"time"

	"github.com/purebpf/bpf/internal/screen"
)

// Screen returns the terminal that the command prints to, for commands that redraw it; nil if it
// prints to none, or JSON.
func (r *Run) Screen() *screen.Screen {
	to := screen.Terminal(r.Cmd.OutOrStdout())
	if to == nil || r.JSON != nil {
		return nil
	}
	return screen.New(to, func() (int, int) { return screen.SizeOf(to) }, screen.Colours())
}

// leastInterval keeps a command that looks again and again from becoming a load.
const leastInterval = 100 * time.Millisecond

// CheckInterval refuses a value of --interval that is too short.
func CheckInterval(d time.Duration) error {
	if d < leastInterval {
		return fmt.Errorf("--interval %v: want at least %v", d, leastInterval)
	}
	return nil
}
