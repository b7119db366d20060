//go:build linux

package sys_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// The oracle of this file is the kernel, and bpftool, which reads the same maps.

func newMap(t testing.TB, a sys.MapCreateAttr) *sys.FD {
	t.Helper()
	testkit.Root(t)
	fd, err := sys.MapCreate(&a)
	if err != nil {
		t.Fatalf("create %s: %v", a.Type, err)
	}
	t.Cleanup(func() { fd.Close() })
	return fd
}

func hash(t testing.TB, entries uint32) *sys.FD {
	return newMap(t, sys.MapCreateAttr{Type: uapi.MapHash, KeySize: 4, ValueSize: 8,
		MaxEntries: entries, Name: sys.Name("sys_test_hash_with_long_name")})
}

func mapID(t testing.TB, fd *sys.FD) uint32 {
	t.Helper()
	info, err := sys.MapInfoByFD(fd.Int())
	if err != nil {
		t.Fatal(err)
	}
	return info.ID
}

func bpftool(t testing.TB, out any, args ...string) {
	t.Helper()
	text, err := exec.Command(testkit.Tool(t, "bpftool"),
		append([]string{"-j"}, args...)...).Output()
	if err != nil {
		t.Fatalf("bpftool %v: %v %s", args, err, text)
	}
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatalf("bpftool %v: %v in %s", args, err, text)
	}
}

func TestMapElements(t *testing.T) {
	m := hash(t, 4)
	key, value := uint32(7), uint64(0x1122334455667788)
	k, v := unsafe.Pointer(&key), unsafe.Pointer(&value)
	expect := func(err error, want syscall.Errno) {
		t.Helper()
		if want == 0 && err != nil || want != 0 && !errors.Is(err, want) {
			t.Errorf("%v instead of %v", err, want)
		}
	}
	expect(sys.MapLookup(m.Int(), k, v, 0), syscall.ENOENT)
	expect(sys.MapUpdate(m.Int(), k, v, uapi.Exist), syscall.ENOENT)
	expect(sys.MapUpdate(m.Int(), k, v, uapi.NoExist), 0)
	expect(sys.MapUpdateWait(m.Int(), k, v, uapi.NoExist), syscall.EEXIST)

	var entries []struct{ Key, Value []string }
	bpftool(t, &entries, "map", "dump", "id", strconv.Itoa(int(mapID(t, m))))
	if len(entries) != 1 || unhex(entries[0].Key) != 7 || unhex(entries[0].Value) != value {
		t.Errorf("bpftool sees %v", entries)
	}

	value = 0
	expect(sys.MapLookupWait(m.Int(), k, v, 0), 0)
	if value != 0x1122334455667788 {
		t.Errorf("value %#x", value)
	}
	var next uint32
	expect(sys.MapNextKey(m.Int(), nil, unsafe.Pointer(&next)), 0)
	if next != 7 {
		t.Errorf("first key %d", next)
	}
	expect(sys.MapNextKey(m.Int(), k, unsafe.Pointer(&next)), syscall.ENOENT)
	value = 0
	expect(sys.MapLookupAndDelete(m.Int(), k, v, 0), 0)
	if value != 0x1122334455667788 {
		t.Errorf("value %#x", value)
	}
	expect(sys.MapDelete(m.Int(), k, 0), syscall.ENOENT)
	expect(sys.MapDeleteWait(m.Int(), k, 0), syscall.ENOENT)
	for i := range uint32(5) {
		want := syscall.Errno(0)
		if i == 4 {
			want = syscall.E2BIG
		}
		expect(sys.MapUpdate(m.Int(), unsafe.Pointer(&i), v, 0), want)
	}
	expect(sys.MapLookup(-1, k, v, 0), syscall.EBADF)
}

// unhex reads the bytes that bpftool prints as ["0x01", ...].
func unhex(bytes []string) (n uint64) {
	for i, text := range bytes {
		b, _ := strconv.ParseUint(text, 0, 8)
		if isLittle() {
			n |= b << (8 * i)
		} else {
			n = n<<8 | b
		}
	}
	return n
}

