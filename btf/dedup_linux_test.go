package btf

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/testkit"
)

// corpusBTF returns the BTF of the objects of the corpus that have any, and their .BTF.ext.
func corpusBTF(t testing.TB) (paths []string, btfs, exts [][]byte) {
	for _, path := range testkit.Corpus(t) {
		if raw := section(t, path, ".BTF"); raw != nil {
			paths = append(paths, testkit.CorpusName(path))
			btfs = append(btfs, raw)
			exts = append(exts, section(t, path, ".BTF.ext"))
		}
	}
	return paths, btfs, exts
}

// compareSpec reports the first type that differs.
func compareSpec(t *testing.T, what string, got, want []byte, base *Spec) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	g, err := Parse(got, base)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	w, err := Parse(want, base)
	if err != nil {
		t.Errorf("%s: C libbpf's: %v", what, err)
		return
	}
	t.Errorf("%s: %d types in %d bytes, C libbpf has %d in %d", what, g.Len(), len(got), w.Len(),
		len(want))
	for id := g.FirstID(); id < min(g.Len(), w.Len()); id++ {
		x, _ := g.Type(id)
		y, _ := w.Type(id)
		if a, b := x.AppendRaw(nil), y.AppendRaw(nil); !bytes.Equal(a, b) {
			t.Errorf("got  %s\nwant %s", a, b)
			return
		}
	}
}

// The oracle is C libbpf 1.5's btf__dedup, byte for byte: of objects as the compiler wrote them,
// with .BTF.ext.
func TestDedupObjects(t *testing.T) {
	c := newLibbpf(t)
	paths, btfs, exts := corpusBTF(t)
	for i := range testkit.Sample(t, "objects", len(paths), 100) {
		i = i * 7 % len(paths)
		s, err := Parse(btfs[i], nil)
		if err != nil {
			t.Fatal(err)
		}
		var x *Ext
		if exts[i] != nil {
			if x, err = ParseExt(exts[i], s); err != nil {
				t.Fatal(err)
			}
		}
		errno, want := c.call(t, 'd', nil, exts[i], btfs[i])
		d := s.Edit()
		dx, err := d.Dedup(x)
		if err != nil || errno != 0 {
			t.Errorf("%s: %v, C libbpf: errno %d", paths[i], err, errno)
			continue
		}
		compareSpec(t, paths[i], d.BytesOrder(s.Order()), want[0], nil)
		if x != nil && !bytes.Equal(dx.BytesOrder(x.Order()), want[1]) {
			t.Errorf("%s: .BTF.ext differs from C libbpf's", paths[i])
		}
	}
}

// The oracle is C libbpf 1.5's btf__add_btf and btf__dedup, byte for byte: pairs of objects.
func TestDedupPairs(t *testing.T) {
	c := newLibbpf(t)
	paths, btfs, _ := corpusBTF(t)
	r := rand.New(rand.NewPCG(5, 6))
	some := 300
	if testing.Short() {
		some = 40
	}
	all := len(paths) * len(paths)
	n := testkit.Sample(t, "pairs", all, some)
	for pair := range n {
		if n < all {
			pair = r.IntN(all)
		}
		i, k := pair/len(paths), pair%len(paths)
		compareDedup(t, c, paths[i]+" and "+paths[k], btfs[i], btfs[k])
	}
}

// compareDedup appends BTF, deduplicates it, and compares both results with C libbpf's. It returns
// the number of types that are left.
func compareDedup(t *testing.T, c *libbpf, what string, raws ...[]byte) (types ID) {
	t.Helper()
	b := NewBuilder(nil)
	for _, raw := range raws {
		s, err := Parse(raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.AddSpec(s)
	}
	appended := b.Bytes()
	errno, want := c.call(t, 'a', raws...)
	_, err := b.Dedup(nil)
	if err != nil || errno != 0 {
		if (err == nil) != (errno == 0) {
			t.Errorf("%s: %v, C libbpf: errno %d", what, err, errno)
		}
		return 0
	}
	compareSpec(t, what+", appended", appended, want[0], nil)
	compareSpec(t, what, b.Bytes(), want[1], nil)
	return b.Len()
}

// The oracle is C libbpf 1.5's: the objects of the corpus appended to each other.
func TestDedupMany(t *testing.T) {
	c := newLibbpf(t)
	_, btfs, _ := corpusBTF(t)
	compareDedup(t, c, "objects", testkit.Spread(t, "objects", btfs, 60)...)
}

// BenchmarkDedup deduplicates the BTF of a hundred objects. It reports the shortest time beside C
// libbpf's, and the peak of the memory that C libbpf allocates for it.
func BenchmarkDedup(b *testing.B) {
	all := testkit.Corpus(b)
	var paths []string
	var specs []*Spec
	for i := 0; len(paths) < 100; i += len(all) / 110 {
		if s := objectSpec(b, all[i]); s != nil {
			paths, specs = append(paths, all[i]), append(specs, s)
		}
	}
	b.ReportAllocs()
	best := time.Duration(math.MaxInt64)
	var before, after ID
	for b.Loop() {
		b.StopTimer()
		builder := NewBuilder(nil)
		for _, s := range specs {
			builder.AddSpec(s)
		}
		before = builder.Len()
		b.StartTimer()
		start := time.Now()
		if _, err := builder.Dedup(nil); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(start))
		after = builder.Len()
	}
	out, err := exec.Command(algebraProgram(b), paths...).Output()
	if err != nil {
		b.Fatal(err)
	}
	var ns, from, to, peak int
	fmt.Sscan(string(out), &ns, &from, &to, &peak)
	if from != int(before) || to != int(after) {
		b.Errorf("%d of %d types, C libbpf has %d of %d", after, before, to, from)
	}
	b.ReportMetric(float64(best), "best-ns")
	b.ReportMetric(float64(ns), "C-best-ns")
	b.ReportMetric(float64(peak), "C-B/op")
}

