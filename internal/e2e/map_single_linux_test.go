package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// types makes BTF with an int and struct counter { struct bpf_spin_lock lock; int n; }.
func types(t testing.TB) (spec *btf.Spec, number, counter btf.ID) {
	t.Helper()
	b := btf.NewBuilder(nil)
	number = b.AddInt("int", 4, btf.Signed)
	lock := b.AddStruct("bpf_spin_lock", 4)
	b.AddMember("val", number, 0, 0)
	counter = b.AddStruct("counter", 8)
	b.AddMember("lock", lock, 0, 0)
	b.AddMember("n", number, 32, 0)
	spec, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return spec, number, counter
}

type lockedCounter struct {
	Lock uint32
	N    int32
}

// TestCreateMapTyped creates maps that need BTF, and reads the types of one that was opened by its
// id. The oracle is the kernel: without the types it refuses storage maps and updates with
// UpdateLock.
func TestCreateMapTyped(t *testing.T) {
	testkit.Root(t)
	spec, number, counter := types(t)
	storage := &object.Map{
		Name: "storage", Type: uapi.MapSKStorage, KeySize: 4, ValueSize: 8,
		Flags: uapi.FNoPrealloc, KeyType: number, ValueType: counter,
	}
	if m, err := bpf.CreateMap(storage, nil); !errors.Is(err, syscall.EINVAL) {
		m.Close()
		t.Errorf("a storage map without types: %v", err)
	}
	opts := &bpf.MapOptions{BTF: spec}
	m, err := bpf.CreateMap(storage, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(socket)
	bySocket, err := bpf.MapOf[int32, lockedCounter](m)
	if err != nil {
		t.Fatal(err)
	}
	if err := bySocket.Update(int32(socket), lockedCounter{N: 7}, 0); err != nil {
		t.Error(err)
	}
	if v, err := bySocket.Lookup(int32(socket)); err != nil || v.N != 7 {
		t.Errorf("%v %v", v, err)
	}

	hash := &object.Map{
		Name: "locked", Type: uapi.MapHash, KeySize: 4, ValueSize: 8, MaxEntries: 1,
		KeyType: number, ValueType: counter,
	}
	locked, err := bpf.CreateMap(hash, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer locked.Close()
	key, value := make([]byte, 4), make([]byte, 8)
	if err := locked.Update(key, value, bpf.UpdateLock); err != nil {
		t.Errorf("with types: %v", err)
	}
	if err := locked.LookupFlags(key, value, bpf.UpdateLock); err != nil {
		t.Errorf("lookup with types: %v", err)
	}
	plain, err := bpf.CreateMap(hash, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if err := plain.Update(key, value, bpf.UpdateLock); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("without types: %v", err)
	}
	if err := plain.LookupFlags(key, value, bpf.UpdateLock); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("lookup without types: %v", err)
	}
	if err := plain.ReadTypes(); !errors.Is(err, bpf.ErrNotExist) {
		t.Errorf("types of a map without: %v", err)
	}

	byID, err := bpf.MapFromID(mapID(t, locked), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer byID.Close()
	if byID.BTF() != nil {
		t.Error("types before they are read")
	}
	if err := byID.ReadTypes(); err != nil {
		t.Fatal(err)
	}
	valueType, _ := byID.BTF().Type(byID.ValueType())
	if valueType.Name() != "counter" || byID.KeyType() != number {
		t.Errorf("key type %d, value type %q", byID.KeyType(), valueType.Name())
	}
	if _, err := bpf.MapOf[int32, lockedCounter](byID); err != nil {
		t.Error(err)
	}
	if _, err := bpf.MapOf[int32, float64](byID); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a number for a struct: %v", err)
	}

	bad := *hash
	bad.ValueType = 1000
	_, err = bpf.CreateMap(&bad, opts)
	if e := new(bpf.Error); !errors.As(err, &e) || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a type that doesn't exist: %v", err)
	}
	raw, err := sys.BTFLoad(&sys.BTFLoadAttr{
		BTF: sys.Slice(spec.HostBytes()), Size: uint32(len(spec.HostBytes())),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	m2, err := bpf.CreateMap(hash, &bpf.MapOptions{BTFFD: bpf.BorrowedFD(raw.Int())})
	if err != nil {
		t.Fatal(err)
	}
	m2.Close()
}

// TestOpenMapReadOnly opens a pin that a process may only read. The oracle is the kernel, which
// compares the flag with the file's mode: without the flag it refuses.
func TestOpenMapReadOnly(t *testing.T) {
	dir := testkit.BPFFS(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "counts")
	m := newMap(t, object.Map{Name: "counts", Type: uapi.MapArray, KeySize: 4, ValueSize: 8,
		MaxEntries: 1})
	key, value := make([]byte, 4), []byte("12345678")
	if err := m.Update(key, value, 0); err != nil {
		t.Fatal(err)
	}
	if err := m.Pin(path); err != nil {
		t.Fatal(err)
	}
	defer m.Unpin()
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	err := testkit.WithCapabilities(t, nil, func() error {
		if m, err := bpf.OpenMap(path, 0); !errors.Is(err, bpf.ErrPermission) {
			m.Close()
			t.Errorf("for reading and writing: %v", err)
		}
		m, err := bpf.OpenMap(path, uapi.FOpenRdonly)
		if err != nil {
			return err
		}
		defer m.Close()
		if got, err := m.LookupBytes(key); err != nil || string(got) != string(value) {
			t.Errorf("%q %v", got, err)
		}
		if err := m.Update(key, value, 0); !errors.Is(err, bpf.ErrPermission) {
			t.Errorf("update: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	w, err := bpf.MapFromID(mapID(t, m), uapi.FOpenWronly)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.LookupBytes(key); !errors.Is(err, bpf.ErrPermission) {
		t.Errorf("lookup in a map opened for writing: %v", err)
	}
	if err := w.Update(key, value, 0); err != nil {
		t.Error(err)
	}
}

// TestMmap maps the memory of opened maps. The oracle is the kernel: system calls see what was
// written into the memory, and it refuses what the descriptor doesn't permit.
func TestMmap(t *testing.T) {
	m := newMap(t, object.Map{Name: "shared", Type: uapi.MapArray, KeySize: 4, ValueSize: 12,
		MaxEntries: 1000, Flags: uapi.FMmapable})
	id := mapID(t, m)
	opened := func(flags uapi.OpenFlags) *bpf.Map {
		o, err := bpf.MapFromID(id, flags)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { o.Close() })
		return o
	}
	o := opened(0)
	if err := o.Mmap(true); err != nil {
		t.Fatal(err)
	}
	if err := o.Mmap(true); !errors.Is(err, bpf.ErrExist) {
		t.Errorf("a second time: %v", err)
	}
	all, err := bpf.MemoryOf[[1000]struct {
		N [3]uint32
		_ uint32
	}](o)
	if err != nil {
		t.Fatal(err)
	}
	all[999].N[2] = 42
	counts, err := bpf.MapOf[uint32, [3]uint32](m)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := counts.Lookup(999); err != nil || v[2] != 42 {
		t.Errorf("%v %v", v, err)
	}
	r := opened(uapi.FOpenRdonly)
	if err := r.Mmap(true); !errors.Is(err, bpf.ErrPermission) {
		t.Errorf("writable memory of a map opened for reading: %v", err)
	}
	if err := r.Mmap(false); err != nil && !errors.Is(err, syscall.EINVAL) {
		t.Errorf("memory of a map opened for reading: %v", err)
	}
	again := opened(0)
	if err := again.Mmap(false); err != nil {
		t.Fatal(err)
	}
	words := unsafe.Slice((*uint32)(unsafe.Pointer(&again.Memory()[999*16])), 3)
	if words[2] != 42 {
		t.Errorf("the memory has %v", words)
	}
	plain := newMap(t, object.Map{Name: "plain", Type: uapi.MapArray, KeySize: 4, ValueSize: 8,
		MaxEntries: 1})
	if err := plain.Mmap(false); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a map without BPF_F_MMAPABLE: %v", err)
	}
}

// TestCreateMapExclusive makes a map for a program that doesn't exist. The oracle is the kernel
// (6.18), which refuses all others.
func TestCreateMapExclusive(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.18")
	o := only(open(t, "exclusive"), "intruder")
	spec := o.Map("secret")
	m, err := bpf.CreateMap(spec, &bpf.MapOptions{ExclusiveHash: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for given, permitted := range map[*bpf.Map]bool{m: false, nil: true} {
		opts := &bpf.LoadOptions{}
		if given != nil {
			opts.Maps = map[string]*bpf.Map{"secret": given}
		}
		obj, err := bpf.Load(o, opts)
		if permitted {
			if err != nil {
				t.Fatal(err)
			}
			obj.Close()
		} else if !errors.Is(err, bpf.ErrPermission) {
			t.Errorf("loaded: %v", err)
		}
	}
}