func isLittle() bool { one := uint16(1); return *(*byte)(unsafe.Pointer(&one)) == 1 }

func TestMapOpsAllocateNothing(t *testing.T) {
	m := hash(t, 16)
	fd := m.Int()
	allocs := testing.AllocsPerRun(100, func() {
		key, value, next := uint32(1), uint64(2), uint32(0)
		k, v := unsafe.Pointer(&key), unsafe.Pointer(&value)
		if sys.MapUpdate(fd, k, v, 0) != nil || sys.MapLookup(fd, k, v, 0) != nil ||
			sys.MapNextKey(fd, nil, unsafe.Pointer(&next)) != nil ||
			sys.MapUpdateWait(fd, k, v, 0) != nil ||
			sys.MapDelete(fd, k, 0) != nil || sys.MapDelete(fd, k, 0) != syscall.ENOENT {
			t.Fatal("an operation failed")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestMapBatch(t *testing.T) {
	m := hash(t, 1000)
	keys, values := make([]uint32, 1000), make([]uint64, 1000)
	for i := range keys {
		keys[i], values[i] = uint32(i), uint64(i)*3
	}
	a := sys.MapBatchAttr{Keys: sys.Slice(keys), Values: sys.Slice(values), Count: 1000,
		MapFD: m.Uint32()}
	if err := sys.MapUpdateBatch(&a); err != nil || a.Count != 1000 {
		t.Fatalf("update: %d done, %v", a.Count, err)
	}
	seen := map[uint32]uint64{}
	var in, out uint32
	rk, rv := make([]uint32, 300), make([]uint64, 300)
	for first := true; ; first = false {
		a := sys.MapBatchAttr{OutBatch: sys.Ptr(unsafe.Pointer(&out)), Keys: sys.Slice(rk),
			Values: sys.Slice(rv), Count: 300, MapFD: m.Uint32()}
		if !first {
			a.InBatch = sys.Ptr(unsafe.Pointer(&in))
		}
		err := sys.MapLookupBatch(&a)
		for i := range a.Count {
			seen[rk[i]] = rv[i]
		}
		if errors.Is(err, syscall.ENOENT) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		in = out
	}
	if len(seen) != 1000 || seen[999] != 2997 {
		t.Errorf("%d elements, 999: %d", len(seen), seen[999])
	}
	a = sys.MapBatchAttr{Keys: sys.Slice(keys), Count: 400, MapFD: m.Uint32()}
	if err := sys.MapDeleteBatch(&a); err != nil || a.Count != 400 {
		t.Errorf("delete: %d done, %v", a.Count, err)
	}
	rk, rv = make([]uint32, 1000), make([]uint64, 1000)
	a = sys.MapBatchAttr{OutBatch: sys.Ptr(unsafe.Pointer(&out)), Keys: sys.Slice(rk),
		Values: sys.Slice(rv), Count: 1000, MapFD: m.Uint32()}
	if err := sys.MapLookupAndDeleteBatch(&a); !errors.Is(err, syscall.ENOENT) || a.Count != 600 {
		t.Errorf("lookup and delete: %d done, %v", a.Count, err)
	}
}

func TestMapFreezeAndMmap(t *testing.T) {
	size := syscall.Getpagesize()
	m := newMap(t, sys.MapCreateAttr{Type: uapi.MapArray, KeySize: 4, ValueSize: uint32(size),
		MaxEntries: 1, Flags: uapi.FMmapable})
	mem, err := sys.Mmap(m.Int(), 0, size, sys.ProtRead|sys.ProtWrite, sys.MapShared)
	if err != nil {
		t.Fatal(err)
	}
	mem[5] = 42
	key, value := uint32(0), make([]byte, size)
	if err := sys.MapLookup(m.Int(), unsafe.Pointer(&key),
		unsafe.Pointer(&value[0]), 0); err != nil || value[5] != 42 {
		t.Errorf("byte 5 is %d, %v", value[5], err)
	}
	if err := sys.MapFreeze(m.Int()); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("freeze while mapped writable: %v", err)
	}
	// Remap the same place read-only, as for .rodata.
	again, err := sys.MmapAt(unsafe.Pointer(&mem[0]), m.Int(), 0, size, sys.ProtRead,
		sys.MapShared|sys.MapFixed)
	if err != nil || &again[0] != &mem[0] {
		t.Fatalf("remap: %v", err)
	}
	if err := sys.MapFreeze(m.Int()); err != nil {
		t.Errorf("freeze: %v", err)
	}
	if err := sys.MapUpdate(m.Int(), unsafe.Pointer(&key),
		unsafe.Pointer(&value[0]), 0); !errors.Is(err, syscall.EPERM) {
		t.Errorf("update of a frozen map: %v", err)
	}
	if err := sys.Munmap(again); err != nil {
		t.Error(err)
	}
}

// TestMapHash: the oracle is crypto/sha256 over what the array holds.
func TestMapHash(t *testing.T) {
	testkit.Kernel(t, "6.18")
	m := newMap(t, sys.MapCreateAttr{Type: uapi.MapArray, KeySize: 4, ValueSize: 40, MaxEntries: 1})
	if _, err := sys.MapHash(m.Int()); !errors.Is(err, syscall.EPERM) {
		t.Errorf("not frozen: %v", err)
	}
	key, value := uint32(0), []byte("forty bytes, which are five words of 64 ")
	if err := sys.MapUpdate(m.Int(), unsafe.Pointer(&key), unsafe.Pointer(&value[0]),
		0); err != nil {
		t.Fatal(err)
	}
	if err := sys.MapFreeze(m.Int()); err != nil {
		t.Fatal(err)
	}
	if hash, err := sys.MapHash(m.Int()); err != nil || hash != sha256.Sum256(value) {
		t.Errorf("hash %x, %v", hash, err)
	}
	other := newMap(t, sys.MapCreateAttr{Type: uapi.MapHash, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	if _, err := sys.MapHash(other.Int()); err == nil {
		t.Error("a hash table has a hash")
	}
}

func TestMapInfo(t *testing.T) {
	m := newMap(t, sys.MapCreateAttr{Type: uapi.MapHash, KeySize: 4, ValueSize: 8, MaxEntries: 9,
		Flags: uapi.FNoPrealloc, Name: sys.Name("sys_test_0123456789")})
	info, err := sys.MapInfoByFD(m.Int())
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		ID         uint32
		Type, Name string
		Flags      uapi.MapFlags
		BytesKey   uint32 `json:"bytes_key"`
		BytesValue uint32 `json:"bytes_value"`
		MaxEntries uint32 `json:"max_entries"`
	}
	bpftool(t, &want, "map", "show", "id", strconv.Itoa(int(info.ID)))
	if info.Type.String() != want.Type || info.Name.String() != want.Name ||
		info.KeySize != want.BytesKey ||
		info.ValueSize != want.BytesValue || info.MaxEntries != want.MaxEntries ||
		info.Flags != want.Flags || want.ID != info.ID {
		t.Errorf("%+v, bpftool: %+v", info, want)
	}
	if info.Name.String() != "sys_test_012345" {
		t.Errorf("name %q isn't cut after 15 bytes", info.Name)
	}
	found := false
	for id := uint32(0); ; {
		if id, err = sys.MapNextID(id); err != nil {
			break
		}
		found = found || id == info.ID
	}
	if !found || !errors.Is(err, syscall.ENOENT) {
		t.Errorf("id %d found: %v, at the end: %v", info.ID, found, err)
	}
	again, err := sys.MapFDByIDFlags(info.ID, uapi.FOpenRdonly)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	key := uint32(0)
	if err := sys.MapDelete(again.Int(), unsafe.Pointer(&key), 0); !errors.Is(err, syscall.EPERM) {
		t.Errorf("delete through a read-only descriptor: %v", err)
	}
}
