package hostile

import "runtime"

// Allocated measures what f allocates, all in all, in bytes. Other goroutines must be quiet.
func Allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Limit is what a step may take for an input of n bytes.
func Limit(n int) uint64 { return 16*uint64(n) + 1<<20 }
