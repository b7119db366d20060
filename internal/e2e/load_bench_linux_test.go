package e2e

import (
	"github.com/purebpf/bpf"

	"path/filepath"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// BenchmarkLoad opens, loads and closes one object in one process; kernel BTF and features are
// known after the first round. bench/ has the comparison with C libbpf.
func BenchmarkLoad(b *testing.B) {
	testkit.Root(b)
	paths := []string{"../../testdata/maps.bpf.o", "../../testdata/attach.bpf.o"}
	paths = append(paths, testkit.CorpusObject(b, "tools/opensnoop.bpf.o"),
		testkit.CorpusObject(b, "tools/tcptracer.bpf.o"))
	for _, path := range paths {
		b.Run(filepath.Base(path), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				o, err := bpf.Open(path, nil)
				if err != nil {
					b.Fatal(err)
				}
				obj, err := bpf.Load(o, &bpf.LoadOptions{SkipPins: true})
				if err != nil {
					b.Fatal(err)
				}
				obj.Close()
			}
		})
	}
}
