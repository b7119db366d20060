//go:build linux

package sys_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// The oracle of this file is the kernel, and bpftool, which lists the same links and pins.

// counter loads a program that counts its runs in element 0 of an array.
func counter(t *testing.T, typ uapi.ProgType, flags uapi.ProgFlags,
	attach uapi.AttachType, result int32) (prog *sys.FD, count func() uint64) {
	t.Helper()
	m := newMap(t, sys.MapCreateAttr{Type: uapi.MapArray, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	ld := asm.LdMapValue(asm.R1, m.Int(), 0)
	a := progAttr(typ, flags, []asm.Instruction{
		ld[0], ld[1],
		asm.Mov64Imm(asm.R2, 1),
		asm.Atomic(asm.DW, asm.AtomicAdd, asm.R1, asm.R2, 0),
		asm.Mov64Imm(asm.R0, result),
		asm.ExitInsn(),
	})
	a.ExpectedAttachType = attach
	prog, err := sys.ProgLoad(&a)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	t.Cleanup(func() { prog.Close() })
	return prog, func() (n uint64) {
		var key uint32
		if err := sys.MapLookup(m.Int(), unsafe.Pointer(&key), unsafe.Pointer(&n), 0); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

func TestRawTracepointLink(t *testing.T) {
	prog, count := counter(t, uapi.ProgRawTracepoint, 0, 0, 0)
	link, err := sys.RawTracepointOpen("sys_enter", prog.Int(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	unix.Getppid()
	if count() == 0 {
		t.Error("it didn't run")
	}
	info, err := sys.LinkInfoByFD(link.Int())
	if err != nil {
		t.Fatal(err)
	}
	name := make([]byte, 64)
	detail := sys.RawTracepointInfo{Name: sys.Slice(name), NameLen: uint32(len(name))}
	if _, err := sys.LinkDetailByFD(link.Int(), &detail); err != nil {
		t.Fatal(err)
	}
	var want struct {
		Type   string
		ProgID uint32 `json:"prog_id"`
		TP     string `json:"tp_name"`
	}
	bpftool(t, &want, "link", "show", "id", strconv.Itoa(int(info.ID)))
	if want.Type != info.Type.String() || want.ProgID != info.ProgID ||
		want.TP != strings.TrimRight(string(name), "\x00") {
		t.Errorf("%+v %q, bpftool: %+v", info, name, want)
	}
	// The kind of the descriptor, from outside.
	buf := make([]byte, 64)
	q := sys.TaskFDQueryAttr{PID: uint32(os.Getpid()), FD: link.Uint32(), Buf: sys.Slice(buf),
		BufLen: uint32(len(buf))}
	if err := sys.TaskFDQuery(&q); err != nil || q.ProgID != info.ProgID || q.BufLen != 9 ||
		string(buf[:9]) != "sys_enter" {
		t.Errorf("%v, %+v %q", err, q, buf)
	}
	if next, err := sys.LinkNextID(info.ID - 1); err != nil || next != info.ID {
		t.Errorf("after %d comes %d, %v", info.ID-1, next, err)
	}
	again, err := sys.LinkFDByID(info.ID)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if err := sys.LinkDetach(link.Int()); !errors.Is(err, syscall.EOPNOTSUPP) {
		t.Errorf("detach: %v", err)
	}
	if _, err := sys.RawTracepointOpen(
		"no_such_tracepoint", prog.Int(), 0); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("absent tracepoint: %v", err)
	}
	if _, err := sys.RawTracepointOpen("a\x00b", prog.Int(), 0); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("name with NUL: %v", err)
	}
}

func TestPin(t *testing.T) {
	dir := testkit.BPFFS(t)
	m := hash(t, 3)
	path := filepath.Join(dir, "m")
	if err := sys.ObjPin(m.Int(), path, 0); err != nil {
		t.Fatal(err)
	}
	if err := sys.ObjPin(m.Int(), path, 0); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("second pin: %v", err)
	}
	var want struct{ ID uint32 }
	bpftool(t, &want, "map", "show", "pinned", path)
	again, err := sys.ObjGet(path, uapi.FOpenRdonly)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if id := mapID(t, again); id != mapID(t, m) || id != want.ID {
		t.Errorf("id %d, bpftool %d", id, want.ID)
	}
	testkit.Kernel(t, "6.5")
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := sys.ObjPinAt(m.Int(), int(d.Fd()), "at", 0); err != nil {
		t.Errorf("pin in a directory: %v", err)
	}
	at, err := sys.ObjGetAt(int(d.Fd()), "at", 0)
	if err != nil {
		t.Fatal(err)
	}
	at.Close()
	if _, err := sys.ObjGet(filepath.Join(dir, "none"), 0); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("absent pin: %v", err)
	}
	if err := sys.ObjPin(m.Int(), filepath.Join(t.TempDir(), "x"), 0); err == nil {
		t.Error("pinned outside of a bpffs")
	}
}

func TestPerfEventLinks(t *testing.T) {
	prog, count := counter(t, uapi.ProgPerfEvent, 0, 0, 0)
	// A clock event on CPU 0, first by ioctl, then by link.
	open := func() *sys.FD {
		a := sys.PerfEventAttr{Type: sys.PerfTypeSoftware, Config: sys.PerfCountSWCPUClock,
			Sample: 100000}
		event, err := sys.PerfEventOpen(&a, 0, -1, -1, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { event.Close() })
		return event
	}
	event := open()
	if err := sys.PerfEventSetBPF(event.Int(), prog.Int()); err != nil {
		t.Fatal(err)
	}
	if err := sys.PerfEventEnable(event.Int()); err != nil {
		t.Fatal(err)
	}
	busy(func() bool { return count() > 0 })
	if count() == 0 {
		t.Error("attached by ioctl: it didn't run")
	}
	if err := sys.PerfEventDisable(event.Int()); err != nil {
		t.Error(err)
	}
	event.Close()

	event = open()
	link, err := sys.LinkCreate(&sys.LinkCreateAttr{ProgFD: prog.Uint32(), Target: event.Uint32(),
		AttachType: uapi.AttachPerfEvent,
		Detail:     &sys.LinkPerfEvent{Cookie: 0xc00c1e}})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	if err := sys.PerfEventEnable(event.Int()); err != nil {
		t.Fatal(err)
	}
	before := count()
	busy(func() bool { return count() > before })
	if count() == before {
		t.Error("attached by link: it didn't run")
	}
	info, err := sys.LinkInfoByFD(link.Int())
	if err != nil {
		t.Fatal(err)
	}
	detail := sys.LinkInfoAs[sys.PerfEventInfo](info)
	if info.Type != uapi.LinkPerfEvent {
		t.Errorf("link type %v", info.Type)
	}
	testkit.Kernel(t, "6.9")
	if detail.Type != sys.PerfEventTypeEvent {
		t.Errorf("%+v", detail)
	}
}

func busy(done func() bool) {
	for i := 0; i < 1<<22 && !done(); i++ {
	}
}

func TestTracepointAndQuery(t *testing.T) {
	root := testkit.Tracefs(t)
	text, err := os.ReadFile(root + "/events/signal/signal_generate/id")
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	prog, count := counter(t, uapi.ProgTracepoint, 0, 0, 0)
	a := sys.PerfEventAttr{Type: sys.PerfTypeTracepoint, Config: id, Sample: 1}
	event, err := sys.PerfEventOpen(&a, -1, 0, -1, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer event.Close()
	if err := sys.PerfEventSetBPF(event.Int(), prog.Int()); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGURG)
	}
	if n := count(); n < 10 {
		t.Errorf("%d runs", n)
	}
	info, err := sys.ProgInfoByFD(prog.Int())
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]uint32, 8)
	n, err := sys.PerfEventQueryBPF(event.Int(), ids)
	if err != nil || n < 1 || n <= len(ids) && !contains(ids[:n], info.ID) {
		t.Errorf("%d programs %v, %v", n, ids, err)
	}
}

