package maprules

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// running returns the running kernel in the form that the rules use.
func running(t testing.TB) *Kernel {
	t.Helper()
	facts := kernel.Running()
	k := &Kernel{Version: facts.Version(), PageSize: facts.PageSize()}
	var err error
	if k.CPUs, err = facts.PossibleCPUs(); err != nil {
		t.Fatal(err)
	}
	if k.Kconfig, err = facts.Kconfig(); err != nil {
		t.Log(err)
	}
	spec, err := facts.BTF()
	if err != nil {
		testkit.Skip(t, "%v", err)
	}
	if k.Nodes, err = facts.OnlineNodes(); err != nil {
		t.Fatal(err)
	}
	k.Sizeof = func(name string) uint32 {
		id, ok := spec.FindByName(name, btf.KindStruct)
		if !ok {
			return 0
		}
		typ, _ := spec.Type(id)
		return typ.Size()
	}
	return k
}

// sweeper lets the running kernel create maps.
type sweeper struct {
	t     testing.TB
	k     *Kernel
	inner *sys.FD // template of maps of maps
	types *sys.FD // BTF
	ids   map[uint32]btf.ID
	whole btf.ID // an int of 4 bytes

	tried, made, unsure, skipped int
}

func newSweeper(t testing.TB, values []uint32) *sweeper {
	s := &sweeper{t: t, k: running(t), ids: map[uint32]btf.ID{}}
	var err error
	s.inner, err = sys.MapCreate(&sys.MapCreateAttr{
		Type: uapi.MapArray, KeySize: 4, ValueSize: 4, MaxEntries: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.inner.Close() })
	b := btf.NewBuilder(nil)
	s.whole = b.AddInt("int", 4, 0)
	char := b.AddInt("char", 1, 0)
	for _, n := range values {
		if n > 0 && n <= 1<<20 {
			s.ids[n] = b.AddArray(s.whole, char, n)
		}
	}
	raw := b.Bytes()
	s.types, err = sys.BTFLoad(&sys.BTFLoadAttr{BTF: sys.Slice(raw), Size: uint32(len(raw))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.types.Close() })
	return s
}

// create asks the kernel to create m.
func (s *sweeper) create(m *Map) error {
	a := sys.MapCreateAttr{
		Type: m.Type, KeySize: m.KeySize, ValueSize: m.ValueSize, MaxEntries: m.MaxEntries,
		Flags: m.Flags, MapExtra: m.Extra, NumaNode: m.NumaNode,
	}
	if m.Inner {
		a.InnerMapFD = s.inner.Uint32()
	}
	if m.Typed {
		a.BTFFD, a.BTFKeyTypeID = s.types.Uint32(), uint32(s.ids[4])
		a.BTFValueTypeID = uint32(s.ids[m.ValueSize])
		if m.IntKey {
			a.BTFKeyTypeID = uint32(s.whole)
		}
	}
	fd, err := sys.MapCreate(&a)
	if err != nil {
		return err
	}
	defer fd.Close()
	if !m.Outer {
		return nil
	}
	outer, err := sys.MapCreate(&sys.MapCreateAttr{
		Type: uapi.MapArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 1, InnerMapFD: fd.Uint32(),
	})
	if err == nil {
		outer.Close()
	}
	return err
}

// ask compares the table's answer for a map with the kernel's.
func (s *sweeper) ask(m *Map) {
	broken, known := Check(m, s.k)
	if !known {
		s.t.Fatalf("no rules for %s", m.Type)
	}
	sure := slices.ContainsFunc(broken, func(b Breach) bool { return !b.Unsure })
	if !sure && len(broken) > 0 {
		s.unsure++
		return
	}
	// Maps that break no rule are created, except large ones of types whose memory depends on the
	// size. The kernel checks types, and maps of maps, after it has allocated the memory.
	if r := find(m.Type); (!sure || m.Typed || m.Outer) && r.memory != nil {
		if n := r.memory(&finding{Map: m, k: s.k, rule: r}); n > 4<<20 {
			s.skipped++
			return
		}
	}
	s.tried++
	err := s.create(m)
	if err == nil {
		s.made++
	}
	var errno syscall.Errno
	switch {
	case sure && err == nil:
		s.t.Errorf("%s: the kernel creates it, the rules say %q", text(m), Text(broken))
	case !sure && err != nil:
		s.t.Errorf("%s: the kernel says %v, the rules nothing", text(m), err)
	case sure && errors.As(err, &errno) && (errno == syscall.EPERM || errno == syscall.ENOMEM):
		s.t.Errorf("%s: %v is no answer", text(m), err)
	}
}

