package e2e

import (
	"github.com/purebpf/bpf"

	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// hit is struct hit of testdata/kprobe.bpf.c.
type hit struct{ Count, Cookie, IP uint64 }

// configured reports whether the kernel was built with an option, by its own configuration: a test
// doesn't skip because something fails.
func configured(t testing.TB, option string) bool {
	t.Helper()
	text, err := kernel.Running().Kconfig()
	if err != nil {
		t.Fatalf("the kernel's configuration: %v", err)
	}
	return bytes.Contains(text, []byte("\n"+option+"=y\n"))
}

// kprobes skips on a kernel that was built without kprobes.
func kprobes(t testing.TB) {
	t.Helper()
	testkit.Root(t)
	testkit.Tracefs(t)
	if !configured(t, "CONFIG_KPROBE_EVENTS") {
		testkit.Skip(t, "the kernel was built without CONFIG_KPROBE_EVENTS")
	}
}

// kprobeObject loads the named programs of testdata/kprobe.bpf.o, which count what this thread
// does.
func kprobeObject(t testing.TB, names ...string) *bpf.Object {
	t.Helper()
	return objectOfThread(t, "kprobe", names...)
}

// objectOfThread loads an object whose programs look at one thread only: the test's.
func objectOfThread(t testing.TB, file string, names ...string) *bpf.Object {
	t.Helper()
	testkit.Root(t)
	obj := load(t, only(open(t, file), names...), nil)
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	if err := obj.Variable("only_tid").Set(uint32(unix.Gettid())); err != nil {
		t.Fatal(err)
	}
	return obj
}

func hitOf(t testing.TB, obj *bpf.Object, program string) *hit {
	t.Helper()
	h, err := bpf.VarOf[hit](obj.Variable(program + "_hit"))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// getpgid makes the system call n times; each goes through find_task_by_vpid once.
func getpgid(n int) {
	for range n {
		unix.Getpgid(os.Getpid())
	}
}

// kallsyms returns the addresses of a symbol in /proc/kallsyms.
func kallsyms(t testing.TB, name string) (list []uint64) {
	t.Helper()
	text, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) >= 3 && f[2] == name {
			address, err := strconv.ParseUint(f[0], 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, address)
		}
	}
	return list
}

func closeLink(t testing.TB, l *bpf.Link) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestKprobeAuto attaches kprobe, kretprobe, ksyscall and kretsyscall by section. The oracles are
// the system calls that the test makes and the address in /proc/kallsyms.
func TestKprobeAuto(t *testing.T) {
	kprobes(t)
	programs := []string{"entered", "returned", "called", "call_returned"}
	obj := kprobeObject(t, append(programs, "by_hand")...)
	links, err := obj.Attach()
	if err != nil {
		t.Fatal(err)
	}
	if len(links) != len(programs) {
		t.Errorf("attached %v", links)
	}
	var hits []*hit
	for _, name := range programs {
		hits = append(hits, hitOf(t, obj, name))
	}
	for _, h := range hits {
		*h = hit{}
	}
	getpgid(7)
	var counts [4]uint64
	for i, h := range hits {
		counts[i] = h.Count
	}
	for i, count := range counts {
		if count != 7 {
			t.Errorf("%s ran %d times in 7 system calls", programs[i], count)
		}
	}
	if err := links.Close(); err != nil {
		t.Error(err)
	}
	for _, h := range hits {
		h.Count = 0
	}
	getpgid(3)
	entry := kallsyms(t, "find_task_by_vpid")
	for i, name := range programs {
		h := hits[i]
		if h.Count != 0 {
			t.Errorf("%s ran %d times after it was detached", name, h.Count)
		}
		// the kernel counts from after an endbr64
		if name == "entered" && (len(entry) != 1 || h.IP-entry[0] > 4) {
			t.Errorf("%s ran at %#x, find_task_by_vpid is at %#x", name, h.IP, entry)
		}
	}
	for _, n := range obj.NotAttached() {
		if n.Program.Loaded() && n.Program.Name() != "by_hand" {
			t.Errorf("%s was not attached: %s", n.Program, n.Reason)
		}
	}
}