func contains(list []uint32, v uint32) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

func TestUprobeByName(t *testing.T) {
	testkit.Root(t)
	text, err := os.ReadFile("/sys/bus/event_source/devices/uprobe/type")
	if err != nil {
		testkit.Skip(t, "no uprobe PMU: %v", err)
	}
	pmu, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	a := sys.PerfEventAttr{Type: sys.PerfType(pmu), Config2: 1 << 40}
	if _, err := sys.PerfEventOpenName(&a,
		"/proc/self/exe", -1, 0, -1, 0); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("offset behind the end of the file: %v", err)
	}
	if _, err := sys.PerfEventOpenName(&sys.PerfEventAttr{Type: sys.PerfType(pmu)},
		"/no/such/file", -1, 0, -1, 0); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("absent file: %v", err)
	}
	event, err := sys.PerfEventOpenName(&sys.PerfEventAttr{Type: sys.PerfType(pmu),
		Config2: textOffset(t, syscall.Getpagesize)}, "/proc/self/exe", -1, 0, -1, 0)
	if err != nil {
		t.Fatalf("the kernel didn't get the path: %v", err)
	}
	event.Close()
}

// textOffset returns where in this program's file a function starts, by its address and the mapping
// that holds it.
func textOffset(t *testing.T, function any) uint64 {
	t.Helper()
	addr := uint64(reflect.ValueOf(function).Pointer())
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		var from, to, offset uint64
		var mode string
		if n, _ := fmt.Sscanf(line, "%x-%x %s %x", &from, &to, &mode, &offset); n == 4 &&
			from <= addr && addr < to {
			return addr - from + offset
		}
	}
	t.Fatalf("%#x is nowhere in this program", addr)
	return 0
}

