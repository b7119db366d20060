package typed_test

import (
	"errors"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/typed"
	"github.com/purebpf/bpf/uapi"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// The oracle of these tests is the kernel: programs of testdata/kinds.bpf.c read what the test
// wrote, and write what it reads.

// item is struct item of testdata/kinds.bpf.c.
type item struct {
	Number uint64
	Kind   uint8
}

// request is struct request.
type request struct {
	Item   item
	Four   prefix4
	Six    prefix6
	Result int64
}

type prefix4 struct {
	Bits uint32
	Addr [4]uint8
}

type prefix6 struct {
	Bits uint32
	Addr [16]byte
}

func load(t testing.TB) *bpf.Object {
	t.Helper()
	testkit.Root(t)
	o, err := bpf.Open("testdata/kinds.bpf.o", nil)
	if err != nil {
		t.Fatal(err)
	}
	obj, err := bpf.Load(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { obj.Close() })
	return obj
}

// run asks a program and returns the request as the program left it.
func run(t testing.TB, obj *bpf.Object, program string, q request) request {
	t.Helper()
	shared, err := bpf.VarOf[request](obj.Variable("q"))
	if err != nil {
		t.Fatal(err)
	}
	*shared = q
	if _, err := obj.Program(program).Run(&bpf.RunOptions{Data: make([]byte, 64)}); err != nil {
		t.Fatal(err)
	}
	return *shared
}

func says(t *testing.T, err error, is error, text string) {
	t.Helper()
	if !errors.Is(err, is) || !strings.Contains(err.Error(), text) {
		t.Errorf("%v, not %q (%v)", err, text, is)
	}
}

func TestTrie(t *testing.T) {
	obj := load(t)
	four, err := typed.TrieOf[uint64](obj.Map("routes4"))
	if err != nil {
		t.Fatal(err)
	}
	six, err := typed.TrieOf[uint64](obj.Map("routes6"))
	if err != nil {
		t.Fatal(err)
	}
	prefixes := map[netip.Prefix]uint64{}
	for i, text := range []string{"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32",
		"::/0", "2001:db8::/32", "2001:db8:1::/48"} {
		p := netip.MustParsePrefix(text)
		prefixes[p] = uint64(i + 1)
		trie := six
		if p.Addr().Is4() {
			trie = four
		}
		if err := trie.Update(p, uint64(i+1), bpf.UpdateNoExist); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]uint64{"10.1.2.3": 4, "10.1.2.4": 3, "10.2.0.0": 2,
		"11.0.0.1": 1, "2001:db8:1::5": 7, "2001:db8:2::5": 6, "fe80::1": 5} {
		addr := netip.MustParseAddr(text)
		q, program, trie := request{}, "find6", six
		if addr.Is4() {
			q.Four, program, trie = prefix4{32, addr.As4()}, "find4", four
		} else {
			q.Six = prefix6{128, addr.As16()}
		}
		if q := run(t, obj, program, q); q.Result != int64(want) {
			t.Errorf("the program finds %d for %v, not %d", q.Result, addr, want)
		}
		if got, err := trie.Lookup(addr); got != want || err != nil {
			t.Errorf("%v: %d, %v, not %d", addr, got, err, want)
		}
	}
	if got, err := four.Lookup(netip.MustParseAddr("::ffff:10.1.2.3")); got != 4 || err != nil {
		t.Error(got, err)
	}
	if got, err := four.LookupPrefix(netip.MustParsePrefix("10.1.0.0/15")); got != 2 || err != nil {
		t.Error(got, err)
	}
	seen := map[netip.Prefix]uint64{}
	for _, trie := range []*typed.Trie[uint64]{four, six} {
		it := trie.Iterate()
		last := 200
		for p, v := range it.All() {
			seen[p] = v
			if p.Bits() > last {
				t.Errorf("%v comes after one of %d bits", p, last)
			}
			last = p.Bits()
		}
		if err := it.Err(); err != nil {
			t.Error(err)
		}
	}
	if !maps.Equal(seen, prefixes) {
		t.Errorf("%v, not %v", seen, prefixes)
	}
	if err := four.Update(netip.MustParsePrefix("10.1.255.255/16"), 9,
		bpf.UpdateExist); err != nil {
		t.Error(err) // without the bits behind the prefix it is there
	}
	if err := four.Delete(netip.MustParsePrefix("0.0.0.0/0")); err != nil {
		t.Error(err)
	}
	if q := run(t, obj, "find4", request{Four: prefix4{32, [4]byte{11, 0, 0, 1}}}); q.Result != -1 {
		t.Error("the program finds", q.Result)
	}

	_, err = four.Lookup(netip.MustParseAddr("11.0.0.1"))
	says(t, err, bpf.ErrNotExist, "routes4")
	says(t, four.Delete(netip.MustParsePrefix("11.0.0.0/8")), bpf.ErrNotExist, "routes4")
	says(t, four.Update(netip.Prefix{}, 1, 0), syscall.EINVAL, "not valid")
	err = four.Update(netip.MustParsePrefix("::/3"), 1, 0)
	says(t, err, syscall.EINVAL, "another address family")
	err = six.Update(netip.MustParsePrefix("1.0.0.0/8"), 1, 0)
	says(t, err, syscall.EINVAL, "1.0.0.0/8 is of another")
	_, err = typed.TrieOf[uint64](obj.Map("macs"))
	says(t, err, syscall.EINVAL, "keys of 12 bytes are no prefixes")
	_, err = typed.TrieOf[uint32](obj.Map("routes4"))
	says(t, err, syscall.EINVAL, "4 bytes, the map has 8")
	_, err = typed.TrieOf[uint64](obj.Map("queue"))
	says(t, err, syscall.EINVAL, "it is of type queue, not lpm_trie")
	_, err = typed.TrieOf[uint64](obj.Map("route"))
	says(t, err, bpf.ErrNotExist, "no map route")
	err = nil
	for i := 0; err == nil; i++ {
		if i > 20 {
			t.Fatal("the map is never full")
		}
		err = four.Update(netip.PrefixFrom(netip.AddrFrom4([4]byte{1, byte(i)}), 16), 1, 0)
	}
	says(t, err, syscall.ENOSPC, "update map routes4")
}

func TestQueue(t *testing.T) {
	obj := load(t)
	queue, err := typed.QueueOf[item](obj.Map("queue"))
	if err != nil {
		t.Fatal(err)
	}
	stack, err := typed.QueueOf[item](obj.Map("stack"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(3) {
		if err := queue.Push(item{i, uint8(i)}); err != nil {
			t.Fatal(err)
		}
	}
	says(t, queue.Push(item{}), bpf.ErrTooBig, "update map queue")
	if err := queue.PushOver(item{3, 3}); err != nil {
		t.Fatal(err)
	}
	if v, err := queue.Peek(); v != (item{1, 1}) || err != nil {
		t.Error(v, err)
	}
	for want := range uint64(2) {
		q := run(t, obj, "pop_and_push", request{})
		if q.Item != (item{want + 1, uint8(want + 1)}) || q.Result != 0 {
			t.Errorf("%+v", q)
		}
	}
	if v, err := queue.Pop(); v != (item{3, 3}) || err != nil {
		t.Error(v, err)
	}
	_, err = queue.Pop()
	says(t, err, bpf.ErrNotExist, "queue")
	_, err = queue.Peek()
	says(t, err, bpf.ErrNotExist, "queue")
	for want := range uint64(2) { // the newest first
		if v, err := stack.Pop(); v.Number != 1002-want || err != nil {
			t.Error(v, err)
		}
	}
	_, err = typed.QueueOf[uint64](obj.Map("queue"))
	says(t, err, syscall.EINVAL, "8 bytes, the map has 16")
	_, err = typed.QueueOf[item](obj.Map("bloom"))
	says(t, err, syscall.EINVAL, "not queue or stack")
	obj.Close()
	says(t, queue.Push(item{}), bpf.ErrClosed, "queue")
}

func TestBloom(t *testing.T) {
	obj := load(t)
	bloom, err := typed.BloomOf[item](obj.Map("bloom"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(100) {
		if err := bloom.Add(item{i, 1}); err != nil {
			t.Fatal(err)
		}
	}
	wrong := 0
	for i := range uint64(1000) {
		got, err := bloom.Has(item{i, 1})
		if err != nil {
			t.Fatal(err)
		}
		if q := run(t, obj, "has", request{Item: item{i, 1}}); (q.Result == 1) != got {
			t.Fatalf("%d: the program says %d", i, q.Result)
		}
		if i < 100 && !got {
			t.Fatal(i, "was added")
		}
		if i >= 100 && got {
			wrong++
		}
	}
	if wrong > 450 {
		t.Error(wrong, "of 900 are wrong")
	}
	obj.Close()
	_, err = bloom.Has(item{})
	says(t, err, bpf.ErrClosed, "bloom")
}

func TestMaps(t *testing.T) {
	obj := load(t)
	outer, err := typed.MapsOf[uint32](obj.Map("outer"))
	if err != nil {
		t.Fatal(err)
	}
	inner := obj.Map("inner")
	if err := outer.Put(5, inner, bpf.UpdateAny); err != nil {
		t.Fatal(err)
	}
	if q := run(t, obj, "count_in", request{Item: item{Number: 5}}); q.Result != 1 {
		t.Fatal(q.Result)
	}
	again, err := outer.Get(5)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	counts, err := bpf.MapOf[uint32, uint64](again)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := counts.Lookup(0); n != 1 || err != nil {
		t.Error(n, err)
	}
	info, err := inner.Info()
	if err != nil {
		t.Fatal(err)
	}
	if id, err := outer.ID(5); id != info.ID || err != nil {
		t.Error(id, err)
	}
	err = outer.Put(6, obj.Map("queue"), bpf.UpdateAny)
	says(t, err, syscall.EINVAL,
		"an inner map has the type, sizes and flags of the template of outer")
	says(t, outer.Put(6, nil, bpf.UpdateAny), bpf.ErrNotExist, "map")
	says(t, outer.Delete(6), bpf.ErrNotExist, "outer")
	_, err = outer.Get(6)
	says(t, err, bpf.ErrNotExist, "outer")
	if err := outer.Delete(5); err != nil {
		t.Error(err)
	}
	if q := run(t, obj, "count_in", request{Item: item{Number: 5}}); q.Result != -1 {
		t.Error(q.Result)
	}
}

func TestStorage(t *testing.T) {
	obj := load(t)
	tasks, err := typed.StorageOf[item](obj.Map("tasks"))
	if err != nil {
		t.Fatal(err)
	}
	me, err := typed.OpenTask(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer me.Close()
	again, err := typed.OpenTask(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	_, err = tasks.Lookup(int(me.Fd()))
	says(t, err, bpf.ErrNotExist, "tasks")
	if err := tasks.Update(int(me.Fd()), item{7, 8}, bpf.UpdateAny); err != nil {
		t.Fatal(err)
	}
	if v, err := tasks.Lookup(int(again.Fd())); v != (item{7, 8}) || err != nil {
		t.Error(v, err)
	}
	says(t, tasks.Update(int(me.Fd()), item{}, bpf.UpdateNoExist), bpf.ErrExist, "tasks")
	if err := tasks.Delete(int(again.Fd())); err != nil {
		t.Error(err)
	}
	says(t, tasks.Delete(int(me.Fd())), bpf.ErrNotExist, "tasks")
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	says(t, tasks.Update(int(null.Fd()), item{}, 0), syscall.EBADF, "the descriptor of a pidfd")
	says(t, tasks.Delete(-1), syscall.EBADF, "-1 is no descriptor")
	_, err = typed.OpenTask(-1)
	says(t, err, syscall.EINVAL, "process -1")

	socks, err := typed.StorageOf[uint64](obj.Map("socks"))
	if err != nil {
		t.Fatal(err)
	}
	says(t, socks.Update(int(null.Fd()), 1, 0), syscall.ENOTSOCK, "the descriptor of a socket")
	var fds []int
	for range 2 {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		fds = append(fds, fd)
	}
	if err := socks.Update(fds[0], 5, bpf.UpdateAny); err != nil {
		t.Fatal(err)
	}
	if v, err := socks.Lookup(fds[0]); v != 5 || err != nil {
		t.Error(v, err)
	}
	_, err = socks.Lookup(fds[1])
	says(t, err, bpf.ErrNotExist, "socks")
	_, err = typed.StorageOf[uint64](obj.Map("inner"))
	says(t, err, syscall.EINVAL, "not sk_storage or inode_storage or task_storage")
}

// TestSockets: the oracle of the cookies is getsockopt(SO_COOKIE).
func TestSockets(t *testing.T) {
	obj := load(t)
	testkit.Netns(t)
	connections, err := typed.SocketsOf[uint64](obj.Map("connections"))
	if err != nil {
		t.Fatal(err)
	}
	sockets, err := typed.SocketsOf[uint32](obj.Map("sockets"))
	if err != nil {
		t.Fatal(err)
	}
	says(t, sockets.Put(1, nil, 0), syscall.EINVAL, "no socket")
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.DialTCP("tcp4", nil, listener.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := connections.Put(99, client, bpf.UpdateAny); err != nil {
		t.Fatal(err)
	}
	raw, err := client.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var want uint64
	if err := raw.Control(func(fd uintptr) {
		want, err = unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_COOKIE)
	}); err != nil {
		t.Fatal(err)
	}
	if got, lookup := connections.Cookie(99); got != want || err != nil || lookup != nil {
		t.Error(got, lookup, "SO_COOKIE is", want, err)
	}
	_, err = connections.Cookie(98)
	says(t, err, bpf.ErrNotExist, "connections")
	if err := sockets.Put(3, client, bpf.UpdateAny); err != nil {
		t.Fatal(err)
	}
	_, err = sockets.Cookie(3)
	says(t, err, syscall.ENOSPC, "values of 8 bytes, this map's have 4")
	says(t, sockets.Put(4, client, bpf.UpdateAny), bpf.ErrTooBig, "sockets")
	if err := sockets.Delete(3); err != nil {
		t.Error(err)
	}
	if err := connections.Delete(99); err != nil {
		t.Error(err)
	}
	says(t, connections.Delete(99), bpf.ErrNotExist, "connections")
	client.Close()
	if err := connections.Put(1, client, 0); err == nil {
		t.Error("a closed socket was taken")
	}
	_, err = typed.SocketsOf[uint64](obj.Map("sockets"))
	says(t, err, syscall.EINVAL, "8 bytes, the map has 4")
}

// TestStacks: the program's own stack lies on the system call that runs it.
func TestStacks(t *testing.T) {
	obj := load(t)
	stacks, err := typed.StacksOf(obj.Map("stacks"))
	if err != nil {
		t.Fatal(err)
	}
	result, err := obj.Program("trace").Run(&bpf.RunOptions{Context: make([]byte, 16)})
	if err != nil {
		t.Fatal(err)
	}
	id := int32(result.Return)
	addrs, err := stacks.Addresses(id)
	if err != nil || len(addrs) == 0 {
		t.Fatal(addrs, err)
	}
	functions, err := kernel.ReadFunctions()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, addr := range addrs {
		name, _, _ := functions.At(addr)
		names = append(names, name)
	}
	ours := func(name string) bool { return strings.Contains(name, "bpf") }
	if !slices.ContainsFunc(names, ours) {
		t.Error(names)
	}
	if err := stacks.Delete(id); err != nil {
		t.Error(err)
	}
	_, err = stacks.Addresses(id)
	says(t, err, bpf.ErrNotExist, "stacks")
	_, err = stacks.Addresses(-17)
	says(t, err, bpf.ErrExist, "another trace has its place; use more entries")
	_, err = stacks.Addresses(-14)
	says(t, err, syscall.EFAULT, "there was no stack of that kind")
	_, err = stacks.BuildIDs(id)
	says(t, err, syscall.EINVAL, "use Addresses")
}

// TestNone calls methods of what wasn't made by this package: errors, no panics.
func TestNone(t *testing.T) {
	var (
		trie    *typed.Trie[uint64]
		queue   *typed.Queue[uint64]
		bloom   *typed.Bloom[uint64]
		outer   *typed.Maps[uint32]
		storage *typed.Storage[uint64]
		sockets *typed.Sockets[uint32]
		stacks  *typed.Stacks
	)
	p := netip.MustParsePrefix("10.0.0.0/8")
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for range 2 {
		it := trie.Iterate()
		for range it.All() {
			t.Error("an element of no map")
		}
		_, err1 := trie.Lookup(p.Addr())
		_, err2 := queue.Pop()
		_, err3 := queue.Peek()
		_, err4 := bloom.Has(1)
		_, err5 := outer.Get(1)
		_, err6 := storage.Lookup(1)
		_, err7 := sockets.Cookie(1)
		_, err8 := stacks.Addresses(1)
		_, err9 := stacks.Addresses(-17)
		for i, err := range []error{err1, err2, err3, err4, err5, err6, err7, err8, err9,
			trie.Update(p, 1, 0), trie.Delete(p), it.Err(), queue.Push(1),
			queue.PushOver(1), bloom.Add(1), outer.Put(1, nil, 0), outer.Delete(1),
			storage.Update(1, 1, 0), storage.Delete(1), storage.Delete(-1), sockets.Put(1, null, 0),
			sockets.Delete(1), stacks.Delete(1)} {
			if err == nil {
				t.Error(i, "no error")
			}
		}
		for i, m := range []*bpf.Map{trie.Map(), queue.Map(), bloom.Map(), outer.Map(),
			storage.Map(), sockets.Map(), stacks.Map()} {
			if m.Err() == nil {
				t.Error(i, m)
			}
		}
		trie, queue = new(typed.Trie[uint64]), new(typed.Queue[uint64])
		bloom, outer = new(typed.Bloom[uint64]), new(typed.Maps[uint32])
		storage = new(typed.Storage[uint64])
		sockets, stacks = new(typed.Sockets[uint32]), new(typed.Stacks)
	}
}

// TestStorageOwners: the values of files belong to their inodes, those of cgroups to the
// directories, whatever descriptor names them.
func TestStorageOwners(t *testing.T) {
	testkit.Root(t)
	b := btf.NewBuilder(nil)
	key, value := b.AddInt("int", 4, btf.Signed), b.AddInt("long", 8, 0)
	spec, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		typ   uapi.MapType
		paths func(t *testing.T) (owner, same, other string)
	}{
		{uapi.MapInodeStorage, func(t *testing.T) (string, string, string) {
			if !kernel.Running().RunsLSM("bpf") {
				testkit.Skip(t, "bpf is not among the kernel's security modules")
			}
			dir := t.TempDir()
			for _, name := range []string{"a", "b"} {
				if err := os.WriteFile(dir+"/"+name, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Link(dir+"/a", dir+"/same"); err != nil {
				t.Fatal(err)
			}
			return dir + "/a", dir + "/same", dir + "/b"
		}},
		{uapi.MapCgrpStorage, func(t *testing.T) (string, string, string) {
			testkit.Kernel(t, "6.2")
			dir := testkit.Cgroup(t)
			return dir, dir, filepath.Dir(dir)
		}},
	} {
		t.Run(c.typ.String(), func(t *testing.T) {
			owner, same, other := c.paths(t)
			m, err := bpf.CreateMap(&object.Map{Name: "storage", Type: c.typ, KeySize: 4,
				ValueSize: 8, Flags: uapi.FNoPrealloc, KeyType: key, ValueType: value},
				&bpf.MapOptions{BTF: spec})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			storage, err := typed.StorageOf[uint64](m)
			if err != nil {
				t.Fatal(err)
			}
			open := func(path string) int {
				f, err := os.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { f.Close() })
				return int(f.Fd())
			}
			if err := storage.Update(open(owner), 5, bpf.UpdateNoExist); err != nil {
				t.Fatal(err)
			}
			if v, err := storage.Lookup(open(same)); v != 5 || err != nil {
				t.Error(v, err)
			}
			says(t, storage.Update(open(same), 6, bpf.UpdateNoExist), bpf.ErrExist, "storage")
			_, err = storage.Lookup(open(other))
			says(t, err, bpf.ErrNotExist, "storage")
			task, err := typed.OpenTask(os.Getpid())
			if err != nil {
				t.Fatal(err)
			}
			defer task.Close()
			if c.typ == uapi.MapCgrpStorage {
				says(t, storage.Update(int(task.Fd()), 1, 0), syscall.EBADF,
					"the descriptor of an open cgroup directory")
			}
			if err := storage.Delete(open(same)); err != nil {
				t.Error(err)
			}
			says(t, storage.Delete(open(owner)), bpf.ErrNotExist, "storage")
		})
	}
}
