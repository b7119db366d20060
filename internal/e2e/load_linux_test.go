package e2e

import (
	"github.com/purebpf/bpf"

	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// bpftool runs bpftool -j and decodes what it prints.
func bpftool(t testing.TB, into any, args ...string) {
	t.Helper()
	out := testkit.Run(t, "bpftool", append([]string{"-j"}, args...)...)
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("bpftool %v: %v\n%s", args, err, out)
	}
}

func mapID(t testing.TB, m *bpf.Map) uint32 {
	t.Helper()
	info, err := m.Info()
	if err != nil {
		t.Fatal(err)
	}
	return info.ID
}

// TestLoadMaps compares every map with bpftool, and initial contents with the C source.
func TestLoadMaps(t *testing.T) {
	obj := load(t, open(t, "maps"), &bpf.LoadOptions{SkipPins: true})
	for _, m := range obj.Maps() {
		var got struct {
			Type       string `json:"type"`
			Name       string `json:"name"`
			Flags      uint32 `json:"flags"`
			Key        uint32 `json:"bytes_key"`
			Value      uint32 `json:"bytes_value"`
			MaxEntries uint32 `json:"max_entries"`
			Frozen     int    `json:"frozen"`
		}
		bpftool(t, &got, "map", "show", "id", fmt.Sprint(mapID(t, m)))
		frozen := 0
		if m.Kind() == object.MapRodata {
			frozen = 1
		}
		if got.Type != m.Type().String() || uapi.MapFlags(got.Flags) != m.Flags() ||
			int(got.Key) != m.KeySize() ||
			int(got.Value) != m.ValueSize() ||
			got.MaxEntries != m.MaxEntries() || got.Frozen != frozen || got.Name != m.Name() {
			t.Errorf("%v: bpftool says %+v", m, got)
		}
	}

	var outer []struct {
		Key   []string `json:"key"`
		Value []string `json:"value"`
	}
	bpftool(t, &outer, "map", "dump", "id", fmt.Sprint(mapID(t, obj.Map("outer"))))
	held := map[uint32]uint32{}
	for _, e := range outer {
		held[hexBytes(t, e.Key)] = hexBytes(t, e.Value)
	}
	if want := map[uint32]uint32{0: mapID(t, obj.Map("inner_b")),
		3: mapID(t, obj.Map("inner_a"))}; !maps.Equal(held, want) {
		t.Errorf("outer holds %v, want %v", held, want)
	}
}

// hexBytes decodes four bytes as bpftool prints them.
func hexBytes(t testing.TB, text []string) uint32 {
	t.Helper()
	var raw []byte
	for _, s := range text {
		n, err := strconv.ParseUint(s, 0, 8)
		if err != nil {
			t.Fatal(err)
		}
		raw = append(raw, byte(n))
	}
	if len(raw) != 4 {
		t.Fatalf("%v are not four bytes", text)
	}
	return binary.NativeEndian.Uint32(raw)
}

// TestLoadOuterBeforeInner: a map that another one contains is made first, wherever it is declared.
func TestLoadOuterBeforeInner(t *testing.T) {
	o := open(t, "maps")
	outer, last := o.Map("outer"), o.Map("inner_last")
	if outer.Index > last.Index {
		t.Fatal("the compiler put inner_last before outer: the test tests nothing")
	}
	outer.Values = append(outer.Values, object.Value{Key: 1, Map: last})
	obj := load(t, o, &bpf.LoadOptions{SkipPins: true})
	inner, err := bpf.MapOf[uint32, uint32](obj.Map("outer"))
	if err != nil {
		t.Fatal(err)
	}
	for key, name := range map[uint32]string{0: "inner_b", 1: "inner_last", 3: "inner_a"} {
		id, err := inner.Lookup(key)
		if want := mapID(t, obj.Map(name)); err != nil || id != want {
			t.Errorf("outer[%d] is map %d, want %d (%s): %v", key, id, want, name, err)
		}
	}
}

