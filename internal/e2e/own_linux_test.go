package e2e

import (
	"github.com/purebpf/bpf"

	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// runLen runs a packet program on a packet of n bytes and returns its result.
func runLen(t testing.TB, obj *bpf.Object, program string, n int) uint32 {
	t.Helper()
	r, err := obj.Program(program).Run(&bpf.RunOptions{Data: make([]byte, n)})
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return r.Return
}

// TestAllocatedObjects runs programs that keep objects of their own in a list, a tree and a map.
// The oracle is the kernel: the same objects come out, in the order of the list and the tree.
func TestAllocatedObjects(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.6")
	obj := load(t, only(open(t, "allocated"), "list_push", "list_pop", "tree_add",
		"tree_remove", "keep"), nil)
	for _, tc := range []struct {
		in, out string
		want    []uint32
	}{
		{"list_push", "list_pop", []uint32{90, 60, 75, 0}},
		{"tree_add", "tree_remove", []uint32{60, 75, 90, 0}},
	} {
		for _, n := range []int{90, 60, 75} {
			if r := runLen(t, obj, tc.in, n); r != 0 {
				t.Errorf("%s(%d) returns %d", tc.in, n, int32(r))
			}
		}
		for _, want := range tc.want {
			if got := runLen(t, obj, tc.out, 64); got != want {
				t.Errorf("%s returns %d, want %d", tc.out, got, want)
			}
		}
	}
	if a, b, c := runLen(t, obj, "keep", 70), runLen(t, obj, "keep", 80),
		runLen(t, obj, "keep", 64); a != 0 || b != 70 || c != 80 {
		t.Errorf("keep returns %d, %d, %d, want 0, 70, 80", a, b, c)
	}
}

// TestExceptions throws, with a callback and without. The oracle is the kernel: the program returns
// the callback's result for the cookie, or the cookie itself.
func TestExceptions(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.7")
	obj, err := bpf.Load(only(open(t, "allocated"), "throws", "throws_handled"), nil)
	if errors.Is(err, bpf.ErrNotSupported) {
		testkit.Skip(t, "this kernel was built without what unwinds BPF stacks: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	for _, tc := range []struct {
		program string
		n       int
		want    uint32
	}{{"throws", 64, 2}, {"throws", 120, 120}, {"throws_handled", 64, 2},
		{"throws_handled", 120, 1120}} {
		if got := runLen(t, obj, tc.program, tc.n); got != tc.want {
			t.Errorf("%s(%d) returns %d, want %d", tc.program, tc.n, got, tc.want)
		}
	}
}

// loadAttrs records the attributes of BPF_PROG_LOAD, by program name, and loads a harmless program
// instead.
type loadAttrs struct {
	funnel.Kernel
	seen map[string]sys.ProgLoadAttr
}

func (k *loadAttrs) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	if cmd != uapi.CmdProgLoad {
		return k.Kernel.BPF(cmd, attr, size, common)
	}
	a := *(*sys.ProgLoadAttr)(attr)
	if name := a.Name.String(); a.Type == uapi.ProgTracing || a.Type == uapi.ProgLSM {
		k.seen[name] = a
		a.Type, a.ExpectedAttachType, a.AttachBTFID, a.Flags, a.BTFFD, a.FuncInfoCnt,
			a.LineInfoCnt = uapi.ProgSocketFilter, 0, 0, 0, 0, 0, 0
		a.FuncInfoRecSize, a.LineInfoRecSize = 0, 0
		a.FuncInfo, a.LineInfo = sys.Pointer{}, sys.Pointer{}
	}
	return k.Kernel.BPF(cmd, unsafe.Pointer(&a), size, common)
}

// TestSessions checks the requests for programs of kinds that this kernel may lack. The oracle is
// the UAPI header, with which package uapi is compared, and the kernel's BTF.
func TestSessions(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	vmlinux, err := kernel.Running().BTF()
	if err != nil {
		t.Fatal(err)
	}
	record := &loadAttrs{Kernel: funnel.Kernel{}, seen: map[string]sys.ProgLoadAttr{}}
	restore := funnel.Replace(record)
	obj, err := bpf.Load(open(t, "sessions"), nil)
	restore()
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	for _, tc := range []struct {
		program, target string
		typ             uapi.ProgType
		attach          uapi.AttachType
		flags           uapi.ProgFlags
	}{
		{"session", "vfs_read", uapi.ProgTracing, uapi.AttachTraceFsession, 0},
		{"session_sleepable"[:15], "vfs_write", uapi.ProgTracing, uapi.AttachTraceFsession,
			uapi.FSleepable},
		{"bind", "bpf_lsm_socket_bind", uapi.ProgLSM, uapi.AttachLSMCgroup, 0},
	} {
		id, _ := vmlinux.FindByName(tc.target, btf.KindFunc)
		a, ok := record.seen[tc.program]
		if !ok || id == 0 || a.Type != tc.typ || a.ExpectedAttachType != tc.attach ||
			a.AttachBTFID != uint32(id) || a.Flags != tc.flags || a.AttachFD != 0 {
			t.Errorf("%s: %+v, want type %v, attach type %v, target %d, flags %#x",
				tc.program, a, tc.typ, tc.attach, id, tc.flags)
		}
	}
}

// TestKconfigValues loads plan/testdata/kconfig.o and compares the values in the kernel with its
// configuration from /proc/config.gz or /boot/config.
func TestKconfigValues(t *testing.T) {
	testkit.Root(t)
	text, err := kernel.Running().Kconfig()
	if err != nil {
		t.Fatal(err)
	}
	config := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			config[name] = value
		}
	}
	testkit.LittleEndian(t)
	o, err := bpf.Open("../../plan/testdata/kconfig.o", nil)
	if err != nil {
		t.Fatal(err)
	}
	obj := load(t, o, nil)
	m := obj.Map(".kconfig")
	value, err := m.LookupBytes(make([]byte, 4))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, e := range o.Externs {
		raw := value[e.Offset:][:e.Size]
		var got string
		switch e.Type {
		case object.KconfigBool:
			got = map[byte]string{0: "", 1: "y"}[raw[0]]
		case object.KconfigTristate:
			got = []string{"", "y", "m"}[raw[0]]
		case object.KconfigCharArray:
			if s := string(bytes.TrimRight(raw, "\x00")); s != "" {
				got = strconv.Quote(s)
			}
		case object.KconfigInt:
			var n uint64
			for i := len(raw) - 1; i >= 0; i-- {
				n = n<<8 | uint64(raw[i])
			}
			if n != 0 {
				got = fmt.Sprint(n)
			}
		default:
			continue
		}
		want := config[e.Name]
		switch e.Name {
		case "LINUX_KERNEL_VERSION":
			want = fmt.Sprint(kernel.Running().Version())
		case "LINUX_HAS_BPF_COOKIE":
			want = "y" // 5.15
		case "LINUX_HAS_SYSCALL_WRAPPER":
			symbols, err := os.ReadFile("/proc/kallsyms")
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(symbols, []byte(" "+kernel.SyscallPrefix()+"sys_bpf\n")) &&
				kernelHasKprobes(t) {
				want = "y"
			}
		}
		if got != want {
			t.Errorf("%s is %q, want %q", e.Name, got, want)
		}
		if want != "" {
			seen++
		}
	}
	if seen < 4 {
		t.Errorf("only %d externs have a value", seen)
	}
}

