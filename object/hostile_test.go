package object_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

// meter measures how much each Parse allocates and how long it takes. The limits are those that the
// package promises: 16 times the input plus 1 MiB, and no hang.
type meter struct {
	sample   [1]metrics.Sample
	worst    float64 // bytes allocated, relative to the limit
	slowest  time.Duration
	accepted int
}

func newMeter() *meter {
	m := &meter{}
	m.sample[0].Name = "/gc/heap/allocs:bytes"
	return m
}

func (m *meter) allocated() uint64 {
	metrics.Read(m.sample[:])
	return m.sample[0].Value.Uint64()
}

// parse parses raw, and calls every method of the result that needs no kernel. what describes the
// input. It returns the time that parsing took.
func (m *meter) parse(t testing.TB, raw []byte, what func() string) time.Duration {
	before, start := m.allocated(), time.Now()
	o, err := object.Parse(raw, "hostile")
	took, grown := time.Since(start), m.allocated()-before
	limit := uint64(16*len(raw) + 1<<20)
	if grown > limit {
		// The metric is cheap but lags: some of the growth may be from earlier inputs.
		grown = exactly(func() { object.Parse(raw, "hostile") })
	}
	if grown > limit {
		t.Fatalf("%s: %d bytes allocated for %d bytes of input", what(), grown, len(raw))
	}
	m.worst = max(m.worst, float64(grown)/float64(limit))
	m.slowest = max(m.slowest, took)
	if took > 5*time.Second {
		t.Fatalf("%s: took %v", what(), took)
	}
	if err != nil {
		var oe *object.Error
		if !errors.As(err, &oe) || oe.Reason == 0 || err.Error() == "" {
			t.Fatalf("%s: error %v without a reason", what(), err)
		}
		return took
	}
	m.accepted++
	consistent(t, o, what)
	return took
}

