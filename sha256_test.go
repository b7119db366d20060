package bpf

import (
	crypto "crypto/sha256"
	"testing"
)

// TestSHA256 compares with the standard library over all lengths around the edges of blocks.
func TestSHA256(t *testing.T) {
	data := make([]byte, 300)
	for i := range data {
		data[i] = byte(i * 7)
	}
	for n := range data {
		if got, want := sha256(data[:n]), crypto.Sum256(data[:n]); got != want {
			t.Fatalf("of %d bytes: %x, want %x", n, got, want)
		}
	}
}