// kernelHasKprobes reports whether the kernel has kprobes: without them nobody can detect system
// call wrappers, nor needs to.
func kernelHasKprobes(t testing.TB) bool {
	t.Helper()
	_, err := os.Stat("/sys/bus/event_source/devices/kprobe")
	return err == nil
}

// TestOwnMaps loads object/testdata/maps.o, whose definitions have every field, and queries the
// kernel. Rings have a power of two of pages, a perf array one slot for each possible CPU (oracle:
// /sys/devices/system/cpu/possible), the rest is as in the source.
func TestOwnMaps(t *testing.T) {
	testkit.Root(t)
	path := "../../object/testdata/maps.o"
	if runtime.GOARCH == "s390x" {
		path = "../../object/testdata/maps-be.o"
	}
	o, err := bpf.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Map("ring_0").Autocreate = false // the kernel requires a size
	o.Map("hash").NumaNode = 0         // the one node that every machine has
	o.Map("progs").Values = nil        // of two types, which no program array accepts
	obj := load(t, o, &bpf.LoadOptions{SkipPins: true})
	page := uint32(os.Getpagesize())
	possible, err := os.ReadFile("/sys/devices/system/cpu/possible")
	if err != nil {
		t.Fatal(err)
	}
	_, last, many := strings.Cut(strings.TrimSpace(string(possible)), "-")
	cpus := 1
	if many {
		if cpus, err = strconv.Atoi(last); err != nil {
			t.Fatal(err)
		}
		cpus++
	}
	for name, want := range map[string]uint32{
		"ring_4096": page, "ring_5000": 2 * page, "ring_1": page, "ring_user": 4 * page,
		"events": uint32(cpus), "weak_map": 7, "hash": 100,
		"outer": 5, "bloom": 100,
	} {
		if page != 4096 && strings.HasPrefix(name, "ring") {
			continue
		}
		info, err := obj.Map(name).Info()
		if err != nil || info.MaxEntries != want {
			t.Errorf("%s: max_entries %+v, %v, want %d", name, info, err, want)
		}
	}
	info, err := sys.MapInfoByFD(obj.Map("hash").FD())
	if err != nil || info.Flags&uapi.FNumaNode == 0 {
		t.Errorf("hash: %+v, %v, want BPF_F_NUMA_NODE", info, err)
	}
	for name, want := range map[string]uint64{"bloom": 3, "bloom_long": 5} {
		if info, err := sys.MapInfoByFD(obj.Map(name).FD()); err != nil || info.MapExtra != want {
			t.Errorf("%s: %+v, %v, want map_extra %d", name, info, err, want)
		}
	}
	// A node that doesn't exist is refused: the field reaches the kernel.
	o.Map("hash").NumaNode = 1000
	if _, err := bpf.Load(o, &bpf.LoadOptions{SkipPins: true}); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "hash") {
		t.Errorf("a map on NUMA node 1000: %v", err)
	}
}

