package plan_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
)

// BenchmarkResolve plans objects for the running kernel repeatedly in one process: the user-space
// cost of a second load.
func BenchmarkResolve(b *testing.B) {
	for _, path := range []string{
		filepath.Join("..", "object", "testdata", "plain.o"),
		filepath.Join("..", "object", "testdata", "subprogs.o"),
		testkit.CorpusObject(b, "tools/opensnoop.bpf.o"),
		testkit.CorpusObject(b, "tools/tcptracer.bpf.o"),
		testkit.CorpusObject(b, "selftests/test_verif_scale2.bpf.o"),
		testkit.CorpusObject(b, "selftests/pyperf180.bpf.o"),
	} {
		raw, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		o, err := object.Parse(raw, filepath.Base(path))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(o.Name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if _, err := plan.Resolve(o, kernel.Running(), nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
