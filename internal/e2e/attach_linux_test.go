package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// attachObject loads testdata/attach.bpf.o, whose programs count the actions of this thread.
func attachObject(t testing.TB) *bpf.Object {
	t.Helper()
	testkit.Root(t)
	testkit.Tracefs(t)
	obj := load(t, open(t, "attach"), nil)
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	if err := obj.Variable("only_tid").Set(uint32(unix.Gettid())); err != nil {
		t.Fatal(err)
	}
	return obj
}

func counter(t testing.TB, obj *bpf.Object, name string) *uint64 {
	t.Helper()
	p, err := bpf.VarOf[uint64](obj.Variable(name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func getpriority() { unix.Getpriority(unix.PRIO_PROCESS, 0) }

// gone waits until the kernel has no link with that id.
func gone(t testing.TB, id uint32) {
	t.Helper()
	var err error
	gone := testkit.Await(5*time.Second, func() bool {
		var fd *sys.FD
		fd, err = sys.LinkFDByID(id)
		fd.Close()
		return errors.Is(err, bpf.ErrNotExist)
	})
	if !gone {
		t.Fatalf("link %d is still there: %v", id, err)
	}
}

func linkID(t testing.TB, l *bpf.Link) uint32 {
	t.Helper()
	info, err := l.Info()
	if err != nil {
		t.Fatal(err)
	}
	return info.ID
}

// TestAttachObject attaches by section and sees the programs run; the oracle is the system calls
// that this test makes.
func TestAttachObject(t *testing.T) {
	obj := attachObject(t)
	traced, raw := counter(t, obj, "traced"), counter(t, obj, "raw_traced")
	getpriority()
	if *traced != 0 || *raw != 0 {
		t.Fatal("something ran before it was attached")
	}
	links, err := obj.Attach()
	if err != nil {
		t.Fatal(err)
	}
	if len(links) != 2 || len(obj.Links()) != 2 {
		t.Fatalf("links: %v", links)
	}
	left := map[string]string{}
	for _, n := range obj.NotAttached() {
		left[n.Program.Name()] = n.Reason
	}
	if len(left) != 4 || !strings.Contains(left["pass"], "call of their Attach method") ||
		!strings.Contains(left["bare"], "not loaded") {
		t.Errorf("left alone: %v", left)
	}
	for range 10 {
		getpriority()
	}
	if *traced != 10 || *raw < 10 {
		t.Errorf("10 system calls, tracepoint saw %d, raw tracepoint %d", *traced, *raw)
	}
	if _, err := obj.Attach(); !errors.Is(err, bpf.ErrExist) {
		t.Error("attached twice:", err)
	}
	ids := []uint32{linkID(t, links[0]), linkID(t, links[1])}
	if err := links.Close(); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		gone(t, id)
	}
	getpriority()
	if *traced != 10 {
		t.Error("it runs after it was detached")
	}
	if len(obj.Links()) != 0 {
		t.Error(obj.Links())
	}
	if links, err = obj.Attach(); err != nil {
		t.Fatal(err)
	}
	id := linkID(t, links[0])
	if err := obj.Close(); err != nil { // detaches too
		t.Fatal(err)
	}
	gone(t, id)
}

// TestAttachAllOrNothing: when one program cannot be attached, those before it are detached.
func TestAttachAllOrNothing(t *testing.T) {
	testkit.Tracefs(t)
	o := open(t, "attach")
	o.Program("no_target").Autoload = true
	obj := load(t, o, nil)
	base := len(testkit.FDs())
	_, err := obj.Attach()
	if !errors.Is(err, bpf.ErrNotExist) || !strings.Contains(err.Error(), "no_such_tracepoint") ||
		!strings.Contains(err.Error(), "no_target") {
		t.Fatal(err)
	}
	if n := len(testkit.FDs()); n != base || len(obj.Links()) != 0 {
		t.Fatalf("%d descriptors before, %d after; links %v", base, n, obj.Links())
	}
}

// TestAttachProgram: one program by its section, and the reasons where the section doesn't name
// enough.
func TestAttachProgram(t *testing.T) {
	testkit.Tracefs(t)
	o := open(t, "attach")
	o.Program("bare").Autoload = true
	obj := load(t, o, nil)
	link, err := obj.Program("on_getpriority").Attach()
	if err != nil {
		t.Fatal(err)
	}
	info, err := link.Info()
	if err != nil || info.Type != uapi.LinkPerfEvent ||
		info.ProgramID != bpftest.ProgramID(t, obj.Program("on_getpriority")) {
		t.Error(info, err)
	}
	if err := link.Close(); err != nil {
		t.Error(err)
	}
	if err := link.Close(); err != nil {
		t.Error("second Close:", err)
	}
	if _, err := link.Info(); !errors.Is(err, bpf.ErrClosed) {
		t.Error(err)
	}
	for name, want := range map[string]string{"bare": "no target",
		"pass": "call of their Attach method"} {
		if _, err := obj.Program(name).Attach(); !errors.Is(err, bpf.ErrNotSupported) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := obj.Program("no_target").Attach(); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "not loaded") {
		t.Error(err)
	}
}

func TestAttachTracepointCookie(t *testing.T) {
	obj := attachObject(t)
	link, err := obj.Program("on_getpriority").AttachTracepoint("syscalls", "sys_enter_getpriority",
		&bpf.CookieOptions{Cookie: 1234567})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	getpriority()
	if cookie := *counter(t, obj, "cookie"); cookie != 1234567 {
		t.Errorf("the program sees cookie %d", cookie)
	}
	for _, name := range []string{"no_such", "../sched/sched_switch"} {
		if _, err := obj.Program("on_getpriority").AttachTracepoint(
			"syscalls", name, nil); err == nil {
			t.Errorf("attached to %s", name)
		}
	}
	if _, err := obj.Program("on_sys_enter").AttachRawTracepoint(
		"no_such", nil); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
}

// noPerfLinks is a kernel before 5.15: it has no links to perf events.
type noPerfLinks struct{ funnel.Kernel }

func (noPerfLinks) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	if cmd == uapi.CmdLinkCreate {
		return -1, syscall.EINVAL
	}
	return funnel.Kernel{}.BPF(cmd, attr, size, common)
}

// TestAttachPerfIoctl: without perf links the program is attached by ioctl, without a link of the
// kernel.
func TestAttachPerfIoctl(t *testing.T) {
	defer funnel.Replace(noPerfLinks{})()
	obj := attachObject(t)
	p := obj.Program("on_getpriority")
	if _, err := p.AttachTracepoint("syscalls", "sys_enter_getpriority",
		&bpf.CookieOptions{Cookie: 1}); !errors.Is(err, bpf.ErrNotSupported) {
		t.Error("a cookie without a link:", err)
	}
	link, err := p.AttachTracepoint("syscalls", "sys_enter_getpriority", nil)
	if err != nil {
		t.Fatal(err)
	}
	traced := counter(t, obj, "traced")
	for range 5 {
		getpriority()
	}
	if *traced != 5 {
		t.Errorf("5 system calls, seen %d", *traced)
	}
	for what, err := range map[string]error{"pin": link.Pin("/sys/fs/bpf/x"),
		"update": link.Update(p, nil), "detach": link.Detach(), "info": second(link.Info())} {
		if !errors.Is(err, bpf.ErrNotSupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := link.Close(); err != nil {
		t.Fatal(err)
	}
	getpriority()
	if *traced != 5 {
		t.Error("it runs after it was detached")
	}
}

// sendUDP sends n packets through the loopback of the thread's network namespace.
func sendUDP(t testing.TB, n int) {
	t.Helper()
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	to := &unix.SockaddrInet4{Port: 9, Addr: [4]byte(net.IPv4(127, 0, 0, 1).To4())}
	for range n {
		if err := unix.Sendto(s, []byte("x"), 0, to); err != nil && err != unix.ECONNREFUSED {
			t.Fatal(err)
		}
	}
}

// TestAttachXDP counts packets through loopback: attach, busy, update, detach, pin, reopen.
func TestAttachXDP(t *testing.T) {
	dir := testkit.BPFFS(t)
	testkit.Netns(t)
	obj := load(t, open(t, "attach"), nil)
	packets := counter(t, obj, "packets")
	p, other := obj.Program("pass"), obj.Program("pass_twice")
	if _, err := other.AttachXDP(
		"lo", &bpf.XDPOptions{Mode: bpf.XDPNative}); !errors.Is(err, bpf.ErrNotSupported) {
		t.Error(err)
	}
	link, err := p.AttachXDP("lo", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { link.Close() }()
	sendUDP(t, 10)
	if *packets < 10 {
		t.Errorf("10 packets sent, seen %d", *packets)
	}
	state := xdpState(t, "lo")
	if state.Attached != rtnl.XDPAttachedSKB || state.ProgID != bpftest.ProgramID(t, p) {
		t.Errorf("%+v", state)
	}
	if _, err := other.AttachXDP("lo", nil); !errors.Is(err, syscall.EBUSY) ||
		!strings.Contains(err.Error(), "is attached there") {
		t.Error(err)
	}
	if err := link.Update(other, p); err != nil {
		t.Fatal(err)
	}
	err = link.Update(p, obj.Program("bare"))
	if !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "the program to replace, bare: it was not") {
		t.Error(err)
	}
	if err := link.Update(p, p); !errors.Is(err, syscall.EPERM) {
		t.Error("update of what isn't attached:", err)
	}
	*packets = 0
	sendUDP(t, 3)
	if *packets < 3000000 {
		t.Errorf("the second program wasn't run: %d", *packets)
	}
	path := filepath.Join(dir, "link")
	if err := link.Pin(path); err != nil {
		t.Fatal(err)
	}
	if err := link.Pin(path); !errors.Is(err, syscall.EBUSY) {
		t.Error(err)
	}
	link.Close()
	if state := xdpState(t, "lo"); state.ProgID != bpftest.ProgramID(t, other) {
		t.Error("closing a pinned link detached it")
	}
	if link, err = bpf.OpenLink(path); err != nil {
		t.Fatal(err)
	}
	if err := link.Unpin(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	if err := link.Detach(); err != nil {
		t.Fatal(err)
	}
	if state := xdpState(t, "lo"); state.ProgID != 0 {
		t.Error("still attached after Detach")
	}
	if err := link.Close(); err != nil {
		t.Error(err)
	}
	if _, err := bpf.OpenLink(path); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	if _, err := p.AttachXDP("no-such-if", nil); !errors.Is(err, bpf.ErrNotExist) ||
		!strings.Contains(err.Error(), "no-such-if") {
		t.Error(err)
	}
	if _, err := obj.Program("on_getpriority").AttachXDP("lo",
		nil); !errors.Is(err, syscall.EINVAL) {
		t.Error("a tracepoint program at XDP:", err)
	}
}

// TestSetXDP attaches XDP without links.
func TestSetXDP(t *testing.T) {
	testkit.Netns(t)
	obj := load(t, open(t, "attach"), nil)
	packets := counter(t, obj, "packets")
	p, other := obj.Program("pass"), obj.Program("pass_twice")
	if mode, err := nolink.SetXDP(p, "lo", nil); mode != bpf.XDPGeneric || err != nil {
		t.Fatal(mode, err)
	}
	sendUDP(t, 5)
	if *packets < 5 {
		t.Errorf("5 packets sent, seen %d", *packets)
	}
	if _, err := nolink.SetXDP(other, "lo",
		&nolink.XDPOptions{IfAbsent: true}); !errors.Is(err, syscall.EBUSY) ||
		!strings.Contains(err.Error(), "is attached there") {
		t.Error(err)
	}
	if _, err := nolink.SetXDP(other, "lo",
		&nolink.XDPOptions{Replace: other}); !errors.Is(err, bpf.ErrExist) {
		t.Error(err)
	}
	if _, err := nolink.SetXDP(other, "lo", &nolink.XDPOptions{Replace: p}); err != nil {
		t.Error(err)
	}
	if err := nolink.UnsetXDP(p, "lo"); !errors.Is(err, bpf.ErrNotExist) {
		t.Error("taking away what isn't there:", err)
	}
	// A program without a descriptor means "none" to netlink: the attached program would be
	// detached.
	unloaded, closed := load(t, only(open(t, "attach"), "pass"), nil),
		load(t, open(t, "attach"), nil)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		err   error
		is    error
		words string
	}{
		{second(nolink.SetXDP(unloaded.Program("pass_twice"), "lo", nil)), syscall.EINVAL,
			"not loaded"},
		{second(nolink.SetXDP(closed.Program("pass"), "lo", nil)), bpf.ErrClosed, ""},
		{second(nolink.SetXDP(p, "lo",
			&nolink.XDPOptions{Replace: unloaded.Program("pass_twice")})),
			syscall.EINVAL, "the program to replace"},
		{second(nolink.SetXDP(p, "lo", &nolink.XDPOptions{Replace: closed.Program("pass")})),
			syscall.EINVAL,
			"the program to replace"},
		{second(nolink.SetXDP(p, "lo", &nolink.XDPOptions{Replace: other, IfAbsent: true})),
			syscall.EINVAL,
			"exclude each other"},
		{second(p.AttachXDP("lo", nil)), syscall.EBUSY,
			"(pass_twice) is attached there"},
		{second(nolink.SetXDP(p, "lo", &nolink.XDPOptions{Mode: 9})), syscall.EINVAL, "XDPMode(9)"},
		{second(nolink.SetXDP(p, "no-such-if", nil)), bpf.ErrNotExist, "no-such-if"},
		{second(nolink.SetXDP(obj.Program("on_sys_enter"), "lo", nil)), syscall.EINVAL,
			"type raw_tracepoint, want xdp"},
		{second(obj.Program("on_sys_enter").AttachXDP("lo", nil)), syscall.EINVAL,
			"type raw_tracepoint, want xdp"},
		{nolink.UnsetXDP(unloaded.Program("pass_twice"), "lo"), syscall.EINVAL, "not loaded"},
		{nolink.UnsetXDP(closed.Program("pass"), "lo"), bpf.ErrClosed, ""},
	} {
		if !errors.Is(tc.err, tc.is) || !strings.Contains(tc.err.Error(), tc.words) {
			t.Errorf("want %v with %q: %v", tc.is, tc.words, tc.err)
		}
	}
	if state := xdpState(t, "lo"); state.ProgID != bpftest.ProgramID(t, other) {
		t.Error(state)
	}
	if err := nolink.UnsetXDP(other, "lo"); err != nil {
		t.Error(err)
	}
	if state := xdpState(t, "lo"); state != (rtnl.XDPState{}) {
		t.Error(state)
	}
}

// meeting is a kernel in which closing a link waits until the expected number of links is being
// closed.
type meeting struct {
	funnel.Kernel
	links   map[int]bool
	missing atomic.Int32
	all     chan struct{}
}

func (k *meeting) Close(fd int) syscall.Errno {
	if k.links[fd] {
		if k.missing.Add(-1) == 0 {
			close(k.all)
		}
		select {
		case <-k.all:
		case <-time.After(10 * time.Second):
			return syscall.ETIMEDOUT
		}
	}
	return k.Kernel.Close(fd)
}

// TestLinksCloseConcurrently: many links are detached at the same time, so that their waits for
// grace periods overlap.
func TestLinksCloseConcurrently(t *testing.T) {
	testkit.Tracefs(t)
	const n = 8
	k := &meeting{links: map[int]bool{}, all: make(chan struct{})}
	k.missing.Store(n)
	var links bpf.Links
	for range n { // a program attaches to a tracepoint only once
		l, err := load(t, only(open(t, "attach"),
			"on_getpriority"), nil).Program("on_getpriority").Attach()
		if err != nil {
			links.Close()
			t.Fatal(err)
		}
		links = append(links, l)
		k.links[l.FD()] = true
	}
	defer funnel.Replace(k)()
	start := time.Now()
	if err := links.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d links in %v", n, time.Since(start))
}

// TestLinkDisconnect: a disconnected link stays when it is closed; the descriptor stays open on
// purpose.
func TestLinkDisconnect(t *testing.T) {
	obj := attachObject(t)
	link, err := obj.Program("on_sys_enter").Attach()
	if err != nil {
		t.Fatal(err)
	}
	id, fd := linkID(t, link), link.FD()
	link.Disconnect()
	if err := link.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := bpf.LinkFromID(id)
	if err != nil {
		t.Fatal("closing a disconnected link detached it:", err)
	}
	unix.Close(fd)
	again.Close()
	gone(t, id)
}
