package e2e

import (
	"github.com/purebpf/bpf"

	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// fprobes skips on a kernel that was built without fprobes.
func fprobes(t testing.TB) {
	t.Helper()
	kprobes(t)
	if !configured(t, "CONFIG_FPROBE") {
		testkit.Skip(t, "the kernel was built without CONFIG_FPROBE")
	}
}

// tallied returns how often the programs of obj ran, by the address of the function.
func tallied(t testing.TB, obj *bpf.Object) map[uint64]hit {
	t.Helper()
	m, err := bpf.MapOf[uint64, hit](obj.Map("hits"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[uint64]hit{}
	it := m.Iterate()
	for ip, h := range it.All() {
		all[ip] = h
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// countOf returns how often the function at address ran. A kernel with CONFIG_X86_KERNEL_IBT
// reports addresses after the endbr64.
func countOf(all map[uint64]hit, address uint64) (n hit) {
	for ip, h := range all {
		if ip >= address && ip-address <= 4 {
			n.Count, n.Cookie = n.Count+h.Count, h.Cookie
		}
	}
	return n
}

// functionsOf asks the kernel how many functions a link is attached to.
func functionsOf(t testing.TB, l *bpf.Link) int {
	t.Helper()
	var d sys.KprobeMultiInfo
	info, err := sys.LinkDetailByFD(l.FD(), &d)
	if err != nil {
		t.Fatal(err)
	}
	if info.Type != uapi.LinkKprobeMulti {
		t.Errorf("%v is of type %v", l, info.Type)
	}
	return int(d.Count)
}

// filterFunctions reads the names of available_filter_functions.
func filterFunctions(t testing.TB, keep func(name string) bool) (names []string) {
	t.Helper()
	text, err := os.ReadFile(testkit.Tracefs(t) + "/available_filter_functions")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name := strings.Fields(line)[0]; keep(name) {
			names = append(names, name)
		}
	}
	return names
}

// TestKprobeMultiAuto attaches by section; the oracles are the system calls and /proc/kallsyms.
func TestKprobeMultiAuto(t *testing.T) {
	fprobes(t)
	address := kallsyms(t, kernel.SyscallPrefix()+"sys_getpgid")[0]
	for _, name := range []string{"multi_auto", "multi_return"} {
		obj := kprobeObject(t, name)
		l, err := obj.Program(name).Attach()
		if err != nil {
			t.Fatal(err)
		}
		getpgid(9)
		if n := countOf(tallied(t, obj), address); n.Count != 9 {
			t.Errorf("%v: 9 system calls, counted %d", l, n.Count)
		}
		closeLink(t, l)
		getpgid(9)
		if n := countOf(tallied(t, obj), address); n.Count != 9 {
			t.Errorf("%v: it runs after it was detached", l)
		}
	}
}

// TestKprobeMultiCookies attaches by names and by addresses, each with a cookie that the program
// sees.
func TestKprobeMultiCookies(t *testing.T) {
	fprobes(t)
	prefix := kernel.SyscallPrefix()
	names := []string{prefix + "sys_getpriority", "find_task_by_vpid", prefix + "sys_getpgid"}
	cookies := []uint64{100, 200, 300}
	addresses := make([]uint64, len(names))
	for i, name := range names {
		addresses[i] = kallsyms(t, name)[0]
	}
	for _, o := range []bpf.KprobeList{{Symbols: names}, {Addresses: addresses},
		{Symbols: names, When: bpf.AtReturn}} {
		o.Cookies = cookies
		obj := kprobeObject(t, "multi")
		l, err := obj.Program("multi").AttachKprobeList(o)
		if err != nil {
			t.Errorf("%+v: %v", o, err)
			continue
		}
		if n := functionsOf(t, l); n != len(names) {
			t.Errorf("%v: attached to %d functions", l, n)
		}
		getpgid(2)
		getpriority()
		closeLink(t, l)
		all := tallied(t, obj)
		for i, want := range []uint64{1, 2, 2} {
			if got := countOf(all, addresses[i]); got.Cookie != cookies[i] || got.Count < want {
				t.Errorf("%v: %s: %+v, want %d and cookie %d", l, names[i], got, want, cookies[i])
			}
		}
	}
}

// TestKprobeSession: the program sees entry and return, and may skip the return.
func TestKprobeSession(t *testing.T) {
	fprobes(t)
	testkit.Kernel(t, "6.10")
	for _, skip := range []int32{0, 1} {
		obj := objectOfThread(t, "kprobe_session", "session")
		if err := obj.Variable("session_skip_return").Set(skip); err != nil {
			t.Fatal(err)
		}
		l, err := obj.Program("session").Attach()
		if err != nil {
			t.Fatal(err)
		}
		entries, returns := counter(t, obj, "session_entries"), counter(t, obj, "session_returns")
		*entries, *returns = 0, 0
		getpgid(6)
		if in, out := *entries, *returns; in != 6 || out != uint64(6*(1-skip)) {
			t.Errorf("6 system calls: %d entries, %d returns with %d returned at entry",
				in, out, skip)
		}
		closeLink(t, l)
	}
}

// connectTCP makes a connection over the loopback and sends data.
func connectTCP(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	to := &unix.SockaddrInet4{Port: listener.Addr().(*net.TCPAddr).Port,
		Addr: [4]byte{127, 0, 0, 1}}
	if err := unix.Connect(s, to); err != nil {
		t.Fatal(err)
	}
	if err := unix.Send(s, []byte("hello"), 0); err != nil {
		t.Fatal(err)
	}
}

// TestKprobeMultiTCP attaches to every function that matches "tcp_*". The oracles: the kernel's own
// list of functions has as many, the addresses found are those of /proc/kallsyms, and a connection
// runs through those that it must.
func TestKprobeMultiTCP(t *testing.T) {
	fprobes(t)
	want := filterFunctions(t, func(name string) bool { return strings.HasPrefix(name, "tcp_") })
	obj := kprobeObject(t, "multi")
	start := time.Now()
	l, err := obj.Program("multi").AttachKprobeMulti("tcp_*", nil)
	took := time.Since(start)
	if err != nil {
		t.Fatal(err)
	}
	if n := functionsOf(t, l); n != len(want) || n < 100 {
		t.Errorf("attached to %d functions, the kernel lists %d", n, len(want))
	}
	connectTCP(t)
	start = time.Now()
	closeLink(t, l)
	t.Logf("tcp_*: %d functions attached in %v, detached in %v", len(want), took, time.Since(start))
	all := tallied(t, obj)
	for _, name := range []string{"tcp_v4_connect", "tcp_connect", "tcp_sendmsg", "tcp_close"} {
		if countOf(all, kallsyms(t, name)[0]).Count == 0 {
			t.Errorf("a connection without %s", name)
		}
	}
}

// coldPrefixes are prefixes of functions that hardly run on a machine that does nothing but this
// test.
var coldPrefixes = []string{"acpi_", "pci_", "ext4_", "ZSTD_", "tcp_", "nvme_", "devlink_", "fuse_",
	"xen_", "selinux_", "crypto_", "intel_", "nf_", "mptcp_",
	"tomoyo_", "xfrm_", "cxl_", "aa_", "inet_", "quirk_", "iommu_", "input_", "netdev_", "ima_",
	"ip6_", "audit_", "amd_", "damon_", "ipv6_", "jbd2_",
	"udp_", "scsi_", "ata_", "usb_", "__x64_sys_", "__ia32_sys_", "__ia32_compat_sys_", "devm_",
	"device_", "sock_", "proc_", "btf_", "blk_"}

// coldFunctions returns n functions whose names are unique.
func coldFunctions(t testing.TB, n int) []string {
	t.Helper()
	text, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	for line := range bytes.Lines(text) {
		times[string(bytes.Fields(line)[2])]++
	}
	names := filterFunctions(t, func(name string) bool {
		return times[name] == 1 && slices.ContainsFunc(coldPrefixes, func(prefix string) bool {
			return strings.HasPrefix(name, prefix)
		})
	})
	if len(names) < n {
		t.Fatalf("only %d functions fit", len(names))
	}
	return names[:n]
}

// TestKprobeMultiThousands attaches to 5,000 functions by name and by address; the oracle is the
// kernel's count of them.
func TestKprobeMultiThousands(t *testing.T) {
	fprobes(t)
	names := coldFunctions(t, 5000)
	where := make([]uint64, len(names))
	index := make(map[string]int, len(names))
	for i, name := range names {
		index[name] = i
	}
	text, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) >= 3 {
			if i, ok := index[f[2]]; ok {
				if _, err := fmt.Sscanf(f[0], "%x", &where[i]); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	obj := kprobeObject(t, "multi")
	for _, o := range []bpf.KprobeList{{Symbols: names}, {Addresses: where}} {
		start := time.Now()
		l, err := obj.Program("multi").AttachKprobeList(o)
		if err != nil {
			t.Fatal(err)
		}
		attached := time.Since(start)
		if n := functionsOf(t, l); n != len(names) {
			t.Errorf("%v: attached to %d", l, n)
		}
		start = time.Now()
		closeLink(t, l)
		t.Logf("5000 functions (%d names, %d addresses): attached in %v, detached in %v",
			len(o.Symbols), len(o.Addresses), attached, time.Since(start))
	}
}

// TestKprobeMultiErrors: refusals, and their errors.
func TestKprobeMultiErrors(t *testing.T) {
	fprobes(t)
	obj := kprobeObject(t, "multi", "by_hand")
	p := obj.Program("multi")
	for _, c := range []struct {
		what    string
		pattern string
		opts    bpf.KprobeMultiOptions
		list    bpf.KprobeList // if there is no pattern
		is      error
		says    string
	}{
		{"no such function", "find_task_by_vpit", bpf.KprobeMultiOptions{}, bpf.KprobeList{},
			bpf.ErrNotExist,
			"near: find_task_by_vpid"},
		{"one of several", "", bpf.KprobeMultiOptions{},
			bpf.KprobeList{Symbols: []string{"tcp_connect", "tcp_conect", "zzzz"}},
			bpf.ErrNotExist,
			"tcp_conect, the first of 2 such names"},
		{"nothing matches", "zzzzz*", bpf.KprobeMultiOptions{}, bpf.KprobeList{}, bpf.ErrNotExist,
			"no function"},
		{"several match", "tcp_*", bpf.KprobeMultiOptions{UniqueMatch: true}, bpf.KprobeList{},
			syscall.EINVAL,
			"functions match"},
		{"none matches", "zzzz", bpf.KprobeMultiOptions{UniqueMatch: true}, bpf.KprobeList{},
			bpf.ErrNotExist,
			"no function"},
		{"a near one", "find_task_by_vpit", bpf.KprobeMultiOptions{UniqueMatch: true},
			bpf.KprobeList{},
			bpf.ErrNotExist,
			"near: find_task_by_vpid"},
		{"an address that is no function", "", bpf.KprobeMultiOptions{},
			bpf.KprobeList{Addresses: []uint64{4096}},
			nil,
			""},
		{"another program", "tcp_connect", bpf.KprobeMultiOptions{When: bpf.InSession},
			bpf.KprobeList{}, syscall.EINVAL,
			"kprobe.session"},
	} {
		l, err := p.AttachKprobeMulti(c.pattern, &c.opts)
		if c.pattern == "" {
			l, err = p.AttachKprobeList(c.list)
		}
		if err == nil {
			t.Errorf("%s: attached %v", c.what, l)
			l.Close()
			continue
		}
		t.Logf("%s: %v", c.what, err)
		if c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v: want %v and %q", c.what, err, c.is, c.says)
		}
	}
	if _, err := obj.Program("by_hand").AttachKprobeMulti(
		"tcp_connect", nil); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "not loaded with attach type") {
		t.Errorf("a program that was not loaded for it: %v", err)
	}
	l, err := p.AttachKprobeMulti("find_task_by_vpid", &bpf.KprobeMultiOptions{UniqueMatch: true})
	if err != nil {
		t.Fatal(err)
	}
	closeLink(t, l)
}

// TestKprobeMultiModule attaches to a function of a module, by its name and by a pattern; the
// oracle is the packets that go through it.
func TestKprobeMultiModule(t *testing.T) {
	fprobes(t)
	send := dummyDevice(t)
	address := kallsyms(t, "dummy_xmit")[0]
	for _, pattern := range []string{"dummy_xmit", "dummy_xmi?"} {
		obj := kprobeObject(t, "multi")
		l, err := obj.Program("multi").AttachKprobeMulti(pattern, nil)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		send()
		closeLink(t, l)
		send()
		if n := countOf(tallied(t, obj), address).Count; n != 3 {
			t.Errorf("%v: 3 packets, %d runs", l, n)
		}
	}
}

// TestKprobeMultiWithout: on a kernel that was built without fprobes the error names what it lacks.
func TestKprobeMultiWithout(t *testing.T) {
	kprobes(t)
	if configured(t, "CONFIG_FPROBE") {
		testkit.Skip(t, "the kernel has fprobes")
	}
	obj := kprobeObject(t, "multi", "multi_auto")
	_, err := obj.Program("multi").AttachKprobeMulti("find_task_by_vpid", nil)
	t.Log(err)
	if !errors.Is(err, bpf.ErrNotSupported) || !strings.Contains(err.Error(), "CONFIG_FPROBE") {
		t.Error(err)
	}
	if _, err := obj.Attach(); !errors.Is(err, bpf.ErrNotSupported) {
		t.Errorf("the object: %v", err)
	}
}