// TestKprobeModes attaches in each mode, plain and with a cookie, as kprobe and kretprobe. The
// oracles are the system calls, the program's own view of its cookie, the kernel's list of events
// in tracefs, and its links.
func TestKprobeModes(t *testing.T) {
	kprobes(t)
	obj := kprobeObject(t, "by_hand")
	p, h := obj.Program("by_hand"), hitOf(t, obj, "by_hand")
	tracefs := testkit.Tracefs(t)
	symbol := kernel.SyscallPrefix() + "sys_getpgid"
	for _, mode := range []bpf.ProbeMode{bpf.ProbeDefault, bpf.ProbeLegacy, bpf.ProbePerf,
		bpf.ProbeLink} {
		for _, ret := range []bool{false, true} {
			*h = hit{}
			linked := mode == bpf.ProbeDefault || mode == bpf.ProbeLink
			o := bpf.KprobeOptions{Mode: mode, Return: ret}
			if linked {
				o.Cookie = 0xc0ffee + uint64(mode)
			}
			l, err := p.AttachKprobe(symbol, &o)
			if err != nil {
				t.Errorf("mode %v: %v", mode, err)
				continue
			}
			h.Count = 0
			getpgid(5)
			if h.Count != 5 || h.Cookie != o.Cookie {
				t.Errorf("%v: 5 system calls: %+v, cookie %#x", l, *h, o.Cookie)
			}
			if (l.FD() >= 0) != linked {
				t.Errorf("%v: mode %v: the link's descriptor is %d", l, mode, l.FD())
			}
			if listed := eventsOf(t, tracefs,
				"kprobe_events"); (len(listed) == 1) != (mode == bpf.ProbeLegacy) {
				t.Errorf("%v: events in tracefs while attached: %q", l, listed)
			}
			closeLink(t, l)
			h.Count = 0
			getpgid(5)
			if h.Count != 0 {
				t.Errorf("%v: it runs after it was detached", l)
			}
			if listed := eventsOf(t, tracefs, "kprobe_events"); len(listed) != 0 {
				t.Errorf("%v: events in tracefs after it was closed: %q", l, listed)
			}
		}
		if mode == bpf.ProbeLegacy || mode == bpf.ProbePerf {
			if _, err := p.AttachKprobe("find_task_by_vpid",
				&bpf.KprobeOptions{Mode: mode, Cookie: 1}); !errors.Is(err, bpf.ErrNotSupported) {
				t.Errorf("mode %v with a cookie: %v", mode, err)
			}
		}
	}
	if _, err := p.AttachKprobe(
		"find_task_by_vpid", &bpf.KprobeOptions{Mode: 9}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("mode 9: %v", err)
	}
}

// eventsOf lists the events of this library in a file of tracefs.
func eventsOf(t testing.TB, tracefs, file string) (list []string) {
	t.Helper()
	text, err := os.ReadFile(tracefs + "/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "/purebpf_") {
			list = append(list, strings.TrimSpace(line))
		}
	}
	return list
}

