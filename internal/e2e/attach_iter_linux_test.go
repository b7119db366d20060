package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/uapi"
)

// The oracles of this file: the objects that the test made (descriptors, sockets, cgroups, map
// elements), and /proc.

// iterate attaches an iterator, reads it and detaches it.
func iterate(t testing.TB, p *bpf.Program, over bpf.IterTarget) (lines []string) {
	t.Helper()
	l, err := p.AttachIter(over)
	if err != nil {
		t.Fatal(err)
	}
	defer closeLink(t, l)
	return readIter(t, l)
}

func readIter(t testing.TB, l *bpf.Link) []string {
	t.Helper()
	r, err := l.Iterate()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
}

// iterProgram loads one program of testdata/iter.bpf.o.
func iterProgram(t testing.TB, name string) (*bpf.Object, *bpf.Program) {
	t.Helper()
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	obj := load(t, only(open(t, "iter"), name), nil)
	return obj, obj.Program(name)
}

func wantLine(t testing.TB, lines []string, format string, args ...any) {
	t.Helper()
	if want := fmt.Sprintf(format, args...); !slices.Contains(lines, want) {
		t.Errorf("%d lines without %q", len(lines), want)
	}
}

// threads returns the ids of this process's threads.
func threads(t testing.TB) (ids []string) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		ids = append(ids, e.Name())
	}
	return ids
}

// iterateTask walks this process by PID and PIDFD, for which the kernel shows the first thread (6.1
// others too), and a thread of it by TID, and calls look for each. Nothing of another process may
// appear, and by TID nothing of another thread.
func iterateTask(t *testing.T, p *bpf.Program, look func(tid int, lines []string)) {
	t.Helper()
	pid := os.Getpid()
	tid := laterThread(t)
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for _, c := range []struct {
		over bpf.IterTask
		tid  int
	}{{bpf.IterTask{PID: uint32(pid)}, pid}, {bpf.IterTask{PIDFD: uint32(fd)}, pid},
		{bpf.IterTask{TID: uint32(tid)}, tid}} {
		l, err := p.AttachIter(c.over)
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Iterate()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(io.LimitReader(r, 1<<18)) // by TID task_vma may not end
		if err = errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		closeLink(t, l)
		var lines []string
		for line := range strings.Lines(string(text)) {
			if line, whole := strings.CutSuffix(line, "\n"); whole {
				lines = append(lines, line)
			}
		}
		of := fmt.Sprintf("%d ", pid)
		if c.over.TID != 0 {
			of += fmt.Sprintf("%d ", c.tid)
		}
		for _, line := range lines {
			if !strings.HasPrefix(line, of) {
				t.Fatalf("%+v: %q", c.over, line)
			}
		}
		look(c.tid, lines)
	}
}

// laterThread returns the id of a thread of this process, not its first, that stays until the test
// ends.
func laterThread(t *testing.T) int {
	t.Helper()
	tids, end := make(chan int), make(chan struct{})
	t.Cleanup(func() { close(end) })
	for range 2 { // one of two is not the first thread
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			tids <- unix.Gettid()
			<-end
		}()
	}
	return max(<-tids, <-tids)
}

