package testkit

import (
	"os"
	"testing"
)

// Sample returns how many of total rounds, objects or calls a test should try: all with
// PUREBPF_LONG=1 (make long), else at most some. What is left out is logged, and listed when make
// test ends.
func Sample(t testing.TB, what string, total, some int) int {
	t.Helper()
	if os.Getenv("PUREBPF_LONG") == "1" || some >= total {
		return total
	}
	t.Logf("sample: %d of %d %s", some, total, what)
	return some
}

// Spread returns at most some of all, evenly spread; all with PUREBPF_LONG=1. See Sample.
func Spread[T any](t testing.TB, what string, all []T, some int) []T {
	t.Helper()
	n := Sample(t, what, len(all), some)
	list := make([]T, 0, n)
	for i := range n {
		list = append(list, all[i*len(all)/n])
	}
	return list
}