func TestCgroupAttachQueryDetach(t *testing.T) {
	dir, err := os.Open(testkit.Cgroup(t))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	prog, _ := counter(t, uapi.ProgCgroupSKB, 0, uapi.AttachCgroupInetEgress, 1)
	other, _ := counter(t, uapi.ProgCgroupSKB, 0, uapi.AttachCgroupInetEgress, 1)
	target := uint32(dir.Fd())
	if err := sys.ProgAttach(&sys.ProgAttachAttr{Target: target, ProgFD: prog.Uint32(),
		AttachType: uapi.AttachCgroupInetEgress, Flags: uapi.FAllowMulti}); err != nil {
		t.Fatal(err)
	}
	ids := make([]uint32, 4)
	q := sys.ProgQueryAttr{Target: target, AttachType: uapi.AttachCgroupInetEgress,
		ProgIDs: sys.Slice(ids), Count: 4}
	info, err := sys.ProgInfoByFD(prog.Int())
	if err != nil {
		t.Fatal(err)
	}
	if err := sys.ProgQuery(&q); err != nil || q.Count != 1 || ids[0] != info.ID ||
		q.AttachFlags != uapi.FAllowMulti {
		t.Errorf("%v: %d programs %v, flags %#x", err, q.Count, ids, q.AttachFlags)
	}
	var want []struct{ ID uint32 }
	bpftool(t, &want, "cgroup", "show", dir.Name())
	if len(want) != 1 || want[0].ID != info.ID {
		t.Errorf("bpftool: %v", want)
	}
	link, err := sys.LinkCreate(&sys.LinkCreateAttr{ProgFD: other.Uint32(), Target: target,
		AttachType: uapi.AttachCgroupInetEgress})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	detail := sys.CgroupInfo{}
	if li, err := sys.LinkDetailByFD(link.Int(), &detail); err != nil ||
		li.Type != uapi.LinkCgroup || detail.AttachType != uapi.AttachCgroupInetEgress ||
		detail.CgroupID == 0 {
		t.Errorf("%v: %+v %+v", err, li, detail)
	}
	if err := sys.LinkUpdate(&sys.LinkUpdateAttr{LinkFD: link.Uint32(), New: prog.Uint32(),
		Flags: uapi.FReplace, Old: prog.Uint32()}); !errors.Is(err, syscall.EPERM) {
		t.Errorf("update expecting the wrong program: %v", err)
	}
	if err := sys.LinkUpdate(&sys.LinkUpdateAttr{LinkFD: link.Uint32(), New: prog.Uint32(),
		Flags: uapi.FReplace, Old: other.Uint32()}); err != nil {
		t.Errorf("update: %v", err)
	}
	if err := sys.LinkDetach(link.Int()); err != nil {
		t.Errorf("detach link: %v", err)
	}
	if err := sys.ProgDetach(&sys.ProgAttachAttr{Target: target, ProgFD: prog.Uint32(),
		AttachType: uapi.AttachCgroupInetEgress}); err != nil {
		t.Errorf("detach: %v", err)
	}
	if err := sys.ProgDetach(&sys.ProgAttachAttr{Target: target, ProgFD: prog.Uint32(),
		AttachType: uapi.AttachCgroupInetEgress}); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("second detach: %v", err)
	}
}

