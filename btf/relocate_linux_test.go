package btf

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// compareDistill distills split BTF and compares both results with C libbpf's. It returns them, nil
// if both refuse.
func compareDistill(t *testing.T, c *libbpf, what string, s *Spec) (base, split *Spec) {
	t.Helper()
	errno, want := c.call(t, 'l', s.base.HostBytes(), s.HostBytes())
	base, split, err := s.Distill()
	if err != nil || errno != 0 {
		if (err == nil) != (errno == 0) {
			t.Errorf("%s: %v, C libbpf: errno %d", what, err, errno)
		}
		return nil, nil
	}
	compareSpec(t, what+", distilled base", base.Raw(), want[0], nil)
	if base.Len() == 1 {
		return base, split // see Distill
	}
	compareSpec(t, what+", distilled", split.Raw(), want[1], base)
	return base, split
}

// compareRelocate relocates split BTF to a base and compares the result with C libbpf's. It reports
// whether it was possible.
func compareRelocate(t *testing.T, c *libbpf, what string, split, to *Spec) bool {
	t.Helper()
	errno, want := c.call(t, 'r', split.base.HostBytes(), split.HostBytes(), to.HostBytes())
	moved, err := split.Relocate(to)
	if err != nil || errno != 0 {
		if (err == nil) != (errno == 0) {
			t.Errorf("%s: %v, C libbpf: errno %d", what, err, errno)
		}
		return false
	}
	compareSpec(t, what+", relocated", moved.Raw(), want[0], to)
	return true
}

// The oracle is C libbpf 1.5's btf__distill_base and btf__relocate, byte for byte: modules of
// Debian's 6.12, put over their own kernel again, and over that of 6.1, which has some of their
// types in another size.
func TestRelocateModules(t *testing.T) {
	c := newLibbpf(t)
	from := testkit.Debian(t, "linux-image-6.12-cloud-amd64")
	own, err := Parse(from.BTF, nil)
	if err != nil {
		t.Fatal(err)
	}
	old, err := Parse(testkit.Debian(t, "linux-image-cloud-amd64").BTF, nil)
	if err != nil {
		t.Fatal(err)
	}
	moved, refused := 0, 0
	names := []string{"nf_tables", "xt_LOG", "dummy", "vsock", "af_key", "xfs", "tls", "veth",
		"loop"}
	for _, name := range testkit.Spread(t, "modules", names, 6) {
		raw, ok := from.ModuleBTF(t, name)
		if !ok {
			t.Fatalf("no module %s", name)
		}
		s, err := Parse(raw, own)
		if err != nil {
			t.Fatal(err)
		}
		_, split := compareDistill(t, c, name, s)
		if split == nil {
			t.Errorf("%s can't be distilled", name)
			continue
		}
		if !compareRelocate(t, c, name, split, own) {
			t.Errorf("%s can't be put over its own kernel", name)
		}
		if compareRelocate(t, c, name+" over 6.1", split, old) {
			moved++
		} else {
			refused++
		}
	}
	t.Logf("%d modules of 6.12 can be put over 6.1, %d can't", moved, refused)
}

// The oracle is C libbpf 1.5's, on random units of source, distilled over what others declare, and
// put over what again others declare.
func TestRelocateRandom(t *testing.T) {
	c := newLibbpf(t)
	r := rand.New(rand.NewPCG(11, 12))
	distilled, moved, refused := 0, 0, 0
	for round := range testkit.Sample(t, "worlds", 20000, 800) {
		w := world{uint64(round), 3 + r.IntN(12)}
		units := func(base *Spec, n int) *Spec {
			b := NewBuilder(base)
			for range n {
				b.AddSpec(w.unit(r))
			}
			b.Dedup(nil)
			s, err := Parse(b.Bytes(), base)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		base := units(nil, 1+r.IntN(3))
		s := units(base, 1)
		_, split := compareDistill(t, c, fmt.Sprint("world ", round), s)
		if split == nil {
			continue
		}
		distilled++
		for range 3 {
			if compareRelocate(t, c, fmt.Sprint("world ", round), split, units(nil, 2+r.IntN(4))) {
				moved++
			} else {
				refused++
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d distilled, %d relocated, %d refused", distilled, moved, refused)
	if moved < 50 || refused < 50 {
		t.Errorf("%d relocated, %d refused: too few to tell", moved, refused)
	}
}

// What was distilled and relocated over the same base has the same types as before.
func TestRelocateSame(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for round := range 50 {
		w := world{uint64(round), 8}
		b := NewBuilder(w.unit(r))
		b.AddSpec(w.unit(r))
		s := mustSpec(t, b)
		base, split, err := s.Distill()
		if err != nil {
			t.Fatal(err)
		}
		if split.Base() != base || split.Len()-split.FirstID() < s.Len()-s.FirstID() {
			t.Fatalf("%d types of %d", split.Len()-split.FirstID(), s.Len()-s.FirstID())
		}
		moved, err := split.Relocate(s.base)
		if err != nil {
			continue // types of the same name
		}
		for typ := range s.Types() {
			if typ.Kind() != KindStruct {
				continue
			}
			again, _ := moved.Type(typ.id)
			if got, want := again.AppendRaw(nil), typ.AppendRaw(nil); again.Vlen() == 0 &&
				!bytes.Equal(got, want) {
				t.Fatalf("got  %s\nwant %s", got, want)
			}
		}
	}
}