func text(m *Map) string {
	return fmt.Sprintf("%s key %d value %d entries %d flags %#x extra %#x node %d typed %v int %v inner %v",
		m.Type, m.KeySize, m.ValueSize, m.MaxEntries, m.Flags, m.Extra, m.NumaNode, m.Typed,
		m.IntKey, m.Outer)
}

// storage are the flags of local storages.
const storage = uapi.FNoPrealloc

// smallest are small maps, one for each type, as in the kernel's source and libbpf's probes.
var smallest = []Map{
	{Type: uapi.MapHash, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapArray, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapProgArray, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapPerfEventArray, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapPerCPUHash, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapPerCPUArray, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapStackTrace, KeySize: 4, ValueSize: 8, MaxEntries: 1},
	{Type: uapi.MapCgroupArray, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapLRUHash, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapLRUPerCPUHash, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapLPMTrie, KeySize: 8, ValueSize: 8, MaxEntries: 1, Flags: uapi.FNoPrealloc},
	{Type: uapi.MapArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 1, Inner: true},
	{Type: uapi.MapHashOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 1, Inner: true},
	{Type: uapi.MapDevMap, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapSockMap, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapCPUMap, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapXSKMap, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapSockHash, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapCgroupStorage, KeySize: 16, ValueSize: 8},
	{Type: uapi.MapReuseportSockArray, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapPerCPUCgroupStorage, KeySize: 16, ValueSize: 8},
	{Type: uapi.MapQueue, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapStack, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapSKStorage, KeySize: 4, ValueSize: 8, Flags: storage, Typed: true, IntKey: true},
	{Type: uapi.MapDevMapHash, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapRingBuf, MaxEntries: 1 << 16},
	{Type: uapi.MapInodeStorage, KeySize: 4, ValueSize: 8, Flags: storage, Typed: true,
		IntKey: true},
	{Type: uapi.MapTaskStorage, KeySize: 4, ValueSize: 8, Flags: storage, Typed: true,
		IntKey: true},
	{Type: uapi.MapBloomFilter, ValueSize: 4, MaxEntries: 1},
	{Type: uapi.MapUserRingBuf, MaxEntries: 1 << 16},
	{Type: uapi.MapCgrpStorage, KeySize: 4, ValueSize: 8, Flags: storage, Typed: true,
		IntKey: true},
	{Type: uapi.MapArena, MaxEntries: 1, Flags: uapi.FMmapable},
}

