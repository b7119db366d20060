//go:build race

package elf64_test

// raceEnabled scales tests down that only count.
const raceEnabled = true