// TestKprobeOffset probes inside a function. C libbpf showed which offsets start an instruction in
// Debian's kernels.
func TestKprobeOffset(t *testing.T) {
	kprobes(t)
	obj := kprobeObject(t, "by_hand")
	p, h := obj.Program("by_hand"), hitOf(t, obj, "by_hand")
	prefix := kernel.SyscallPrefix()
	starts := map[uint64]bool{}
	for _, offset := range []uint64{4, 5, 9, 16} {
		for _, mode := range []bpf.ProbeMode{bpf.ProbeDefault, bpf.ProbeLegacy} {
			*h = hit{}
			l, err := p.AttachKprobe(prefix+"sys_getpgid",
				&bpf.KprobeOptions{Offset: offset, Mode: mode})
			if err != nil {
				// 6.1 answers EINVAL where it finds the function's end.
				if !errors.Is(err, syscall.EILSEQ) && !errors.Is(err, syscall.EINVAL) {
					t.Errorf("+%d: %v", offset, err)
				} else if want := fmt.Sprintf("no instruction starts at offset %d",
					offset); errors.Is(err, syscall.EILSEQ) &&
					!strings.Contains(err.Error(), want) {
					t.Errorf("+%d: %v doesn't say %q", offset, err, want)
				}
				continue
			}
			starts[offset] = true
			getpgid(3)
			closeLink(t, l)
			if h.Count != 3 {
				t.Errorf("+%d, mode %v: 3 system calls: %+v", offset, mode, *h)
			}
		}
	}
	want := ""
	switch release := testkit.KernelRelease(); {
	case runtime.GOARCH != "amd64":
	case strings.HasPrefix(release, "6.1."):
		want = "map[5:true]"
	case strings.HasPrefix(release, "6.12."):
		want = "map[4:true 9:true]"
	}
	if got := fmt.Sprint(starts); want != "" && got != want {
		t.Errorf("attached at %s, C libbpf attaches at %s", got, want)
	}
	if len(starts) == 0 {
		t.Error("no offset could be probed")
	}
}