// TestRun runs programs; the oracle is the result that their C source computes.
func TestRun(t *testing.T) {
	o := open(t, "maps")
	if err := o.Variable("limit").Set(uint32(42)); err != nil {
		t.Fatal(err)
	}
	obj := load(t, o, &bpf.LoadOptions{SkipPins: true})
	packet := make([]byte, 64)
	run := func(name string) uint32 {
		t.Helper()
		r, err := obj.Program(name).Run(&bpf.RunOptions{Data: packet})
		if err != nil {
			t.Fatal(err)
		}
		return r.Return
	}
	if got := run("count"); got != 42 {
		t.Errorf("count returns %d, want the limit set before load", got)
	}
	flag, err := bpf.VarOf[bool](obj.Variable("flag"))
	if err != nil {
		t.Fatal(err)
	}
	*flag = true
	if got := run("count"); got != 1000 {
		t.Errorf("count returns %d after flag was set", got)
	}
	calls, err := bpf.VarOf[uint64](obj.Variable("calls"))
	if err != nil || *calls != 2 {
		t.Errorf("calls: %v %v", *calls, err)
	}
	if got := run("caller"); got != 4711 {
		t.Errorf("the tail call returns %d", got)
	}
	inner, err := bpf.MapOf[uint32, uint32](obj.Map("inner_b"))
	if err != nil {
		t.Fatal(err)
	}
	if err := inner.Update(0, 99, bpf.UpdateAny); err != nil {
		t.Fatal(err)
	}
	if got := run("through_inner"); got != 99 {
		t.Errorf("through_inner returns %d", got)
	}
	r, err := obj.Program("count").Run(
		&bpf.RunOptions{Data: packet, DataOut: make([]byte, 100), Repeat: 50})
	if err != nil || r.Return != 1000 || len(r.Data) != 64 {
		t.Errorf("%+v %v", r, err)
	}
	if *calls != 52 {
		t.Errorf("calls %d after 52 runs", *calls)
	}
	if _, err := obj.Program("count").Run(
		&bpf.RunOptions{Data: packet, DataOut: make([]byte, 10)}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("output without room: %v", err)
	}
	if _, err := obj.Program("keeps_pinned").Run(nil); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a program that isn't loaded: %v", err)
	}
}

// TestProgramInfo compares with bpftool.
func TestProgramInfo(t *testing.T) {
	obj := load(t, open(t, "maps"), &bpf.LoadOptions{SkipPins: true})
	for _, p := range obj.Programs() {
		if !p.Loaded() {
			continue
		}
		info, err := p.Info()
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Type   string   `json:"type"`
			Name   string   `json:"name"`
			Tag    string   `json:"tag"`
			Xlated int      `json:"bytes_xlated"`
			Jited  int      `json:"bytes_jited"`
			Maps   []uint32 `json:"map_ids"`
			BTF    uint32   `json:"btf_id"`
		}
		bpftool(t, &got, "prog", "show", "id", fmt.Sprint(info.ID))
		slices.Sort(got.Maps)
		slices.Sort(info.MapIDs)
		if got.Type != info.Type.String() || got.Name != info.Name ||
			got.Tag != fmt.Sprintf("%x", info.Tag) || got.Xlated != info.XlatedLen ||
			got.Jited != info.JitedLen || !slices.Equal(got.Maps, info.MapIDs) ||
			got.BTF != info.BTFID {
			t.Errorf("%s: bpftool says %+v, Info %+v", p, got, info)
		}
		// A program keeps its read-only data alive, whether it uses it or not.
		if rodata := mapID(t, obj.Map(".rodata")); !slices.Contains(info.MapIDs, rodata) {
			t.Errorf("%s is not bound to .rodata", p)
		}
	}
}

// TestLoadPinned: the first load pins, the second finds the pin, neither Close removes it.
func TestLoadPinned(t *testing.T) {
	dir := testkit.BPFFS(t)
	opts := &bpf.LoadOptions{PinRoot: dir}
	first := load(t, open(t, "maps"), opts)
	m := first.Map("pinned")
	path := filepath.Join(dir, "pinned")
	if m.PinPath() != path || !m.Pinned() || m.Reused() {
		t.Fatalf("%s %v %v", m.PinPath(), m.Pinned(), m.Reused())
	}
	counts, err := bpf.MapOf[uint32, uint64](m)
	if err != nil {
		t.Fatal(err)
	}
	if err := counts.Update(1, 11, bpf.UpdateAny); err != nil {
		t.Fatal(err)
	}
	id := mapID(t, m)
	first.Close()

	second := load(t, open(t, "maps"), opts)
	m = second.Map("pinned")
	if !m.Reused() || mapID(t, m) != id {
		t.Fatalf("map %d, want the pinned %d", mapID(t, m), id)
	}
	if counts, err = bpf.MapOf[uint32, uint64](m); err != nil {
		t.Fatal(err)
	}
	if v, err := counts.Lookup(1); v != 11 || err != nil {
		t.Fatal(v, err)
	}
	opened, err := bpf.OpenMap(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if mapID(t, opened) != id || opened.Name() != "pinned" {
		t.Fatal(opened)
	}

	// A difference is refused by its name, and the pin stays.
	o := open(t, "maps")
	o.Map("pinned").MaxEntries = 17
	_, err = bpf.Load(o, opts)
	if !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "max_entries 16") ||
		!strings.Contains(err.Error(), "17") {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}

	// A pin path that is no BPF file system.
	if _, err := bpf.Load(open(t, "maps"),
		&bpf.LoadOptions{PinRoot: t.TempDir()}); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "BPF file system") {
		t.Fatal(err)
	}
	if err := m.Unpin(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, bpf.ErrNotExist) {
		t.Fatal(err)
	}
}

// lateGet reports that nothing is pinned the first time: as if another process pinned its map right
// after.
type lateGet struct {
	funnel.Kernel
	asked int
}

func (f *lateGet) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	if cmd == uapi.CmdObjGet {
		if f.asked++; f.asked == 1 {
			return -1, syscall.ENOENT
		}
	}
	return f.Kernel.BPF(cmd, attr, size, common)
}

