package e2e

import (
	"github.com/purebpf/bpf"

	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// newMap creates a single map.
func newMap(t testing.TB, spec object.Map) *bpf.Map {
	t.Helper()
	testkit.Root(t)
	if spec.Name == "" {
		spec.Name = "test"
	}
	m, err := bpf.CreateMap(&spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

type hashKey struct {
	ID   uint32
	Kind uint8
	_    [3]byte
}

type hashValue struct {
	Count uint64
	Last  uint32
	Name  [12]byte
}

// TestMapBytes: raw operations; the oracle is the map itself and the errnos that bpf(2) documents.
func TestMapBytes(t *testing.T) {
	m := newMap(t, object.Map{Name: "pairs", Type: uapi.MapHash, KeySize: 4, ValueSize: 8,
		MaxEntries: 2})
	key, value := []byte{1, 2, 3, 4}, []byte("12345678")
	got := make([]byte, 8)
	if err := m.Lookup(key, got); !errors.Is(err, bpf.ErrNotExist) ||
		!errors.Is(err, syscall.ENOENT) ||
		!strings.Contains(err.Error(), "pairs") {
		t.Error(err)
	}
	if err := m.Update(key, value, bpf.UpdateExist); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	if err := m.Update(key, value, bpf.UpdateNoExist); err != nil {
		t.Error(err)
	}
	if err := m.Update(key, value, bpf.UpdateNoExist); !errors.Is(err, bpf.ErrExist) {
		t.Error(err)
	}
	if err := m.Lookup(key, got); err != nil || string(got) != string(value) {
		t.Error(err, got)
	}
	if b, err := m.LookupBytes(key); err != nil || string(b) != string(value) {
		t.Error(err, b)
	}
	next := make([]byte, 4)
	if err := m.NextKey(nil, next); err != nil || string(next) != string(key) {
		t.Error(err, next)
	}
	if err := m.NextKey(key, next); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	m.Update([]byte("aaaa"), value, bpf.UpdateAny)
	if err := m.Update([]byte("bbbb"), value, bpf.UpdateAny); !errors.Is(err, bpf.ErrTooBig) ||
		!strings.Contains(err.Error(), "max_entries is 2") {
		t.Error(err)
	}
	if err := m.LookupAndDelete([]byte("aaaa"), got, 0); err != nil ||
		string(got) != string(value) {
		t.Error(err, got)
	}
	if err := m.Delete(key); err != nil {
		t.Error(err)
	}
	if err := m.Delete(key); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"short key":         m.Lookup(key[:3], got),
		"no key":            m.Lookup(nil, got),
		"short value":       m.Lookup(key, got[:7]),
		"long value":        m.Update(key, make([]byte, 9), 0),
		"delete":            m.Delete(key[:1]),
		"take":              m.LookupAndDelete(key, nil, 0),
		"next of short key": m.NextKey(key[:2], next),
		"short next":        m.NextKey(key, next[:2]),
	} {
		if !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "bytes") {
			t.Errorf("%s: %v", what, err)
		}
	}
	clone, err := m.Clone()
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
	if err := m.Lookup(key, got); !errors.Is(err, bpf.ErrClosed) {
		t.Error(err)
	}
	if err := clone.Update(key, value, 0); err != nil {
		t.Error(err)
	}
	if err := clone.Freeze(); err != nil {
		t.Error(err)
	}
	if err := clone.Update(key, value, 0); !errors.Is(err, bpf.ErrPermission) ||
		!strings.Contains(err.Error(), "frozen") {
		t.Error(err)
	}
	clone.Close()
}

// TestMapQueue: a map without keys.
func TestMapQueue(t *testing.T) {
	obj := load(t, open(t, "maps"), &bpf.LoadOptions{SkipPins: true})
	q, err := bpf.MapOf[struct{}, uint64](obj.Map("queue"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(4) {
		if err := q.Update(struct{}{}, i, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Update(struct{}{}, 4, 0); !errors.Is(err, bpf.ErrTooBig) {
		t.Error(err)
	}
	if v, err := q.Lookup(struct{}{}); v != 0 || err != nil {
		t.Error(v, err)
	}
	for i := range uint64(4) {
		if v, err := q.LookupAndDelete(struct{}{}); v != i || err != nil {
			t.Error(v, err)
		}
	}
	if _, err := q.LookupAndDelete(struct{}{}); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	it := q.Iterate()
	for range it.All() {
		t.Error("a queue has no keys")
	}
	if !errors.Is(it.Err(), bpf.ErrNotSupported) {
		t.Error(it.Err())
	}
}

// TestMapOf: structs as keys and values, compared with what a program writes and with bpftool's
// dump by BTF.
func TestMapOf(t *testing.T) {
	obj := load(t, open(t, "maps"), &bpf.LoadOptions{SkipPins: true})
	m, err := bpf.MapOf[hashKey, hashValue](obj.Map("hash"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := obj.Program("count").Run(&bpf.RunOptions{Data: make([]byte, 64)}); err != nil {
		t.Fatal(err)
	}
	// The blank field is zeroed, whatever is there.
	// a socket filter sees the packet without its 14 bytes of Ethernet header
	key := hashKey{ID: 50, Kind: 1}
	dirty := (*[8]byte)(unsafe.Pointer(&key))
	dirty[5], dirty[6], dirty[7] = 0xaa, 0xbb, 0xcc
	v, err := m.Lookup(key)
	if err != nil || int32(v.Last) != -3 {
		t.Fatalf("%+v %v", v, err)
	}
	if err := m.Update(hashKey{ID: 1, Kind: 2},
		hashValue{Count: 5, Name: [12]byte{'x'}}, bpf.UpdateAny); err != nil {
		t.Fatal(err)
	}
	var dump []struct {
		Formatted struct {
			Key   struct{ ID, Kind int }
			Value struct {
				Count, Last int
				Name        any
			}
		}
	}
	bpftool(t, &dump, "map", "dump", "id", fmt.Sprint(mapID(t, obj.Map("hash"))))
	got := map[int]int{}
	for _, e := range dump {
		got[e.Formatted.Key.ID] = e.Formatted.Value.Count
	}
	if !maps.Equal(got, map[int]int{50: 0, 1: 5}) {
		t.Errorf("bpftool sees %v", got)
	}
	if err := m.Delete(key); err != nil {
		t.Error(err)
	}
	if _, err := m.Lookup(key); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	if got, err := m.LookupAndDelete(hashKey{ID: 1, Kind: 2}); got.Count != 5 || err != nil {
		t.Error(got, err)
	}
}

// TestMapOfRefuses: types that don't fit the map are refused with the reason.
func TestMapOfRefuses(t *testing.T) {
	obj := load(t, open(t, "maps"), &bpf.LoadOptions{SkipPins: true})
	check := func(what string, err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want something about %q", what, err, want)
		}
	}
	hash := obj.Map("hash")
	_, err := bpf.MapOf[uint32, hashValue](hash)
	check("short key", err, "uint32 has 4 bytes, the map has 8")
	_, err = bpf.MapOf[struct{ A, B uint32 }, hashValue](hash)
	check("key of another shape", err, "B")
	_, err = bpf.MapOf[hashKey, [3]uint64](hash)
	check("value of another shape", err, "[3]uint64, C has STRUCT value")
	_, err = bpf.MapOf[hashKey, struct {
		Last  uint32
		Name  [12]byte
		Count uint64
	}](hash)
	check("swapped fields", err, "Last")
	_, err = bpf.MapOf[hashKey, struct {
		Count int
		Last  uint32
		Name  [12]byte
	}](hash)
	check("int", err, "depends on the machine")
	_, err = bpf.MapOf[hashKey, struct {
		Count *uint64
		Last  uint32
		Name  [12]byte
	}](hash)
	check("pointer", err, "the kernel cannot take")
	_, err = bpf.MapOf[hashKey, [24]byte](hash)
	if err != nil {
		t.Error("bytes stand for anything:", err)
	}
	_, err = bpf.MapOf[uint32, uint64](obj.Map("percpu"))
	check("per CPU", err, "PerCPUMapOf")
	_, err = bpf.PerCPUMapOf[uint32, uint64](obj.Map("array"))
	check("not per CPU", err, "MapOf")
	_, err = bpf.MapOf[uint32, uint64](obj.Map("nothing"))
	check("no map", err, "no map")
	if !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
}

// TestMapOfAllocs: no operation allocates.
func TestMapOfAllocs(t *testing.T) {
	obj := load(t, open(t, "maps"), &bpf.LoadOptions{SkipPins: true})
	numbers, err := bpf.MapOf[uint32, uint64](obj.Map("array"))
	if err != nil {
		t.Fatal(err)
	}
	structs, err := bpf.MapOf[hashKey, hashValue](obj.Map("hash"))
	if err != nil {
		t.Fatal(err)
	}
	each, err := bpf.PerCPUMapOf[uint32, uint64](obj.Map("percpu"))
	if err != nil {
		t.Fatal(err)
	}
	odd, err := bpf.PerCPUMapOf[uint32, [3]uint32](obj.Map("percpu_odd"))
	if err != nil {
		t.Fatal(err)
	}
	if err := odd.Update(1, make([][3]uint32, odd.CPUs()), bpf.UpdateAny); err != nil {
		t.Fatal(err)
	}
	if err := structs.Update(hashKey{ID: 9}, hashValue{}, bpf.UpdateAny); err != nil {
		t.Fatal(err)
	}
	cpus, oddCPUs := make([]uint64, each.CPUs()), make([][3]uint32, odd.CPUs())
	raw, key, value := obj.Map("array"), make([]byte, 4), make([]byte, 8)
	packet := &bpf.RunOptions{Data: make([]byte, 64)}
	var into hashValue
	for what, f := range map[string]func() error{
		"lookup": func() error { _, err := numbers.Lookup(1); return err },
		"update": func() error { return numbers.Update(1, 2, bpf.UpdateAny) },
		"struct update": func() error {
			return structs.Update(hashKey{ID: 9}, hashValue{Count: 1}, bpf.UpdateAny)
		},
		"struct lookup": func() error { _, err := structs.Lookup(hashKey{ID: 9}); return err },
		"lookup into":   func() error { return structs.LookupInto(hashKey{ID: 9}, &into, 0) },
		"delete": func() error {
			structs.Delete(hashKey{ID: 10})
			return nil // absent: an error, but one that exists already
		},
		"percpu":            func() error { _, err := each.Lookup(0, cpus); return err },
		"odd percpu":        func() error { _, err := odd.Lookup(1, oddCPUs); return err },
		"percpu update":     func() error { return each.Update(0, cpus, bpf.UpdateAny) },
		"odd percpu update": func() error { return odd.Update(1, oddCPUs, bpf.UpdateAny) },
		"raw lookup":        func() error { return raw.Lookup(key, value) },
		"raw update":        func() error { return raw.Update(key, value, 0) },
		"run":               func() error { _, err := obj.Program("count").Run(packet); return err },
	} {
		if err := f(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if n := testing.AllocsPerRun(100, func() { f() }); n != 0 {
			t.Errorf("%s allocates %v times", what, n)
		}
	}
}

// TestPerCPU: values of each CPU; the oracle is bpftool.
func TestPerCPU(t *testing.T) {
	obj := load(t, open(t, "maps"), &bpf.LoadOptions{SkipPins: true})
	odd, err := bpf.PerCPUMapOf[uint32, [3]uint32](obj.Map("percpu_odd")) // 12 bytes, 16 apart
	if err != nil {
		t.Fatal(err)
	}
	want, err := kernel.Running().PossibleCPUs()
	if err != nil || odd.CPUs() != want {
		t.Fatal(odd.CPUs(), want, err)
	}
	values := make([][3]uint32, odd.CPUs())
	for cpu := range values {
		values[cpu] = [3]uint32{uint32(cpu), 100 + uint32(cpu), 7}
	}
	if err := odd.Update(5, values, bpf.UpdateNoExist); err != nil {
		t.Fatal(err)
	}
	got, err := odd.Lookup(5, nil)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(values) {
		t.Fatal(got, err)
	}
	var dump []struct {
		Values []struct {
			CPU   int      `json:"cpu"`
			Value []string `json:"value"`
		} `json:"values"`
	}
	bpftool(t, &dump, "map", "dump", "id", fmt.Sprint(mapID(t, obj.Map("percpu_odd"))))
	if len(dump) != 1 || len(dump[0].Values) != odd.CPUs() {
		t.Fatalf("bpftool: %+v", dump)
	}
	for _, v := range dump[0].Values {
		if n := hexBytes(t, v.Value[4:8]); n != values[v.CPU][1] {
			t.Errorf("bpftool: CPU %d has %d, want %d", v.CPU, n, values[v.CPU][1])
		}
	}
	n := 0
	it := odd.Iterate()
	for key, vs := range it.All() {
		n++
		if key != 5 || fmt.Sprint(vs) != fmt.Sprint(values) {
			t.Error(key, vs)
		}
	}
	if n != 1 || it.Err() != nil {
		t.Error(n, it.Err())
	}
	if err := odd.Update(5, values[:0], 0); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
	if err := odd.Delete(5); err != nil {
		t.Error(err)
	}
}

// TestIterate walks maps of different types and sizes, in batches and key by key, and compares with
// the written elements.
func TestIterate(t *testing.T) {
	for _, c := range []struct {
		typ     uapi.MapType
		flags   uapi.MapFlags
		entries uint32
		fill    uint32
	}{
		{uapi.MapHash, 0, 20000, 10000},
		{uapi.MapHash, 0, 8, 8}, // fewer than the largest bucket may hold
		{uapi.MapHash, 0, 100, 0},
		{uapi.MapLRUHash, 0, 1000, 300},
		{uapi.MapArray, 0, 5000, 5000},
		{uapi.MapLPMTrie, uapi.FNoPrealloc, 1000, 300},
	} {
		for _, mode := range []string{"batch", "one by one"} {
			t.Run(fmt.Sprintf("%v of %d %s", c.typ, c.fill, mode), func(t *testing.T) {
				spec := object.Map{Type: c.typ, KeySize: 8, ValueSize: 8, MaxEntries: c.entries,
					Flags: c.flags}
				if c.typ == uapi.MapArray {
					spec.KeySize = 4
				}
				m := newMap(t, spec)
				want := map[string]uint64{}
				for i := range c.fill {
					key := binary.NativeEndian.AppendUint32(nil, i)
					if c.typ == uapi.MapLPMTrie {
						key = binary.BigEndian.AppendUint32(
							binary.NativeEndian.AppendUint32(nil, 32), i)
					} else if c.typ != uapi.MapArray {
						key = append(key, 0, 1, 2, 3)
					}
					want[string(key)] = uint64(i) * 3
					if err := m.Update(key,
						binary.NativeEndian.AppendUint64(nil, uint64(i)*3), 0); err != nil {
						t.Fatal(err)
					}
				}
				if mode != "batch" {
					defer funnel.Replace(noBatches{})()
				}
				got := map[string]uint64{}
				it := m.Iterate()
				for k, v := range it.All() {
					if _, twice := got[string(k)]; twice {
						t.Fatalf("%x came twice", k)
					}
					got[string(k)] = binary.NativeEndian.Uint64(v)
				}
				if err := it.Err(); err != nil || !maps.Equal(got, want) {
					t.Fatalf("%d elements of %d: %v", len(got), len(want), err)
				}
				seen := 0
				for range it.All() {
					seen++
					break
				}
				if want := min(1, len(want)); seen != want || it.Err() != nil {
					t.Fatal(seen, it.Err())
				}
			})
		}
	}
}

// noBatches is a kernel before 5.6: it doesn't know the batch commands.
type noBatches struct{ funnel.Kernel }

func (noBatches) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	if cmd >= uapi.CmdMapLookupBatch && cmd <= uapi.CmdMapDeleteBatch {
		return -1, syscall.EINVAL
	}
	return funnel.Kernel{}.BPF(cmd, attr, size, common)
}

// TestIterateDelete deletes each element during the walk; nothing stays and nothing is missed,
// either way.
func TestIterateDelete(t *testing.T) {
	for _, batches := range []bool{true, false} {
		m := newMap(t, object.Map{Type: uapi.MapHash, KeySize: 4, ValueSize: 4, MaxEntries: 5000})
		typed, err := bpf.MapOf[uint32, uint32](m)
		if err != nil {
			t.Fatal(err)
		}
		keys, values := make([]uint32, 3000), make([]uint32, 3000)
		for i := range keys {
			keys[i], values[i] = uint32(i), uint32(i)+1
		}
		if n, err := typed.UpdateBatch(keys, values, bpf.UpdateAny); n != 3000 || err != nil {
			t.Fatal(n, err)
		}
		func() {
			if !batches {
				defer funnel.Replace(noBatches{})()
			}
			n := 0
			it := typed.Iterate()
			for k, v := range it.All() {
				if v != k+1 {
					t.Fatal(k, v)
				}
				if err := typed.Delete(k); err != nil {
					t.Fatal(err)
				}
				n++
			}
			if n != 3000 || it.Err() != nil {
				t.Fatal(n, it.Err())
			}
		}()
		if err := m.NextKey(nil, make([]byte, 4)); !errors.Is(err, bpf.ErrNotExist) {
			t.Fatal("something is left:", err)
		}
	}
}

// TestIterateTrie: the loop's body deletes the element that ends a batch of an LPM trie, and the
// walk doesn't start over. The oracle is the written elements.
func TestIterateTrie(t *testing.T) {
	const walk = 4096 // elements that Walk reads at once
	const n = 3 * walk
	type prefix struct {
		Len  uint32
		Addr [4]byte
	}
	m := newMap(t, object.Map{Type: uapi.MapLPMTrie, KeySize: 8, ValueSize: 8, MaxEntries: n,
		Flags: uapi.FNoPrealloc})
	trie, err := bpf.MapOf[prefix, uint64](m)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint32(n) {
		p := prefix{Len: 32}
		binary.BigEndian.PutUint32(p.Addr[:], i)
		if err := trie.Update(p, uint64(i), bpf.UpdateAny); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[uint64]bool{}
	it := trie.Iterate()
	for p, i := range it.All() {
		if seen[i] {
			t.Fatalf("%v came again after %d others", p, len(seen))
		}
		seen[i] = true
		if len(seen)%walk == 0 {
			if err := trie.Delete(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	if it.Err() != nil || len(seen) != n {
		t.Errorf("%d of %d, %v", len(seen), n, it.Err())
	}
}

// TestFreezeBesideUpdate: a map may be frozen while others write to it. The oracle is the race
// detector.
func TestFreezeBesideUpdate(t *testing.T) {
	m := newMap(t, object.Map{Type: uapi.MapArray, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	done := make(chan error)
	go func() {
		var err error
		for err == nil {
			err = m.Update(make([]byte, 4), make([]byte, 8), bpf.UpdateAny)
		}
		done <- err
	}()
	if err := m.Freeze(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, bpf.ErrPermission) {
		t.Error(err)
	}
}

// TestBatchOfNone: a batch without room for an element doesn't move the cursor. The oracle is the
// map.
func TestBatchOfNone(t *testing.T) {
	m := newMap(t, object.Map{Type: uapi.MapArray, KeySize: 4, ValueSize: 8, MaxEntries: 4})
	c := m.NewBatchCursor()
	if n, err := c.LookupBatch(nil, nil, 0); n != 0 || err != nil {
		t.Error(n, err)
	}
	if n, err := c.LookupBatch(make([]byte, 8*4), make([]byte, 8*8), 0); n != 4 ||
		!errors.Is(err, bpf.ErrNotExist) {
		t.Errorf("%d elements of 4: %v", n, err)
	}
}

// TestBatchOfAllCPUs: with uapi.AllCPUs an element has one value. The oracle is the kernel: from
// 6.19 on every CPU has it, older ones refuse the flag with EINVAL and not the lengths.
func TestBatchOfAllCPUs(t *testing.T) {
	m := newMap(t, object.Map{Type: uapi.MapPerCPUHash, KeySize: 4, ValueSize: 8, MaxEntries: 10})
	keys, values := []byte{1, 0, 0, 0, 2, 0, 0, 0}, make([]byte, 2*8)
	values[0], values[8] = 11, 22
	n, err := m.UpdateBatch(keys, values, uapi.AllCPUs)
	if err != nil {
		var e *bpf.Error
		if !errors.As(err, &e) || e.Op != "update map in a batch" || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("refused: %v", err)
		}
		return
	}
	got, err := m.LookupBytes(keys[4:])
	if n != 2 || err != nil {
		t.Fatal(n, err)
	}
	for cpu := 0; cpu < len(got); cpu += 8 {
		if got[cpu] != 22 {
			t.Errorf("CPU %d has %v", cpu/8, got[cpu:cpu+8])
		}
	}
}

// TestBatches: the raw batch calls.
func TestBatches(t *testing.T) {
	m := newMap(t, object.Map{Type: uapi.MapHash, KeySize: 4, ValueSize: 8, MaxEntries: 100})
	keys, values := make([]byte, 40), make([]byte, 80)
	for i := range 10 {
		keys[i*4], values[i*8] = byte(i), byte(i)
	}
	if n, err := m.UpdateBatch(keys, values, 0); n != 10 || err != nil {
		t.Fatal(n, err)
	}
	// only UpdateLock is allowed
	if n, err := m.UpdateBatch(keys, values, bpf.UpdateNoExist); n != 0 ||
		!errors.Is(err, syscall.EINVAL) {
		t.Fatal(n, err)
	}
	gotKeys, gotValues := make([]byte, 400), make([]byte, 800)
	n, err := m.NewBatchCursor().LookupBatch(gotKeys, gotValues, 0)
	if n != 10 || !errors.Is(err, bpf.ErrNotExist) {
		t.Fatal(n, err)
	}
	for i := range n {
		if gotKeys[i*4] != gotValues[i*8] {
			t.Fatal(gotKeys[:40], gotValues[:80])
		}
	}
	if n, err := m.DeleteBatch(keys[:8]); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	n, err = m.NewBatchCursor().LookupAndDeleteBatch(gotKeys, gotValues, 0)
	if n != 8 || !errors.Is(err, bpf.ErrNotExist) {
		t.Fatal(n, err)
	}
	if n, err := m.NewBatchCursor().LookupBatch(gotKeys, gotValues, 0); n != 0 ||
		!errors.Is(err, bpf.ErrNotExist) {
		t.Fatal(n, err)
	}
	for what, err := range map[string]error{
		"crooked keys":    second(m.UpdateBatch(keys[:39], values, 0)),
		"fewer values":    second(m.UpdateBatch(keys, values[:8], 0)),
		"crooked deletes": second(m.DeleteBatch(keys[:3])),
	} {
		if !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func BenchmarkMapOf(b *testing.B) {
	hash := newMap(b, object.Map{Type: uapi.MapHash, KeySize: 4, ValueSize: 8, MaxEntries: 65536})
	m, err := bpf.MapOf[uint32, uint64](hash)
	if err != nil {
		b.Fatal(err)
	}
	for i := range uint32(10000) {
		if err := m.Update(i, uint64(i), 0); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("lookup", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			m.Lookup(uint32(i % 10000))
		}
	})
	b.Run("bytes", func(b *testing.B) {
		b.ReportAllocs()
		key, value := make([]byte, 4), make([]byte, 8)
		for i := range b.N {
			binary.NativeEndian.PutUint32(key, uint32(i%10000))
			hash.Lookup(key, value)
		}
	})
	b.Run("absent", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			m.Lookup(99999)
		}
	})
	b.Run("update", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			m.Update(uint32(i%10000), 1, 0)
		}
	})
	b.Run("walk", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; n < b.N; {
			for range m.Iterate().All() {
				n++
			}
		}
	})
}

// TestNumaNode: a map on a NUMA node that isn't online is refused, and the error names the node.
// The oracles are the kernel, and its list of nodes.
func TestNumaNode(t *testing.T) {
	online, err := os.ReadFile("/sys/devices/system/node/online")
	if err != nil {
		t.Logf("no NUMA here: %v", err)
		online = []byte("0")
	}
	const gone = 1000
	spec := &object.Map{Name: "m", Type: uapi.MapHash, KeySize: 4, ValueSize: 4, MaxEntries: 1,
		Flags: uapi.FNumaNode}
	m, err := bpf.CreateMap(spec, nil)
	if err != nil {
		t.Fatalf("on node 0 of %s: %v", online, err)
	}
	m.Close()
	spec.NumaNode = gone
	_, err = bpf.CreateMap(spec, nil)
	o := only(open(t, "maps"), "count", "callee")
	for _, m := range o.Maps {
		if m.Name == "array" {
			m.Flags |= uapi.FNumaNode
			m.NumaNode = gone
		}
	}
	_, loadErr := bpf.Load(o, &bpf.LoadOptions{SkipPins: true})
	for _, err := range []error{err, loadErr} {
		if !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(), "numa_node 1000 is not online") {
			t.Errorf("%v; online are %s", err, online)
		}
	}
}
