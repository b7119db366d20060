package testkit

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// Until waits until done returns true, and fails the test if that takes longer than any machine
// needs.
func Until(t testing.TB, what string, done func() bool) {
	t.Helper()
	if !Await(Patience(20*time.Second), done) {
		t.Errorf("waited in vain until %s", what)
	}
}

// Await waits until done returns true, at most that long, and returns whether it did: for tests
// that say more about what they saw last.
func Await(most time.Duration, done func() bool) bool {
	for deadline := time.Now().Add(most); !done(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// UntilBlocked waits until n goroutines are blocked in the named function, such as
// "userringbuf.(*Writer).ReserveContext", or in a function called by it, according to the runtime's
// stacks.
func UntilBlocked(t testing.TB, function string, n int) {
	t.Helper()
	Until(t, function+" waits", func() bool { return len(blocked(function)) == n })
}

// UntilBlockedOn is UntilBlocked for goroutines that wait for something, in the runtime's words:
// "IO wait", "sync.Mutex.Lock".
func UntilBlockedOn(t testing.TB, function, state string, n int) {
	t.Helper()
	Until(t, function+" waits for "+state, func() bool {
		count := 0
		for _, s := range blocked(function) {
			if strings.HasPrefix(s, state) {
				count++
			}
		}
		return count == n
	})
}

// UntilLeft waits until no goroutine is in the named function.
func UntilLeft(t testing.TB, function string) {
	t.Helper()
	Until(t, "nobody is in "+function, func() bool {
		return !strings.Contains(stacks(), function+"(")
	})
}

// blocked returns the states of goroutines that are blocked with a function on their stacks.
func blocked(function string) (states []string) {
	for stack := range strings.SplitSeq(stacks(), "\n\n") {
		head, frames, _ := strings.Cut(stack, "\n")
		_, state, _ := strings.Cut(head, "[")
		state, _, _ = strings.Cut(state, "]")
		running := strings.HasPrefix(state, "runn") || strings.HasPrefix(state, "syscall")
		if !running && strings.Contains(frames, function+"(") {
			states = append(states, state)
		}
	}
	return states
}

func stacks() string {
	for size := 1 << 16; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size {
			return string(buf[:n])
		}
	}
}