// TestLoadPinRace: two loads that both find no pin end up with one map.
func TestLoadPinRace(t *testing.T) {
	dir := testkit.BPFFS(t)
	first := load(t, open(t, "maps"), &bpf.LoadOptions{PinRoot: dir})
	calls := new(lateGet)
	defer funnel.Replace(calls)()
	second := load(t, open(t, "maps"), &bpf.LoadOptions{PinRoot: dir})
	if a, b := mapID(t, first.Map("pinned")), mapID(t, second.Map("pinned")); a != b ||
		calls.asked < 2 || !second.Map("pinned").Reused() {
		t.Fatalf("maps %d and %d, asked %d times", a, b, calls.asked)
	}
}

// TestLoadReplacement: a map of the caller is used instead of a new one, and stays the caller's.
func TestLoadReplacement(t *testing.T) {
	first := load(t, open(t, "maps"), &bpf.LoadOptions{SkipPins: true})
	second := load(t, open(t, "maps"),
		&bpf.LoadOptions{SkipPins: true, Maps: map[string]*bpf.Map{"array": first.Map("array")}})
	if a, b := mapID(t, first.Map("array")), mapID(t, second.Map("array")); a != b ||
		!second.Map("array").Reused() {
		t.Fatalf("maps %d and %d", a, b)
	}
	if _, err := second.Program("count").Run(&bpf.RunOptions{Data: make([]byte, 64)}); err != nil {
		t.Fatal(err)
	}
	second.Close()
	counts, err := bpf.MapOf[uint32, uint64](first.Map("array"))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := counts.Lookup(0); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	for name, want := range map[string]error{"hash": syscall.EINVAL, "nothing": bpf.ErrNotExist} {
		_, err := bpf.Load(open(t, "maps"),
			&bpf.LoadOptions{SkipPins: true, Maps: map[string]*bpf.Map{name: first.Map("array")}})
		if !errors.Is(err, want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = bpf.Load(open(t, "maps"), &bpf.LoadOptions{
		SkipPins: true, Maps: map[string]*bpf.Map{"arary": first.Map("array")},
	})
	if err == nil || !strings.Contains(err.Error(), "near: array") {
		t.Errorf("a mistyped name: %v", err)
	}
}

// TestCloseFrees: nothing of a closed object stays in the kernel.
func TestCloseFrees(t *testing.T) {
	obj := load(t, open(t, "maps"), &bpf.LoadOptions{SkipPins: true})
	var maps, programs []uint32
	for _, m := range obj.Maps() {
		maps = append(maps, mapID(t, m))
	}
	for _, p := range obj.Programs() {
		if p.Loaded() {
			programs = append(programs, bpftest.ProgramID(t, p))
		}
	}
	if err := obj.Close(); err != nil {
		t.Fatal(err)
	}
	if err := obj.Close(); err != nil {
		t.Fatal("second Close:", err)
	}
	// Ids are only counted: opening a program array to check that it exists would keep it alive
	// until deferred work has run, which closing it defers again.
	there := func(what string, ids []uint32, next func(uint32) (uint32, error)) (list []string) {
		for _, id := range ids {
			if found, err := next(id - 1); err == nil && found == id {
				list = append(list, fmt.Sprintf("%s %d", what, id))
			}
		}
		return list
	}
	// the kernel frees after a grace period
	var left []string
	gone := testkit.Await(testkit.Patience(5*time.Second), func() bool {
		left = append(there("map", maps, sys.MapNextID),
			there("program", programs, sys.ProgNextID)...)
		return len(left) == 0
	})
	if !gone {
		t.Fatalf("still there long after: %v of maps %v and programs %v", left, maps, programs)
	}
	m := obj.Map("array")
	if err := m.Lookup(make([]byte, 4), make([]byte, 8)); !errors.Is(err, bpf.ErrClosed) {
		t.Errorf("lookup in a closed map: %v", err)
	}
	if _, err := obj.Program("count").Run(nil); !errors.Is(err, bpf.ErrClosed) {
		t.Errorf("run of a closed program: %v", err)
	}
	if _, err := obj.Variable("calls").Bytes(); !errors.Is(err, bpf.ErrClosed) {
		t.Errorf("memory of a closed map: %v", err)
	}
	if _, err := obj.Attach(); !errors.Is(err, bpf.ErrClosed) {
		t.Errorf("attach of a closed object: %v", err)
	}
}

// TestLoadConcurrently loads one object from 16 goroutines; the race detector finds shared state
// that changes.
func TestLoadConcurrently(t *testing.T) {
	testkit.Root(t)
	o := open(t, "maps")
	var wg sync.WaitGroup
	for range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			obj, err := bpf.Load(o, &bpf.LoadOptions{SkipPins: true})
			if err != nil {
				t.Error(err)
				return
			}
			defer obj.Close()
			if r, err := obj.Program("count").Run(
				&bpf.RunOptions{Data: make([]byte, 64)}); err != nil || r.Return != 5 {
				t.Error(r, err)
			}
		}()
	}
	wg.Wait()
}
