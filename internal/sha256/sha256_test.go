package sha256

import (
	crypto "crypto/sha256"
	"testing"
)

// The oracle is crypto/sha256, over all lengths up to four blocks and more.
func TestSum(t *testing.T) {
	data := make([]byte, 300)
	for i := range data {
		data[i] = byte(i * 7)
	}
	for n := range data {
		if got, want := Sum(data[:n]), crypto.Sum256(data[:n]); got != want {
			t.Fatalf("of %d bytes: %x, want %x", n, got, want)
		}
	}
}