func TestIter(t *testing.T) {
	pid := os.Getpid()
	t.Run("task", func(t *testing.T) {
		_, p := iterProgram(t, "tasks")
		l, err := p.Attach()
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		lines := readIter(t, l)
		for _, tid := range threads(t) {
			wantLine(t, lines, "%d %s", pid, tid)
		}
		wantLine(t, readIter(t, l), "%d %d", pid, pid) // again from the start

		r, err := l.Iterate()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		text, err := io.ReadAll(iotest.OneByteReader(r))
		if err != nil || !strings.Contains(string(text), fmt.Sprintf("%d %d\n", pid, pid)) {
			t.Errorf("read byte by byte: %d bytes, %v", len(text), err)
		}
	})
	t.Run("task sleepable", func(t *testing.T) {
		obj, p := iterProgram(t, "task_sleepable")
		word := new(uint64)
		*word = 0xfeedc0de
		*variable[uint64](t, obj, "user_address") = uint64(uintptr(unsafe.Pointer(word)))
		wantLine(t, iterate(t, p, nil), "%d %d", pid, pid)
		if n := *variable[uint64](t, obj, "user_word"); n != *word {
			t.Errorf("copied %#x of this process", n)
		}
		runtime.KeepAlive(word)
	})
	t.Run("task by tid, pid, pidfd", func(t *testing.T) {
		_, p := iterProgram(t, "tasks")
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		tid := unix.Gettid()
		if lines := iterate(t, p, bpf.IterTask{TID: uint32(tid)}); len(lines) != 1 ||
			lines[0] != fmt.Sprintf("%d %d", pid, tid) {
			t.Errorf("tid: %q", lines)
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		for _, opts := range []bpf.IterTask{{PID: uint32(pid)}, {PIDFD: uint32(fd)}} {
			lines := iterate(t, p, opts)
			for _, tid := range threads(t) {
				wantLine(t, lines, "%d %s", pid, tid)
			}
			for _, line := range lines {
				if !strings.HasPrefix(line, fmt.Sprintf("%d ", pid)) {
					t.Errorf("%+v: %q", opts, line)
				}
			}
		}
		if _, err := p.AttachIter(
			bpf.IterTask{TID: uint32(tid), PID: uint32(pid)}); !errors.Is(err, syscall.EINVAL) {
			t.Error(err)
		}
		if _, err := p.AttachIter(
			bpf.IterCgroup{Order: uapi.CgroupIterSelf}); !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(), "take a cgroup") {
			t.Error(err)
		}
	})
	t.Run("task_file", func(t *testing.T) {
		_, p := iterProgram(t, "task_file")
		f, err := os.Open("/dev/null")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		iterateTask(t, p, func(tid int, lines []string) {
			wantLine(t, lines, "%d %d %d", pid, tid, f.Fd())
		})
	})
	t.Run("task_vma", func(t *testing.T) {
		_, p := iterProgram(t, "task_vma")
		text, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		iterateTask(t, p, func(tid int, lines []string) {
			for line := range strings.Lines(string(text)) {
				if area, rest, _ := strings.Cut(line, " "); strings.HasSuffix(rest, os.Args[0]+
					"\n") {
					from, to, _ := strings.Cut(area, "-")
					wantLine(t, lines, "%d %d %s-%s", pid, tid, strings.TrimLeft(from, "0"),
						strings.TrimLeft(to, "0"))
				}
			}
		})
	})
	t.Run("bpf_map", func(t *testing.T) {
		obj, p := iterProgram(t, "bpf_map")
		info, err := obj.Map("numbers").Info()
		if err != nil {
			t.Fatal(err)
		}
		wantLine(t, iterate(t, p, nil), "%d", info.ID)
	})
	t.Run("bpf_prog", func(t *testing.T) {
		_, p := iterProgram(t, "bpf_prog")
		wantLine(t, iterate(t, p, nil), "%d", bpftest.ProgramID(t, p))
	})
	t.Run("bpf_link", func(t *testing.T) {
		_, p := iterProgram(t, "bpf_link")
		l := attached(t, p)
		wantLine(t, readIter(t, l), "%d", linkID(t, l))
	})
	t.Run("bpf_map_elem", func(t *testing.T) {
		obj, p := iterProgram(t, "bpf_map_elem")
		numbers, err := bpf.MapOf[uint32, uint64](obj.Map("numbers"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range uint32(50) {
			if err := numbers.Update(i, uint64(i*i), 0); err != nil {
				t.Fatal(err)
			}
		}
		lines := iterate(t, p, bpf.IterMap{Map: obj.Map("numbers")})
		for i := range 50 {
			wantLine(t, lines, "%d %d", i, i*i)
		}
		if lines := iterate(t, p, bpf.IterMap{Map: obj.Map("others")}); len(lines) != 0 {
			t.Errorf("an empty map: %q", lines)
		}
		if _, err := p.AttachIter(nil); err == nil {
			t.Error("attached without a map")
		}
	})
	t.Run("ksym", func(t *testing.T) {
		_, p := iterProgram(t, "ksym")
		lines := iterate(t, p, nil)
		for _, address := range kallsyms(t, "find_task_by_vpid") {
			wantLine(t, lines, "%x T find_task_by_vpid", address)
		}
		if len(lines) < 10000 {
			t.Errorf("%d symbols", len(lines))
		}
	})
	t.Run("no such kind", func(t *testing.T) {
		testkit.Root(t)
		testkit.VmlinuxBTF(t)
		if _, err := bpf.Load(only(open(t, "iter"), "missing"), nil); err == nil ||
			!strings.Contains(err.Error(), "bpf_iter_no_such_thing") {
			t.Error(err)
		}
	})
	t.Run("pinned", func(t *testing.T) {
		_, p := iterProgram(t, "tasks")
		path := filepath.Join(testkit.BPFFS(t), "tasks")
		l := attached(t, p)
		if err := l.Pin(path); err != nil {
			t.Fatal(err)
		}
		closeLink(t, l)
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), fmt.Sprintf("%d %d\n", pid, pid)) {
			t.Errorf("%d bytes, %v", len(text), err)
		}
		if l, err = bpf.OpenLink(path); err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		wantLine(t, readIter(t, l), "%d %d", pid, pid)
	})
}

