package mapview

import (
	"time"

	"github.com/purebpf/bpf/internal/screen"
)

// formatSigned is screen.Count for numbers that may be negative.
func formatSigned(n int64) string {
	if n < 0 {
		return "-" + screen.Count(uint64(-n))
	}
	return screen.Count(uint64(n))
}

// formatAgo returns a time with three digits.
func formatAgo(d time.Duration) string {
	step := time.Nanosecond
	for step*1000 <= d {
		step *= 10
	}
	return d.Round(step).String() + " ago"
}
