package records_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/hostile"
	"github.com/purebpf/bpf/internal/records"
	"github.com/purebpf/bpf/object"
)

// limit is the number of bytes that an analysis may allocate for an object of n bytes. It is more
// than elsewhere, because what is known before each instruction is kept while a program is
// followed.
func limit(n int) uint64 { return 64*uint64(n) + 64<<20 }

// analyze analyses an object and checks what must hold for any.
func analyze(t *testing.T, raw []byte) {
	o, err := object.Parse(raw, "fuzz.o")
	if err != nil {
		return
	}
	var a *records.Analysis
	if n := hostile.Allocated(func() { a = records.Analyze(o, o.BTF) }); n > limit(len(raw)) {
		t.Errorf("analysing %d bytes allocates %d", len(raw), n)
	}
	for _, s := range a.Streams {
		s.Type()
		for _, x := range s.Sources {
			if x.Type != 0 {
				if _, ok := x.Spec.Type(x.Type); !ok {
					t.Errorf("type [%d] doesn't exist", x.Type)
				}
				if x.Rank == records.Unknown {
					t.Error("a type without evidence")
				}
			}
			end := uint32(0)
			for _, f := range x.Fields {
				if f.Size == 0 || f.Off < end || uint64(f.Off)+uint64(f.Size) > x.Max {
					t.Errorf("fields %v of %d bytes", x.Fields, x.Max)
				}
				end = f.Off + f.Size
			}
			for _, n := range []uint64{x.Min, x.Max, 0, 1 << 20} {
				if f := s.Fit(int(min(n, 1<<30))); f.Type != 0 {
					f.Spec.CDecl(f.Type, "x")
				}
			}
		}
	}
}

// FuzzAnalyze analyses every input that is an object: without panic or hang, within bounds, and
// with results that are consistent. Seeds are our own objects.
func FuzzAnalyze(f *testing.F) {
	paths, err := filepath.Glob("../../testdata/*.bpf.o")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no objects: %v", err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(raw) < 16<<10 {
			f.Add(raw)
		}
	}
	f.Fuzz(analyze)
}

// TestHostile analyses objects that request much work by a few bytes.
// Oracle: the limits of analyze, and that the test ends.
func TestHostile(t *testing.T) {
	for _, tc := range hostile.Amplifiers {
		analyze(t, tc.Make(5000).Bytes())
	}
}

// TestBounded analyses programs that branch, loop, call and store as much as they can.
// Oracle: the limits of analyze, and that the test ends.
func TestBounded(t *testing.T) {
	for name, o := range worst(t) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		a := records.Analyze(o, &btf.Spec{})
		runtime.ReadMemStats(&after)
		n := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d instructions, %d MiB allocated", name, len(o.Programs[0].Insns), n>>20)
		if n > limit(8*len(o.Programs[0].Insns)) {
			t.Errorf("%s: %d instructions allocate %d bytes", name, len(o.Programs[0].Insns), n)
		}
		if len(a.Streams) != 1 {
			t.Errorf("%s: %d streams", name, len(a.Streams))
		}
	}
}
