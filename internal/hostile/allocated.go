package hostile

import "runtime"

// Allocated returns the total number of bytes that f allocates. Other goroutines must be idle.
func Allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Limit returns the number of bytes that a step may allocate for an input of n bytes.
func Limit(n int) uint64 { return 16*uint64(n) + 1<<20 }
