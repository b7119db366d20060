// Package fdtrack is for tests: it remembers where each descriptor of package sys was opened, so
// that a leaked one can be traced to the call that opened it.
package fdtrack

import (
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
)

var (
	tracking atomic.Bool
	mu       sync.Mutex
	opened   map[int][]uintptr // by number: the program counters of the call
)

// Start begins to remember. It costs a stack walk for each descriptor; before, one load.
// Descriptors opened before aren't known.
func Start() {
	mu.Lock()
	defer mu.Unlock()
	opened = map[int][]uintptr{}
	tracking.Store(true)
}

// Opened notes that the caller's caller made a descriptor.
func Opened(fd int) {
	if tracking.Load() {
		open(fd)
	}
}

func open(fd int) {
	pcs := make([]uintptr, 32)
	pcs = pcs[:runtime.Callers(4, pcs)]
	mu.Lock()
	defer mu.Unlock()
	opened[fd] = pcs
}

// Closed notes that a descriptor will be closed or belongs to somebody else now.
func Closed(fd int) {
	if tracking.Load() {
		forget(fd)
	}
}

func forget(fd int) {
	mu.Lock()
	defer mu.Unlock()
	delete(opened, fd)
}

// Origin returns the stack of the call that opened fd, "" if it isn't known.
func Origin(fd int) string {
	mu.Lock()
	pcs := opened[fd]
	mu.Unlock()
	if len(pcs) == 0 {
		return ""
	}
	var b []byte
	frames := runtime.CallersFrames(pcs)
	for {
		fr, more := frames.Next()
		if fr.Function != "" {
			b = append(b, fr.Function...)
			b = append(b, "\n\t"...)
			b = append(b, fr.File...)
			b = append(b, ':')
			b = strconv.AppendInt(b, int64(fr.Line), 10)
			b = append(b, '\n')
		}
		if !more {
			return string(b)
		}
	}
}
