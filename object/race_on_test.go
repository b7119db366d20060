//go:build race

package object_test

// raceEnabled scales down tests that only count.
const raceEnabled = true
