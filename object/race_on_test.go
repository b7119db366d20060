//go:build race

package object_test

// raceEnabled scales tests down that only count.
const raceEnabled = true