// TestIterSockets walks the sockets of a network namespace of its own.
func TestIterSockets(t *testing.T) {
	testkit.Netns(t)
	t.Run("tcp", func(t *testing.T) {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, p := iterProgram(t, "tcp")
		wantLine(t, iterate(t, p, nil), "%d 10", l.Addr().(*net.TCPAddr).Port) // TCP_LISTEN
	})
	t.Run("udp", func(t *testing.T) {
		c, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, p := iterProgram(t, "udp")
		wantLine(t, iterate(t, p, nil), "%d", c.LocalAddr().(*net.UDPAddr).Port)
	})
	t.Run("unix", func(t *testing.T) {
		_, p := iterProgram(t, "unix_")
		before := len(iterate(t, p, nil))
		s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(s)
		lines := iterate(t, p, nil)
		wantLine(t, lines, "%d", unix.SOCK_SEQPACKET)
		if len(lines) <= before {
			t.Errorf("%d sockets, %d before there was one more", len(lines), before)
		}
	})
	t.Run("netlink", func(t *testing.T) {
		s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(s)
		if err := unix.Bind(s,
			&unix.SockaddrNetlink{Family: unix.AF_NETLINK, Pid: 123456}); err != nil {
			t.Fatal(err)
		}
		_, p := iterProgram(t, "netlink")
		wantLine(t, iterate(t, p, nil), "123456")
	})
}

// TestIterSocketMaps walks the sockets of a map, and the values that a map keeps for sockets.
func TestIterSocketMaps(t *testing.T) {
	port := func(c net.Conn) int { return c.LocalAddr().(*net.TCPAddr).Port }
	t.Run("sockmap", func(t *testing.T) {
		testkit.Netns(t)
		client, server := tcpPair(t)
		obj, p := iterProgram(t, "sockmap")
		putSocket(t, obj.Map("sockets"), 7, client)
		putSocket(t, obj.Map("sockets"), 1000, server)
		lines := iterate(t, p, bpf.IterMap{Map: obj.Map("sockets")})
		wantLine(t, lines, "7 %d", port(client))
		wantLine(t, lines, "1000 %d", port(server))
		if len(lines) != 2 {
			t.Errorf("%q", lines)
		}
		if lines := iterate(t, p, bpf.IterMap{Map: obj.Map("no_sockets")}); len(lines) != 0 {
			t.Errorf("an empty map: %q", lines)
		}
		iterNeedsMap(t, p, obj.Map("numbers"))
	})
	t.Run("bpf_sk_storage_map", func(t *testing.T) {
		testkit.Netns(t)
		client, server := tcpPair(t)
		obj, p := iterProgram(t, "sk_storage")
		storage, err := bpf.MapOf[uint32, uint64](obj.Map("storage"))
		if err != nil {
			t.Fatal(err)
		}
		for c, value := range map[*net.TCPConn]uint64{client: 1 << 40, server: 2 << 40} {
			if err := storage.Update(uint32(socketFD(t, c)), value, 0); err != nil {
				t.Fatal(err)
			}
		}
		lines := iterate(t, p, bpf.IterMap{Map: obj.Map("storage")})
		wantLine(t, lines, "%d %d", port(client), uint64(1<<40))
		wantLine(t, lines, "%d %d", port(server), uint64(2<<40))
		if len(lines) != 2 {
			t.Errorf("%q", lines)
		}
		if lines := iterate(t, p, bpf.IterMap{Map: obj.Map("no_storage")}); len(lines) != 0 {
			t.Errorf("an empty map: %q", lines)
		}
		iterNeedsMap(t, p, obj.Map("numbers"))
	})
}

// iterNeedsMap: the kernel refuses an iterator over a map without one and with one of another type.
func iterNeedsMap(t *testing.T, p *bpf.Program, wrong *bpf.Map) {
	t.Helper()
	if _, err := p.AttachIter(nil); !errors.Is(err, syscall.EBADF) {
		t.Error("without a map:", err)
	}
	if _, err := p.AttachIter(bpf.IterMap{Map: wrong}); !errors.Is(err, syscall.EINVAL) {
		t.Error("with another map:", err)
	}
}