// The oracle is C libbpf 1.5's, on random units of source: circles of structs, forward
// declarations that another unit defines, the same name in other shapes, types that occur twice.
func TestDedupRandom(t *testing.T) {
	c := newLibbpf(t)
	r := rand.New(rand.NewPCG(7, 8))
	removed := 0
	for round := range testkit.Sample(t, "worlds", 20000, 600) {
		w := world{uint64(round), 3 + r.IntN(20)}
		var raws [][]byte
		n := 0
		for range 2 + r.IntN(5) {
			s := w.unit(r)
			raws, n = append(raws, s.Raw()), n+int(s.Len())
		}
		left := compareDedup(t, c, fmt.Sprint("world ", round), raws...)
		removed += n - int(left)
		if t.Failed() {
			return
		}
	}
	if removed == 0 {
		t.Error("nothing was removed")
	}
}

// The oracle is C libbpf 1.5's, on BTF that is split: modules, and objects over the vmlinux that
// they were compiled for.
func TestDedupSplit(t *testing.T) {
	c := newLibbpf(t)
	d := testkit.Debian(t, "linux-image-cloud-amd64")
	vmlinux, err := Parse(d.BTF, nil)
	if err != nil {
		t.Fatal(err)
	}
	module, _ := d.ModuleBTF(t, "nf_tables")
	compareSplit(t, c, "module", d.BTF, module, vmlinux)
	b := NewBuilder(vmlinux)
	for _, raw := range [][]byte{module, module} {
		s, err := Parse(raw, vmlinux)
		if err != nil {
			t.Fatal(err)
		}
		b.AddSpec(s)
	}
	compareSplit(t, c, "module twice", d.BTF, b.Bytes(), vmlinux)
	_, btfs, _ := corpusBTF(t)
	for i, raw := range testkit.Spread(t, "objects", btfs, 8) {
		s, err := Parse(raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.AddSpec(s)
		compareSplit(t, c, fmt.Sprint("module and objects up to ", i), d.BTF, b.Bytes(), vmlinux)
	}
}

// The oracle is C libbpf 1.5's, on random units of source over the deduplicated ones of others.
func TestDedupSplitRandom(t *testing.T) {
	c := newLibbpf(t)
	r := rand.New(rand.NewPCG(9, 10))
	for round := range testkit.Sample(t, "worlds", 20000, 400) {
		w := world{uint64(round), 3 + r.IntN(20)}
		b := NewBuilder(nil)
		b.AddSpec(w.unit(r))
		b.AddSpec(w.unit(r))
		b.Dedup(nil)
		base, err := Parse(b.Bytes(), nil)
		if err != nil {
			t.Fatal(err)
		}
		split := NewBuilder(base)
		for range 1 + r.IntN(3) {
			split.AddSpec(w.unit(r))
		}
		compareSplit(t, c, fmt.Sprint("world ", round), base.Raw(), split.Bytes(), base)
		if t.Failed() {
			return
		}
	}
}

func compareSplit(t *testing.T, c *libbpf, what string, base, raw []byte, baseSpec *Spec) {
	t.Helper()
	s, err := Parse(raw, baseSpec)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	errno, want := c.call(t, 'd', base, nil, raw)
	b := s.Edit()
	if _, err := b.Dedup(nil); err != nil || errno != 0 {
		t.Errorf("%s: %v, C libbpf: errno %d", what, err, errno)
		return
	}
	compareSpec(t, what, b.Bytes(), want[0], baseSpec)
}