func TestXDPAndTCXLinks(t *testing.T) {
	testkit.Netns(t)
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	prog, count := counter(t, uapi.ProgXDP, 0, 0, 2)
	link, err := sys.LinkCreate(&sys.LinkCreateAttr{ProgFD: prog.Uint32(), Target: uint32(lo.Index),
		AttachType: uapi.AttachXDP, Flags: unix.XDP_FLAGS_SKB_MODE})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	ping(t)
	if count() == 0 {
		t.Error("no packet seen")
	}
	detail := sys.IfaceInfo{}
	if li, err := sys.LinkDetailByFD(link.Int(), &detail); err != nil || li.Type != uapi.LinkXDP ||
		detail.IfIndex != uint32(lo.Index) {
		t.Errorf("%v: %+v %+v", err, li, detail)
	}
	testkit.Kernel(t, "6.6")
	cls, clsCount := counter(t, uapi.ProgSchedCls, 0, 0, 0)
	first, err := sys.LinkCreate(&sys.LinkCreateAttr{ProgFD: cls.Uint32(), Target: uint32(lo.Index),
		AttachType: uapi.AttachTCXIngress})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	info, err := sys.LinkInfoByFD(first.Int())
	if err != nil {
		t.Fatal(err)
	}
	ahead, _ := counter(t, uapi.ProgSchedCls, 0, 0, -1) // TCX_NEXT
	second, err := sys.LinkCreate(&sys.LinkCreateAttr{ProgFD: ahead.Uint32(),
		Target: uint32(lo.Index), AttachType: uapi.AttachTCXIngress,
		Flags:  uapi.FBefore | uapi.FAnchorLink | uapi.FID,
		Detail: &sys.LinkAnchor{Relative: info.ID, ExpectedRevision: 2}})
	if err != nil {
		t.Fatalf("before link %d: %v", info.ID, err)
	}
	defer second.Close()
	ping(t)
	if clsCount() == 0 {
		t.Error("tcx saw no packet")
	}
	linkIDs := make([]uint32, 4)
	q := sys.ProgQueryAttr{Target: uint32(lo.Index), AttachType: uapi.AttachTCXIngress,
		LinkIDs: sys.Slice(linkIDs), Count: 4}
	q.ProgIDs = sys.Slice(make([]uint32, 4))
	if err := sys.ProgQuery(&q); err != nil || q.Count != 2 || linkIDs[1] != info.ID ||
		q.Revision != 3 {
		t.Errorf("%v: %d links %v, revision %d", err, q.Count, linkIDs, q.Revision)
	}
}

// ping sends a datagram to nobody over loopback.
func ping(t *testing.T) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, []byte("ping"),
		0, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
}

func TestUprobeMultiDetail(t *testing.T) {
	testkit.Kernel(t, "6.6")
	prog, _ := counter(t, uapi.ProgKprobe, 0, uapi.AttachTraceUprobeMulti, 0)
	want := []uint64{textOffset(t, syscall.Getpagesize), textOffset(t, os.Getpagesize)}
	path, err := sys.CString("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	link, err := sys.LinkCreate(
		&sys.LinkCreateAttr{ProgFD: prog.Uint32(), AttachType: uapi.AttachTraceUprobeMulti,
			Detail: &sys.LinkUprobeMulti{Path: path, Offsets: sys.Slice(want),
				Cookies: sys.Slice([]uint64{5, 6}), Count: 2}})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	testkit.Kernel(t, "6.8")
	offsets, cookies, name := make([]uint64, 2), make([]uint64, 2), make([]byte, 4096)
	d := sys.UprobeMultiInfo{Path: sys.Slice(name), PathSize: 4096, Offsets: sys.Slice(offsets),
		Cookies: sys.Slice(cookies), Count: 2}
	if _, err := sys.LinkDetailByFD(link.Int(), &d); err != nil || d.Count != 2 ||
		offsets[1] != want[1] || cookies[0] != 5 {
		t.Errorf("%v: %+v %v %v", err, d, offsets, cookies)
	}
	if exe, err := os.Executable(); err != nil || !strings.HasPrefix(string(name), exe+"\x00") {
		t.Errorf("path %.80q, %v", name, err)
	}
}

func TestToken(t *testing.T) {
	testkit.Kernel(t, "6.9")
	dir, err := os.Open(testkit.BPFFS(t))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	// bpffs mounted in the initial user namespace: the kernel refuses a token for those who need
	// none.
	if _, err := sys.TokenCreate(int(dir.Fd()), 0); !errors.Is(err, syscall.EINVAL) &&
		!errors.Is(err, syscall.EOPNOTSUPP) {
		t.Errorf("%v", err)
	}
}
