package main

import "golang.org/x/sys/unix"

// readClocks reads the kernel's clocks that programs can read.
func readClocks() (mono, boot clockReading, ok bool) {
	var m, b unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &m) != nil ||
		unix.ClockGettime(unix.CLOCK_BOOTTIME, &b) != nil {
		return 0, 0, false
	}
	return clockReading(m.Nano()), clockReading(b.Nano()), true
}
