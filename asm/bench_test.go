package asm_test

import (
	"debug/elf"
	"io"
	"testing"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/testkit"
)

// benchCode returns the largest executable section of a big object of the corpus.
func benchCode(b *testing.B) []byte {
	f, err := elf.Open(testkit.CorpusObject(b, "selftests/pyperf600.bpf.o"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var code []byte
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_EXECINSTR != 0 && int(s.Size) > len(code) {
			if code, err = s.Data(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.SetBytes(int64(len(code)))
	b.ReportMetric(float64(len(code)/asm.Size), "insns")
	b.ReportAllocs()
	return code
}

func BenchmarkDecode(b *testing.B) {
	code := benchCode(b)
	for b.Loop() {
		if _, err := asm.Decode(code, leOrder); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkView(b *testing.B) {
	code := benchCode(b)
	for b.Loop() {
		if _, ok := asm.View(code, leOrder); !ok {
			b.Fatal("no view")
		}
	}
}

func BenchmarkAppendText(b *testing.B) {
	insns, err := asm.Decode(benchCode(b), leOrder)
	if err != nil {
		b.Fatal(err)
	}
	var text []byte
	for b.Loop() {
		for rest := insns; len(rest) > 0; {
			var n int
			text, n = asm.AppendText(text[:0], rest)
			rest = rest[n:]
		}
	}
}

func BenchmarkListing(b *testing.B) {
	code := benchCode(b)
	for b.Loop() {
		l := asm.Listing{Section: ".text", Order: leOrder}
		if err := l.WriteCode(io.Discard, code); err != nil {
			b.Fatal(err)
		}
	}
}
