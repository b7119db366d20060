package core

import (
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
)

// benchObjects are the tools of bcc with the most relocations, and the object of the corpus with
// the most.
var benchObjects = []string{"tools/opensnoop.bpf.o", "tools/tcptracer.bpf.o",
	"selftests/test_verif_scale2.bpf.o"}

// resolveAll is the CO-RE part of one load.
func resolveAll(b *testing.B, t *Target, o *testObject, relos []Relo) {
	t.Prefetch(o.btf, relos)
	x := t.NewResolver(o.btf)
	for _, r := range relos {
		if _, err := x.Resolve(r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCold resolves an object's relocations against a kernel whose BTF was parsed but not
// searched yet.
func BenchmarkCold(b *testing.B) {
	raw := kernelBTF(b).Raw()
	for _, name := range benchObjects {
		o := readObject(b, testkit.CorpusObject(b, name))
		relos := plainRelos(o.relos(b))
		b.Run(testkit.CorpusName(name), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				b.StopTimer()
				kernel, err := btf.Parse(raw, nil)
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				resolveAll(b, NewTarget(kernel, nil), o, relos)
			}
			b.ReportMetric(float64(len(relos)), "relos/op")
		})
	}
}

// BenchmarkWarm resolves them again in the same process.
func BenchmarkWarm(b *testing.B) {
	kernel := kernelBTF(b)
	for _, name := range benchObjects {
		o := readObject(b, testkit.CorpusObject(b, name))
		relos := plainRelos(o.relos(b))
		t := NewTarget(kernel, nil)
		resolveAll(b, t, o, relos)
		b.Run(testkit.CorpusName(name), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				resolveAll(b, t, o, relos)
			}
			b.ReportMetric(float64(len(relos)), "relos/op")
		})
	}
}