// exactly measures what f allocates.
func exactly(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// consistent checks what every object guarantees, however broken its input was.
func consistent(t testing.TB, o *object.Object, what func() string) {
	functions := slices.Clone(o.Subprogs)
	for _, p := range o.Programs {
		functions = append(functions, &p.Function)
	}
	for _, f := range functions {
		if len(f.Insns) == 0 {
			t.Fatalf("%s: function %q is empty", what(), f.Name)
		}
		last := -1
		for _, r := range f.Relocs {
			if r.Insn < last || r.Insn >= len(f.Insns) || r.Kind == 0 {
				t.Fatalf("%s: relocation %+v of %q", what(), r, f.Name)
			}
			last = r.Insn
		}
	}
	for i, m := range o.Maps {
		if m.Index != i || m.Contents != nil && uint64(len(m.Contents)) != uint64(m.ValueSize) {
			t.Fatalf("%s: map %d %q has index %d, %d bytes of %d",
				what(), i, m.Name, m.Index, len(m.Contents), m.ValueSize)
		}
		for _, v := range m.Vars {
			if m != o.Arena && uint64(v.Offset)+uint64(v.Size) > uint64(m.ValueSize) {
				t.Fatalf("%s: variable %q is outside %q", what(), v.Name, m.Name)
			}
		}
	}
	for i, e := range o.Externs {
		if e.Index != i || e.Kind == 0 {
			t.Fatalf("%s: extern %d %+v", what(), i, e)
		}
	}
	o.Clone()
}

type seed struct {
	name string
	raw  []byte
}

// seeds returns the objects from which hostile inputs are made: all of testdata and a few of the
// corpus.
func seeds(t testing.TB) []seed {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.o")
	if err != nil || len(paths) == 0 {
		t.Fatal("no objects in testdata")
	}
	for _, name := range []string{"tools/opensnoop.bpf.o", "selftests/bpf_cubic.bpf.o",
		"selftests/test_map_init.bpf.o", "xdp/xdp-dispatcher.o"} {
		paths = append(paths, testkit.CorpusObject(t, name))
	}
	var all []seed
	for _, p := range paths {
		all = append(all, seed{filepath.Base(p), readFile(t, p)})
	}
	return all
}

// TestTruncated cuts objects at every byte, as they are and with the section headers moved to the
// front, so that every cut removes data. The oracle is the limits of meter; a truncated file is
// always refused.
func TestTruncated(t *testing.T) {
	m := newMeter()
	for _, s := range seeds(t) {
		name, raw := s.name, s.raw
		if len(raw) > 20000 || raceEnabled && len(raw) > 3000 {
			continue
		}
		front := headersFirst(raw)
		if _, err := object.Parse(front, name); err != nil {
			t.Fatalf("%s with the section headers first: %v", name, err)
		}
		for n := range raw {
			if _, err := object.Parse(raw[:n:n], name); err == nil {
				t.Fatalf("%s: %d of %d bytes are accepted", name, n, len(raw))
			}
			m.parse(t, front[:n:n], func() string {
				return fmt.Sprintf("%s, headers first, %d bytes", name, n)
			})
		}
	}
	t.Logf("at worst %.2f of the memory allowed, %v taken", m.worst, m.slowest)
}

// headersFirst moves the section headers of a file to just after its ELF header.
func headersFirst(raw []byte) []byte {
	order := byteOrder(raw)
	shoff := order.Uint64(raw[40:])
	headers := bytes.Clone(raw[shoff:])
	size := uint64(order.Uint16(raw[60:])) * 64
	headers = headers[:size]
	for i := uint64(0); i < size; i += 64 {
		if off := order.Uint64(headers[i+24:]); off != 0 {
			order.PutUint64(headers[i+24:], off+size)
		}
	}
	out := append(bytes.Clone(raw[:64]), headers...)
	order.PutUint64(out[40:], 64)
	return append(out, raw[64:shoff]...)
}

func byteOrder(raw []byte) binary.ByteOrder {
	if raw[5] == 2 {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// TestShrunkSections makes each section of each object shorter, byte by byte (with the race
// detector in larger steps). The oracle is the limits of meter.
func TestShrunkSections(t *testing.T) {
	m, step := newMeter(), uint64(1)
	if raceEnabled {
		step = 13
	}
	for _, s := range seeds(t) {
		name, raw := s.name, s.raw
		order := byteOrder(raw)
		shoff, num := order.Uint64(raw[40:]), uint64(order.Uint16(raw[60:]))
		for i := range num {
			at := shoff + i*64 + 32
			size := order.Uint64(raw[at:])
			b := bytes.Clone(raw)
			for n := uint64(0); n < min(size, 3000); n += step {
				order.PutUint64(b[at:], n)
				m.parse(t, b, func() string {
					return fmt.Sprintf("%s, section %d of %d bytes", name, i, n)
				})
			}
		}
	}
	t.Logf("%d accepted, at worst %.2f of the memory allowed, %v taken",
		m.accepted, m.worst, m.slowest)
}

// TestMutated parses inputs made from real objects by a few random changes each, aware of ELF's
// structure: 50,000 of them, or as many as PUREBPF_MUTATIONS says. The oracle is the limits of
// meter. A failure prints the seed that reproduces it.
func TestMutated(t *testing.T) {
	count := 50_000
	if testing.Short() || raceEnabled {
		count = 5_000
	}
	if s := os.Getenv("PUREBPF_MUTATIONS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		count = n
	}
	var originals [][]byte
	for _, s := range seeds(t) {
		if len(s.raw) < 40000 {
			originals = append(originals, s.raw)
		}
	}
	m, first := newMeter(), uint64(1)
	if s := os.Getenv("PUREBPF_MUTATION_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		first = n
	}
	for i := range uint64(count) {
		r := rand.New(rand.NewPCG(first+i, 0))
		raw := mutate(r, originals[r.IntN(len(originals))])
		m.parse(t, raw, func() string {
			return fmt.Sprintf("PUREBPF_MUTATIONS=1 PUREBPF_MUTATION_SEED=%d", first+i)
		})
	}
	t.Logf("%d inputs, %d accepted, at worst %.2f of the memory allowed, %v taken",
		count, m.accepted, m.worst, m.slowest)
	if m.accepted < count/50 {
		t.Errorf("only %d of %d inputs were accepted: the changes are too coarse to reach far",
			m.accepted, count)
	}
}

// interesting are the numbers that break arithmetic.
var interesting = []uint64{0, 1, 2, 3, 4, 7, 8, 16, 23, 24, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000,
	0xfeff, 0xff00, 0xfff1, 0xffff, 0x10000,
	0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff, 0x100000000, 1 << 40, 1<<63 - 1, 1 << 63,
	1<<64 - 8, 1<<64 - 1}

// mutate makes one to four changes in a copy of raw.
func mutate(r *rand.Rand, raw []byte) []byte {
	b := bytes.Clone(raw)
	order := byteOrder(raw)
	shoff, num := order.Uint64(raw[40:]), uint64(order.Uint16(raw[60:]))
	for range 1 + r.IntN(4) {
		n := uint64(len(b))
		if n < 64 {
			return b
		}
		at := r.Uint64N(n)
		// Half of the changes go to a section's bytes, chosen by section, so that small ones are
		// hit as often as large ones.
		if r.IntN(2) == 0 && shoff+num*64 <= n {
			h := b[shoff+r.Uint64N(num)*64:]
			if off, size := order.Uint64(h[24:]), order.Uint64(h[32:]); size > 0 && off < n &&
				size <= n-off {
				at = off + r.Uint64N(size)
			}
		}
		switch r.IntN(9) {
		case 0: // a bit
			b[at] ^= 1 << r.IntN(8)
		case 1: // a byte
			b[at] = byte(r.Uint32())
		case 2: // a half word
			if at &^= 1; at+2 <= n {
				order.PutUint16(b[at:], uint16(interesting[r.IntN(len(interesting))]))
			}
		case 3: // a word
			if at &^= 3; at+4 <= n {
				order.PutUint32(b[at:], uint32(interesting[r.IntN(len(interesting))]))
			}
		case 4: // a word, slightly
			if at &^= 3; at+4 <= n {
				order.PutUint32(b[at:], order.Uint32(b[at:])+uint32(r.IntN(17))-8)
			}
		case 5: // a double word
			if at &^= 7; at+8 <= n {
				order.PutUint64(b[at:], interesting[r.IntN(len(interesting))])
			}
		case 6: // a field of a section header, with another header's or a broken one
			if shoff+num*64 > n {
				continue
			}
			field := []uint64{0, 4, 8, 24, 32, 40, 44, 56}[r.IntN(8)]
			dst := b[shoff+r.Uint64N(num)*64+field:]
			value := order.Uint32(b[shoff+r.Uint64N(num)*64+field:])
			if r.IntN(2) == 0 {
				value = uint32(interesting[r.IntN(len(interesting))])
			}
			order.PutUint32(dst, value)
		case 7: // some bytes from elsewhere
			size := 1 + r.Uint64N(64)
			from := r.Uint64N(n)
			size = min(size, n-at, n-from)
			copy(b[at:at+size], bytes.Clone(b[from:from+size]))
		case 8: // cut
			if r.IntN(8) == 0 {
				b = b[:at:at]
			}
		}
	}
	return b
}

// TestHalfRelocation makes each relocation table that a loader reads end within a relocation. The
// oracle is C libbpf, which refuses such objects with LIBBPF_ERRNO__FORMAT: no part of a table is
// silently left out.
func TestHalfRelocation(t *testing.T) {
	raw, err := os.ReadFile("testdata/maps.o")
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf64.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	headers := binary.LittleEndian.Uint64(raw[40:])
	n := 0
	for i, s := range f.Sections {
		if s.Type != elf64.SectionRel || f.Sections[s.Info].Flags&elf64.FlagExec == 0 &&
			f.Sections[s.Info].Name != ".maps" {
			continue
		}
		n++
		bad := bytes.Clone(raw)
		binary.LittleEndian.PutUint64(bad[headers+uint64(i)*64+32:], s.Size-8)
		var e *object.Error
		if _, err := object.Parse(bad, "maps"); !errors.As(err, &e) ||
			e.Reason != object.ReasonFormat {
			t.Errorf("%s with %d bytes: %v", s.Name, s.Size-8, err)
		}
	}
	if n < 2 {
		t.Errorf("%d relocation tables", n)
	}
}

// FuzzOpen opens mutated objects. The oracles are the limits of meter and what every object
// guarantees.
func FuzzOpen(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s.raw)
	}
	m := newMeter()
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) == 0 {
			return
		}
		m.parse(t, raw, func() string { return "fuzzed input" })
	})
}