// around returns a number and its neighbours.
func around(list ...uint64) (all []uint32) {
	for _, n := range list {
		for _, m := range []uint64{n - 1, n, n + 1} {
			if m <= math.MaxUint32 {
				all = append(all, uint32(m))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestSweep tries thousands of maps of every type that the kernel has: one of each type, with every
// pair of its numbers and flags changed to values at or next to a border of any type. The oracle is
// the running kernel, which creates or refuses them. With PUREBPF_SWEEP=all it tries all of them,
// else one in a hundred.
func TestSweep(t *testing.T) {
	testkit.Root(t)
	stride := 101
	if os.Getenv("PUREBPF_SWEEP") == "all" {
		stride = 1
	}
	k := running(t)
	page, most := uint64(k.page()), k.kmalloc()
	keys := around(1, 4, 5, 8, 16, 260, 512, most-48-4, most-48)
	values := around(1, 4, 8, 12, 16, 32, 276, 127*8, 127*32, 32<<10, k.perCPU(), 65023, 65407,
		1<<16,
		most-256-k.sizeof("lpm_trie_node", 40), most-48-4, most-48, most, 1<<31, 1<<32)
	entries := around(1, 2, 4, page, 2*page, 3*page, 8192, 1<<20, 1<<27, 1<<31, 1<<32)
	if n, ok := k.option("CONFIG_NR_CPUS"); ok {
		entries = append(entries, around(n)...)
	}
	var flags []uapi.MapFlags
	for bit := range 20 {
		if bit != 16 { // BPF_F_TOKEN_FD needs a token
			flags = append(flags, 1<<bit)
		}
	}
	flags = append(flags, access, programs, uapi.FNumaNode|uapi.FNoCommonLRU,
		uapi.FNoPrealloc|uapi.FNoCommonLRU, uapi.FMmapable|uapi.FSegvOnFault,
		uapi.FMmapable|uapi.FNoUserConv, 1<<31)
	extras := []uint64{1, 15, 16, page, page + 1, 1 << 20,
		1<<32 - page, 1<<32 - 2*page, 1 << 32, 1<<44 + page}

	s := newSweeper(t, append(slices.Clone(values), 4, 8))
	// changes has for each property of a map the changes to other values.
	var changes [][]func(*Map)
	add := func(list []func(*Map)) { changes = append(changes, list) }
	numbers := func(list []uint32, set func(*Map, uint32)) (all []func(*Map)) {
		for _, n := range list {
			all = append(all, func(m *Map) { set(m, n) })
		}
		return all
	}
	add(numbers(keys, func(m *Map, n uint32) { m.KeySize = n }))
	add(numbers(values, func(m *Map, n uint32) { m.ValueSize = n }))
	add(numbers(entries, func(m *Map, n uint32) { m.MaxEntries = n }))
	var flagged []func(*Map)
	for _, n := range flags {
		flagged = append(flagged, func(m *Map) { m.Flags ^= n }, func(m *Map) { m.Flags = n })
	}
	add(flagged)
	var extra []func(*Map)
	for _, n := range extras {
		extra = append(extra, func(m *Map) { m.Extra = n })
	}
	add(extra)
	var nodes []func(*Map)
	for _, n := range []uint32{0, 1, 2, 1000, math.MaxUint32 - 1, math.MaxUint32} {
		nodes = append(nodes, func(m *Map) { m.NumaNode = n },
			func(m *Map) { m.NumaNode, m.Flags = n, m.Flags|uapi.FNumaNode })
	}
	add(nodes)
	add([]func(*Map){
		func(m *Map) { m.Typed = false },
		func(m *Map) { m.IntKey = false },
		func(m *Map) { m.Outer = true },
		func(m *Map) { m.Inner = false },
	})

	n := 0
	for i := range smallest {
		base := &smallest[i]
		if err := s.create(base); err != nil {
			t.Logf("%s: this kernel says %v", base.Type, err)
			continue
		}
		ask := func(changes ...func(*Map)) {
			if n++; n%stride != 0 && len(changes) > 1 {
				return
			}
			m := *base
			for _, change := range changes {
				change(&m)
			}
			m.IntKey = m.IntKey && m.Typed
			if m.Typed && s.ids[m.ValueSize] == 0 {
				m.Typed, m.IntKey = false, false
			}
			s.ask(&m)
		}
		ask()
		for a := range changes {
			for _, one := range changes[a] {
				ask(one)
				for b := a + 1; b < len(changes); b++ {
					for _, other := range changes[b] {
						ask(one, other)
					}
				}
			}
		}
	}
	t.Logf("%s: %d maps tried, %d of them created, %d not tried because of their size, %d unknown",
		testkit.KernelRelease(), s.tried, s.made, s.skipped, s.unsure)
	if s.tried < 2000 || s.made < 200 {
		t.Error("too few")
	}
}
