package mapview

import (
	"fmt"
	"strings"

	"github.com/purebpf/bpf/internal/screen"
)

// barWidth is the length of the longest bar.
const barWidth = 40

// histogram returns counts by powers of two: slot i counts the values from 2^i to 2^(i+1)-1, the
// first also 0, as log2 of the kernel's tools counts. Slots after the last that is not 0 are left
// out.
func histogram(counts []uint64, width int) (lines []screen.Line) {
	last, highest := -1, uint64(0)
	for i, n := range counts {
		if n > 0 {
			last, highest = i, max(highest, n)
		}
	}
	if last < 0 {
		return []screen.Line{screen.Text(screen.Dim, "  (nothing counted)")}
	}
	for i, n := range counts[:last+1] {
		low, high := uint64(1)<<i, uint64(1)<<i<<1-1
		if i == 0 {
			low = 0
		}
		head := fmt.Sprintf("%12d → %-12d %8s ", low, high, formatCount(n))
		if last >= 64 { // not by powers of two
			head = fmt.Sprintf("%12d   %-12s %8s ", i, "", formatCount(n))
		}
		bar := barWidth
		if width > 0 {
			bar = max(min(bar, width-screen.Width(head)-2), 8)
		}
		full := int((n*uint64(bar) + highest/2) / highest)
		if n > 0 && full == 0 {
			full = 1
		}
		if n > 1<<50 { // the product would overflow
			full = int(float64(n) / float64(highest) * float64(bar))
		}
		lines = append(lines, screen.Line{}.Add(screen.Plain, head+"|").
			Add(screen.Active, strings.Repeat("*", full)).
			Add(screen.Plain, strings.Repeat(" ", bar-full)+"|"))
	}
	return lines
}