// TestKprobeAddress probes an address from /proc/kallsyms.
func TestKprobeAddress(t *testing.T) {
	kprobes(t)
	obj := kprobeObject(t, "by_hand")
	p, h := obj.Program("by_hand"), hitOf(t, obj, "by_hand")
	address := kallsyms(t, kernel.SyscallPrefix()+"sys_getpgid")[0]
	l, err := p.AttachKprobe("", &bpf.KprobeOptions{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	h.Count = 0
	getpgid(4)
	count := h.Count
	closeLink(t, l)
	if count != 4 || h.IP-address > 4 {
		t.Errorf("%+v at %#x", *h, address)
	}
	if _, err := p.AttachKprobe(
		"", &bpf.KprobeOptions{Address: address,
			Mode: bpf.ProbeLegacy}); !errors.Is(err, bpf.ErrNotSupported) {
		t.Errorf("an address in mode legacy: %v", err)
	}
}

// TestKsyscallCookie attaches to a system call by hand.
func TestKsyscallCookie(t *testing.T) {
	kprobes(t)
	obj := kprobeObject(t, "by_hand")
	p, h := obj.Program("by_hand"), hitOf(t, obj, "by_hand")
	for _, ret := range []bool{false, true} {
		*h = hit{}
		l, err := p.AttachKsyscall("getpgid", &bpf.KsyscallOptions{Cookie: 77, Return: ret})
		if err != nil {
			t.Fatal(err)
		}
		getpgid(4)
		closeLink(t, l)
		if h.Count != 4 || h.Cookie != 77 {
			t.Errorf("%v: %+v", l, *h)
		}
	}
	_, err := p.AttachKsyscall("getpgit", nil)
	if !errors.Is(err, bpf.ErrNotExist) ||
		!strings.Contains(err.Error(), kernel.SyscallPrefix()+"sys_getpgid") {
		t.Errorf("a system call that isn't: %v", err)
	}
	if _, err := p.AttachKsyscall("", nil); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("no system call: %v", err)
	}
}

// TestStackTrace reads the stack that a kprobe saved; the oracle is /proc/kallsyms.
func TestStackTrace(t *testing.T) {
	kprobes(t)
	obj := kprobeObject(t, "stack")
	l, err := obj.Program("stack").AttachKprobe("find_task_by_vpid", nil)
	if err != nil {
		t.Fatal(err)
	}
	getpgid(1)
	closeLink(t, l)
	id, err := bpf.VarOf[int64](obj.Variable("stack_id"))
	if err != nil {
		t.Fatal(err)
	}
	if *id < 0 {
		t.Fatalf("bpf_get_stackid: %d", *id)
	}
	value := make([]byte, obj.Map("stacks").ValueSize())
	if err := obj.Map("stacks").Lookup(
		binary.NativeEndian.AppendUint32(nil, uint32(*id)), value); err != nil {
		t.Fatal(err)
	}
	var frames []uint64
	for at := 0; at < len(value); at += 8 {
		if ip := binary.NativeEndian.Uint64(value[at:]); ip != 0 {
			frames = append(frames, ip)
		}
	}
	if start := kallsyms(t, "find_task_by_vpid")[0]; len(frames) < 3 || frames[0] < start ||
		frames[0]-start > 64 {
		t.Errorf("stack %#x, find_task_by_vpid is at %#x", frames, start)
	}
}

// dummyDevice makes a device of the module dummy and returns a function that sends three packets
// through it, each by one call of dummy_xmit.
func dummyDevice(t *testing.T) (send func()) {
	t.Helper()
	if len(kallsyms(t, "dummy_xmit")) != 1 {
		testkit.Skip(t, "the module dummy is not loaded")
	}
	testkit.Netns(t)
	for _, args := range []string{"link add probed type dummy", "addr add 10.99.0.1/24 dev probed",
		"link set probed up"} {
		testkit.Run(t, "ip", strings.Fields(args)...)
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(s) })
	return func() {
		t.Helper()
		for range 3 {
			if err := unix.Sendto(s, []byte("x"),
				0, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{10, 99, 0, 2}}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestKprobeModule probes a function of a module, by its name alone and with the module's name, and
// sees packets through it.
func TestKprobeModule(t *testing.T) {
	kprobes(t)
	send := dummyDevice(t)
	obj := kprobeObject(t, "by_hand")
	h := hitOf(t, obj, "by_hand")
	for _, symbol := range []string{"dummy_xmit", "dummy:dummy_xmit"} {
		for _, mode := range []bpf.ProbeMode{bpf.ProbeDefault, bpf.ProbeLegacy} {
			*h = hit{}
			l, err := obj.Program("by_hand").AttachKprobe(symbol, &bpf.KprobeOptions{Mode: mode})
			if err != nil {
				t.Errorf("%s, mode %v: %v", symbol, mode, err)
				continue
			}
			send()
			closeLink(t, l)
			if h.Count != 3 {
				t.Errorf("%s, mode %v: 3 packets: %+v", symbol, mode, *h)
			}
		}
	}
	_, err := obj.Program("by_hand").AttachKprobe("veth:dummy_xmit", nil)
	if !errors.Is(err, bpf.ErrNotExist) ||
		!strings.Contains(err.Error(), "dummy has a function of that name") {
		t.Errorf("of another module: %v", err)
	}
}

// TestKprobesCloseConcurrently detaches many probes at once.
func TestKprobesCloseConcurrently(t *testing.T) {
	kprobes(t)
	obj := kprobeObject(t, "by_hand")
	attach := func() (links bpf.Links) {
		for range 40 {
			l, err := obj.Program("by_hand").AttachKprobe("find_task_by_vpid", nil)
			if err != nil {
				t.Fatal(errors.Join(err, links.Close()))
			}
			links = append(links, l)
		}
		return links
	}
	links := attach()
	start := time.Now()
	for _, l := range links {
		closeLink(t, l)
	}
	serial := time.Since(start)
	links = attach()
	start = time.Now()
	if err := links.Close(); err != nil {
		t.Error(err)
	}
	together := time.Since(start)
	t.Logf("40 kprobes detached one after the other in %v, together in %v", serial, together)
	if together > serial*3/2 { // much of the work is done under one lock of the kernel
		t.Errorf("together takes %v, one after the other %v", together, serial)
	}
}
