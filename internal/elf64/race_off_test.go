//go:build !race

package elf64_test

// raceEnabled scales down tests that only count.
const raceEnabled = false
