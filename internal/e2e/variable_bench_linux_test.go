package e2e

import (
	"testing"

	"github.com/purebpf/bpf"
)

// BenchmarkVariable measures reading and writing a variable of 8 bytes with the protection against
// a concurrent Close.
func BenchmarkVariable(b *testing.B) {
	obj := load(b, only(open(b, "maps"), "count", "callee"), &bpf.LoadOptions{SkipPins: true})
	v := obj.Variable("calls")
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		var n uint64
		for range b.N {
			v.Get(&n)
		}
	})
	b.Run("set", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			v.Set(uint64(1))
		}
	})
}