// kernelEnumerates reports whether an enum of the running kernel has a value of that name.
func kernelEnumerates(t *testing.T, enum, value string) bool {
	t.Helper()
	spec, err := kernel.Running().BTF()
	if err != nil {
		t.Fatal(err)
	}
	id, ok := spec.FindByName(enum, btf.KindEnum)
	if !ok {
		t.Fatalf("the kernel has no enum %s", enum)
	}
	typ, _ := spec.Type(id)
	for i := range typ.Vlen() {
		if typ.Enumerator(i).Name == value {
			return true
		}
	}
	return false
}

// TestIterCgroup walks a small hierarchy in each order.
func TestIterCgroup(t *testing.T) {
	_, p := iterProgram(t, "cgroup")
	root := testkit.Cgroup(t)
	inode := func(dir string) string {
		var st unix.Stat_t
		if err := unix.Stat(dir, &st); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(st.Ino)
	}
	for _, dir := range []string{"child", "child/grandchild"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(filepath.Join(root, dir))
	}
	top, child, grandchild := inode(root), inode(root+"/child"), inode(root+"/child/grandchild")
	var id uint64
	fmt.Sscan(top, &id)
	for _, test := range []struct {
		name string
		over bpf.IterCgroup
		want []string
	}{
		{"self", bpf.IterCgroup{Path: root, Order: uapi.CgroupIterSelf}, []string{top}},
		{"pre", bpf.IterCgroup{Path: root, Order: uapi.CgroupIterDescendantsPre},
			[]string{top, child, grandchild}},
		{"default", bpf.IterCgroup{Path: root}, []string{top, child, grandchild}},
		{"post", bpf.IterCgroup{Path: root, Order: uapi.CgroupIterDescendantsPost},
			[]string{grandchild, child, top}},
		{"by id", bpf.IterCgroup{ID: id, Order: uapi.CgroupIterDescendantsPost},
			[]string{grandchild, child, top}},
		{"children", bpf.IterCgroup{Path: root, Order: uapi.CgroupIterChildren},
			[]string{child}},
		{"children by id", bpf.IterCgroup{ID: id, Order: uapi.CgroupIterChildren},
			[]string{child}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.over.Order == uapi.CgroupIterChildren &&
				!kernelEnumerates(t, "bpf_cgroup_iter_order", "BPF_CGROUP_ITER_CHILDREN") {
				if _, err := p.AttachIter(test.over); !errors.Is(err, syscall.EINVAL) {
					t.Error(err)
				}
				testkit.Skip(t, "the kernel has no BPF_CGROUP_ITER_CHILDREN (7.0)")
			}
			if lines := iterate(t, p, test.over); !slices.Equal(lines, test.want) {
				t.Errorf("%q, want %q", lines, test.want)
			}
		})
	}
	t.Run("ancestors", func(t *testing.T) {
		lines := iterate(t, p,
			bpf.IterCgroup{Path: root + "/child/grandchild", Order: uapi.CgroupIterAncestorsUp})
		if len(lines) != 4 || !slices.Equal(lines[:3], []string{grandchild, child, top}) ||
			lines[3] != inode(filepath.Dir(root)) {
			t.Errorf("%q", lines)
		}
	})
	t.Run("everything", func(t *testing.T) {
		lines := iterate(t, p, nil)
		if lines[0] != inode(filepath.Dir(root)) || !slices.Contains(lines, grandchild) {
			t.Errorf("%q", lines)
		}
	})
	if _, err := p.AttachIter(
		bpf.IterCgroup{Path: root + "/nobody"}); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	if _, err := p.AttachIter(
		bpf.IterCgroup{Path: root, ID: 1}); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
}

// TestIterCgroupStdin: for the kernel, descriptor 0 means the root of cgroups, so it must not be
// passed even if standard input is closed. The oracle is the kernel, which reports where the
// iterator starts.
func TestIterCgroupStdin(t *testing.T) {
	_, p := iterProgram(t, "cgroup")
	dir := testkit.Cgroup(t)
	start := func() uint64 {
		l, err := p.AttachIter(bpf.IterCgroup{Path: dir, Order: uapi.CgroupIterSelf})
		if err != nil {
			t.Fatal(err)
		}
		defer closeLink(t, l)
		info, err := l.Info()
		if err != nil {
			t.Fatal(err)
		}
		return info.Detail.(*linkinfo.Iter).CgroupID
	}
	want := start()
	stdin, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(stdin)
	defer unix.Dup3(stdin, 0, 0)
	unix.Close(0)
	if got := start(); got != want {
		t.Errorf("it starts at cgroup %d, want %d", got, want)
	}
}
