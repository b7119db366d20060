package object_test

import (
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// TestCorpusOpens compares the whole corpus with C libbpf's results of opening: verdict and error
// number; programs in order with section, type, attach type, instructions; maps in order with every
// number, initial bytes, struct_ops slots and inner maps; the BTF to upload, byte for byte; and the
// names of the skipped sections.
func TestCorpusOpens(t *testing.T) {
	paths := testkit.Corpus(t)
	failed := 0
	for i, want := range libbpfOpen(t, paths...) {
		name := testkit.CorpusName(paths[i])
		o, err := readObject(t, paths[i])
		var oe *object.Error
		if errors.As(err, &oe) || want.Errno != 0 {
			failed++
			if oe == nil || int(oe.Reason) != want.Errno {
				t.Errorf("%s: %v, want error %d", name, err, want.Errno)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := describe(o)
		adjust(&want, o)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: -libbpf +ours\n%s", name, d)
		}
	}
	t.Logf("%d objects, %d of them refused", len(paths), failed)
}

// readObject reads a file with Parse and ReadFrom, which must agree.
func readObject(t *testing.T, path string) (*object.Object, error) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	o, err := object.ReadFrom(f, path)
	raw, rerr := os.ReadFile(path)
	if rerr != nil {
		t.Fatal(rerr)
	}
	o2, err2 := object.Parse(raw, path)
	if (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() {
		t.Fatalf("%s: from a file %v, from memory %v", path, err, err2)
	}
	if err == nil {
		if d := cmp.Diff(describe(o), describe(o2)); d != "" {
			t.Fatalf("%s: -file +memory\n%s", path, d)
		}
	}
	return o2, err
}

// adjust removes what libbpf takes from the running system at this point: the kernel's version, and
// the page size to which ring buffers are rounded up.
func adjust(want *opened, o *object.Object) {
	if o.KernVersion == 0 {
		want.Version = 0
	}
	round := func(w *openedMap, m *object.Map) {
		if m.Type == uapi.MapRingBuf || m.Type == uapi.MapUserRingBuf {
			if roundRing(m.MaxEntries, uint64(os.Getpagesize())) == w.Max {
				w.Max = m.MaxEntries
			}
		}
	}
	for i := range min(len(want.Maps), len(o.Maps)) {
		w, m := &want.Maps[i], o.Maps[i]
		round(w, m)
		if w.Inner != nil && m.Inner != nil {
			round(w.Inner, m.Inner)
		}
	}
}

// roundRing returns the size to which libbpf rounds a ring buffer: the smallest product of a page
// and a power of two that is not smaller.
func roundRing(n uint32, page uint64) uint32 {
	if n == 0 {
		return 0
	}
	if u := uint64(n); u%page == 0 && u/page&(u/page-1) == 0 {
		return n
	}
	for size := page; size < 1<<32; size *= 2 {
		if size > uint64(n) {
			return uint32(size)
		}
	}
	return n
}
