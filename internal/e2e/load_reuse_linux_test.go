package e2e

import (
	"github.com/purebpf/bpf"

	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// created creates a single map and closes it when the test ends.
func created(t testing.TB, spec *object.Map) *bpf.Map {
	t.Helper()
	m, err := bpf.CreateMap(spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestReuseSection passes a map for a section. The oracle is the kernel: the program counts in that
// map; whether its memory can be mapped depends on its flags, not on the load.
func TestReuseSection(t *testing.T) {
	testkit.Root(t)
	o := only(open(t, "maps"), "count", "callee")
	bss := o.Map(".bss")
	calls := o.Variable("calls")
	for _, tc := range []struct {
		name   string
		flags  uapi.MapFlags
		mapped bool
	}{{".bss", 0, false}, {bss.Name, 0, false}, {".bss", uapi.FMmapable, true}} {
		given := created(t, &object.Map{Name: "given", Type: uapi.MapArray, KeySize: 4,
			ValueSize: bss.ValueSize, MaxEntries: 1, Flags: tc.flags})
		value := make([]byte, bss.ValueSize)
		binary.NativeEndian.PutUint64(value[calls.Offset:], 100)
		if err := given.Update(make([]byte, 4), value, bpf.UpdateAny); err != nil {
			t.Fatal(err)
		}
		obj := load(t, o, &bpf.LoadOptions{SkipPins: true,
			Maps: map[string]*bpf.Map{tc.name: given}})
		m := obj.Map(".bss")
		if mapID(t, m) != mapID(t, given) || !m.Reused() || m.Flags() != tc.flags ||
			(m.Memory() != nil) != tc.mapped {
			t.Errorf("%s with flags %#x: map %v, reused %v, flags %#x, mapped %v",
				tc.name, tc.flags, m, m.Reused(), m.Flags(), m.Memory() != nil)
		}
		if _, err := obj.Program("count").Run(&bpf.RunOptions{Data: make([]byte, 64)}); err != nil {
			t.Fatal(err)
		}
		var n uint64
		if err := obj.Variable("calls").Get(&n); err != nil || n != 101 {
			t.Errorf("%s with flags %#x: calls is %d, %v; want 101", tc.name, tc.flags, n, err)
		}
		if got, err := given.LookupBytes(make([]byte, 4)); err != nil ||
			binary.NativeEndian.Uint64(got[calls.Offset:]) != 101 {
			t.Errorf("%s with flags %#x: the given map holds % x, %v", tc.name, tc.flags, got, err)
		}
		if err := obj.Variable("calls").Set(uint64(1)); (err == nil) != tc.mapped ||
			err != nil && !errors.Is(err, bpf.ErrNotSupported) {
			t.Errorf("%s with flags %#x: setting calls: %v", tc.name, tc.flags, err)
		}
	}
	given := created(t, &object.Map{Name: "given", Type: uapi.MapArray, KeySize: 4,
		ValueSize: bss.ValueSize, MaxEntries: 1})
	for name, list := range map[string]map[string]*bpf.Map{
		"two maps":  {".bss": given, bss.Name: given},
		"it is nil": {".bss": nil},
		"value 20 b": {".bss": created(t,
			&object.Map{Type: uapi.MapArray, KeySize: 4, ValueSize: 20, MaxEntries: 1})},
	} {
		if _, err := bpf.Load(o,
			&bpf.LoadOptions{SkipPins: true, Maps: list}); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReuseSizes: the caller's map keeps its own number of elements and flags. The oracle is the
// kernel, which accepts and refuses keys by them.
func TestReuseSizes(t *testing.T) {
	testkit.Root(t)
	given := created(t, &object.Map{Name: "given", Type: uapi.MapArray, KeySize: 4, ValueSize: 8,
		MaxEntries: 100, Flags: uapi.FMmapable})
	obj := load(t, only(open(t, "maps"), "count", "callee"),
		&bpf.LoadOptions{SkipPins: true, Maps: map[string]*bpf.Map{"array": given}})
	m := obj.Map("array")
	if m.MaxEntries() != 100 || m.Flags() != uapi.FMmapable || m.Name() != "array" {
		t.Errorf("%v: max_entries %d, flags %#x", m, m.MaxEntries(), m.Flags())
	}
	typed, err := bpf.MapOf[uint32, uint64](m)
	if err != nil {
		t.Fatal(err)
	}
	if err := typed.Update(99, 1, bpf.UpdateAny); err != nil {
		t.Error(err)
	}
	if err := typed.Update(100, 1, bpf.UpdateAny); !errors.Is(err, bpf.ErrTooBig) {
		t.Errorf("key 100: %v", err)
	}
}

// TestReuseArena passes the arena of one object to another. The oracle is the kernel, which maps an
// arena only once in a process: the second object has no memory of its own and the first one's
// stays.
func TestReuseArena(t *testing.T) {
	testkit.Kernel(t, "6.9")
	for _, extra := range []uint64{0, 1 << 44} {
		o := only(open(t, "arena"))
		var name string
		for _, m := range o.Maps {
			if m.Type == uapi.MapArena {
				name, m.Extra = m.Name, extra
			}
		}
		first := load(t, o, nil)
		memory := first.Map(name).Memory()
		if memory == nil {
			t.Fatal("the arena is not mapped")
		}
		memory[0] = 42
		second := load(t, o, &bpf.LoadOptions{Maps: map[string]*bpf.Map{name: first.Map(name)}})
		if second.Map(name).Memory() != nil {
			t.Error("the arena is mapped twice")
		}
		second.Close()
		if memory[0] != 42 { // otherwise the process has crashed
			t.Error("the first object's memory is gone")
		}
	}
}

// TestReusePinned: a map that is passed for one with a pin path is pinned there, and unpinned if
// the load fails; a map that is pinned there already comes first. The oracle is C libbpf's order
// (bpf_object__create_maps): pin path, then the preset descriptor, then pinning.
func TestReusePinned(t *testing.T) {
	dir := testkit.BPFFS(t)
	path := filepath.Join(dir, "pinned")
	spec := &object.Map{Name: "given", Type: uapi.MapHash, KeySize: 4, ValueSize: 8, MaxEntries: 16}
	given := created(t, spec)

	o := only(open(t, "refused"))
	o.Maps = append(o.Maps, open(t, "maps").Map("pinned"))
	for _, p := range o.Programs {
		p.Autoload = true // the verifier refuses them
	}
	opts := &bpf.LoadOptions{PinRoot: dir, Maps: map[string]*bpf.Map{"pinned": given}}
	if _, err := bpf.Load(o, opts); err == nil {
		t.Fatal("refused.bpf.o loads")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the pin of the failed load stays: %v", err)
	}

	first := load(t, open(t, "maps"), opts)
	if m := first.Map("pinned"); !m.Pinned() || !m.Reused() || mapID(t, m) != mapID(t, given) {
		t.Errorf("pinned %v, reused %v, map %d, want %d", m.Pinned(), m.Reused(), mapID(t, m),
			mapID(t, given))
	}
	pinned, err := bpf.OpenMap(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer pinned.Close()
	if mapID(t, pinned) != mapID(t, given) {
		t.Errorf("map %d is pinned, want %d", mapID(t, pinned), mapID(t, given))
	}

	for _, tc := range []struct {
		given  *bpf.Map
		warned bool
	}{{given, false}, {created(t, spec), true}} {
		var log bytes.Buffer
		second := load(t, open(t, "maps"),
			&bpf.LoadOptions{PinRoot: dir, Maps: map[string]*bpf.Map{"pinned": tc.given},
				Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if mapID(t, second.Map("pinned")) != mapID(t, given) {
			t.Errorf("map %d is used, want the pinned %d",
				mapID(t, second.Map("pinned")), mapID(t, given))
		}
		if strings.Contains(log.String(), "not the one given") != tc.warned {
			t.Errorf("warned %v: %s", !tc.warned, log.String())
		}
	}
}

// TestInnerMap passes templates to maps of maps, as maps and as definitions made by hand. The
// oracle is the kernel, which accepts only maps like the template.
func TestInnerMap(t *testing.T) {
	testkit.Root(t)
	small := &object.Map{Name: "small", Type: uapi.MapArray, KeySize: 4, ValueSize: 4,
		MaxEntries: 1}
	large := &object.Map{Name: "large", Type: uapi.MapHash, KeySize: 8, ValueSize: 24,
		MaxEntries: 9}
	ring := &object.Map{Name: "ring", Type: uapi.MapRingBuf, MaxEntries: 5000}
	rounded := &object.Map{Name: "ring", Type: uapi.MapRingBuf, MaxEntries: uint32(ringPages(5000))}
	takes := func(obj *bpf.Object, spec *object.Map) bool {
		t.Helper()
		inner := created(t, spec)
		outer, err := bpf.MapOf[uint32, uint32](obj.Map("outer"))
		if err != nil {
			t.Fatal(err)
		}
		err = outer.Update(2, uint32(inner.FD()), bpf.UpdateAny)
		if err != nil && !errors.Is(err, syscall.EINVAL) {
			t.Errorf("outer[2] = %v: %v", inner, err)
		}
		return err == nil
	}
	declared := func() *object.Object {
		o := only(open(t, "maps"), "count", "callee")
		o.Map("outer").Values = nil
		return o
	}

	obj := load(t, declared(), &bpf.LoadOptions{SkipPins: true})
	if !takes(obj, small) || takes(obj, large) {
		t.Error("the declared template is not in use: the test tests nothing")
	}
	template := created(t, large)
	obj = load(t, declared(),
		&bpf.LoadOptions{SkipPins: true, InnerMaps: map[string]*bpf.Map{"outer": template}})
	if takes(obj, small) || !takes(obj, large) {
		t.Error("the given template is not in use")
	}
	if template.FD() < 0 {
		t.Error("the load closed the caller's map")
	}

	// By hand: Autocreate and Index have their zero values, and the kernel doesn't accept the size
	// of the ring as it is.
	o := declared()
	o.Map("outer").Inner = ring
	obj = load(t, o, &bpf.LoadOptions{SkipPins: true})
	if takes(obj, small) || !takes(obj, rounded) {
		t.Error("the template made by hand is not in use")
	}

	closed := created(t, large)
	closed.Close()
	for text, opts := range map[string]*bpf.LoadOptions{
		"no such map":    {InnerMaps: map[string]*bpf.Map{"nothing": template}},
		"no map of maps": {InnerMaps: map[string]*bpf.Map{"hash": template}},
		"nil":            {InnerMaps: map[string]*bpf.Map{"outer": nil}},
		"given too": {InnerMaps: map[string]*bpf.Map{"outer": template},
			Maps: map[string]*bpf.Map{"outer": obj.Map("outer")}},
		"closed": {InnerMaps: map[string]*bpf.Map{"outer": closed}},
	} {
		opts.SkipPins = true
		if _, err := bpf.Load(declared(), opts); err == nil ||
			!strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// ringPages returns the size of a ring for n bytes: the smallest power of two of pages that is
// larger.
func ringPages(n int) int {
	size := os.Getpagesize()
	for size <= n {
		size *= 2
	}
	return size
}