// TestStructOpsFlavours registers congestion controls whose type is a flavour of the kernel's, with
// members in another order, one that the kernel lacks, and programs that two maps share. The oracle
// is the kernel's list of congestion controls.
func TestStructOpsFlavours(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.4")
	available := func(name string) bool {
		text, err := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
		if err != nil {
			t.Fatal(err)
		}
		for _, have := range strings.Fields(string(text)) {
			if have == name {
				return true
			}
		}
		return false
	}
	o := open(t, "flavour")
	for _, on := range []bool{false, true} {
		o.Map("optional").Autocreate = on
		obj := load(t, o, nil)
		links, err := obj.Attach()
		if err != nil {
			t.Fatal(err)
		}
		if available("purebpf_mine") != on || !available("purebpf_too") {
			t.Errorf("optional %v: %d links, purebpf_mine %v, purebpf_too %v",
				on, len(links), available("purebpf_mine"), available("purebpf_too"))
		}
		if err := obj.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// Values can be changed before loading: the name comes first in the local type, a program can
	// be removed.
	o.Map("optional").Autocreate = false
	copy(o.Map("second").Contents, "purebpf_new\x00")
	obj := load(t, o, nil)
	if _, err := obj.Attach(); err != nil {
		t.Fatal(err)
	}
	if !available("purebpf_new") {
		t.Error("a changed name did not arrive")
	}
	for i := range o.Map("second").StructOps.Slots {
		if s := &o.Map("second").StructOps.Slots[i]; s.Program.Name == "ssthresh" {
			s.Program = nil
		}
	}
	without := load(t, o, nil)
	if p := without.Program("ssthresh"); p.Loaded() {
		t.Error("a program that was taken out of its only slot was loaded")
	}
	if _, err := without.Map("second").AttachStructOps(); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("the kernel takes a congestion control without ssthresh: %v", err)
	}
}
