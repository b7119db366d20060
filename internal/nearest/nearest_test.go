package nearest

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestEditDistance uses as oracle the definition, computed in full.
func TestEditDistance(t *testing.T) {
	full := func(a, b string) int {
		d := make([][]int, len(a)+1)
		for i := range d {
			d[i] = make([]int, len(b)+1)
			for j := range d[i] {
				switch {
				case i == 0:
					d[i][j] = j
				case j == 0:
					d[i][j] = i
				case a[i-1] == b[j-1]:
					d[i][j] = d[i-1][j-1]
				default:
					d[i][j] = 1 + min(d[i-1][j-1], d[i-1][j], d[i][j-1])
				}
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					d[i][j] = min(d[i][j], 1+d[i-2][j-2])
				}
			}
		}
		return d[len(a)][len(b)]
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 100000 {
		text := func() string {
			b := make([]byte, random.IntN(14))
			for i := range b {
				b[i] = "abc"[random.IntN(3)]
			}
			return string(b)
		}
		a, b, limit := text(), text(), 1+random.IntN(4)
		if got, want := editDistance(a, []byte(b), limit), min(full(a, b), limit+1); got != want {
			t.Fatalf("%q and %q within %d: %d, want %d", a, b, limit, got, want)
		}
	}
	long := strings.Repeat("x", 5000)
	if got := editDistance(long, []byte("y"+long[:4990]+"z"), 4); got != 5 {
		t.Errorf("long names: %d", got)
	}
}
