package object_test

import (
	"os"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

// BenchmarkOpen reads objects of the corpus, from memory and from a file.
func BenchmarkOpen(b *testing.B) {
	for _, name := range []string{"tools/bashreadline.bpf.o", "tools/opensnoop.bpf.o",
		"tools/tcptracer.bpf.o", "selftests/bpf_cubic.bpf.o",
		"xdp/xdp-dispatcher.o", "selftests/strobemeta.bpf.o"} {
		path := testkit.CorpusObject(b, name)
		b.Run("memory/"+name, func(b *testing.B) {
			raw, err := os.ReadFile(path)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := object.Parse(raw, path); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("file/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f, err := os.Open(path)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := object.ReadFrom(f, path); err != nil {
					b.Fatal(err)
				}
				f.Close()
			}
		})
	}
}
