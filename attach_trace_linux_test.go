package bpf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// The oracles of this file: the system calls, packets and test runs that the tests make and what the programs saw of them, and bpftool.

// threadObject loads the named programs of an object of testdata whose programs act on one thread, which is the test's.
func threadObject(t testing.TB, file string, names ...string) *Object {
	t.Helper()
	return loadForThread(t, only(open(t, file), names...))
}

func loadForThread(t testing.TB, o *object.Object) *Object {
	t.Helper()
	testkit.Root(t)
	obj := load(t, o, nil)
	onThread(t, obj)
	return obj
}

// onThread keeps the test on its thread, and has the programs act on it. A subtest has another thread than its test.
func onThread(t testing.TB, obj *Object) {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	if err := obj.Variable("only_tid").Set(uint32(unix.Gettid())); err != nil {
		t.Fatal(err)
	}
}

// variable returns the memory of a variable of the object.
func variable[T any](t testing.TB, obj *Object, name string) *T {
	t.Helper()
	p, err := VarOf[T](obj.Variable(name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// attached attaches the program by its section and detaches it when the test ends.
func attached(t testing.TB, p *Program) *Link {
	t.Helper()
	l, err := p.Attach()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// trampolines skips on a kernel that has no programs like these by its own word: without ftrace's direct calls, or because it refuses them
// to everybody.
func trampolines(t testing.TB) {
	t.Helper()
	testkit.Root(t)
	if !configured(t, "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS") {
		testkit.Skip(t, "the kernel was built without CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS")
	}
	has, err := kernel.Running().HasProgType(uapi.ProgLSM)
	if errors.Is(err, syscall.EPERM) {
		testkit.Skip(t, "the kernel refuses LSM programs, and fentry and freplace with them, even to root")
	}
	if err != nil || !has {
		t.Fatalf("LSM programs: %v, %v", has, err)
	}
}

// module skips on a kernel that has no BTF for that module.
func module(t testing.TB, name string) {
	t.Helper()
	if _, err := os.Stat("/sys/kernel/btf/" + name); err != nil {
		testkit.Skip(t, "no module %s with BTF is loaded", name)
	}
}

func TestTracepointBTF(t *testing.T) {
	t.Run("sys_enter", func(t *testing.T) {
		obj := threadObject(t, "trace", "on_sys_enter")
		entered := variable[uint64](t, obj, "entered")
		link := attached(t, obj.Program("on_sys_enter"))
		before := *entered
		for range 10 {
			getpriority()
		}
		if n := *entered - before; n < 10 {
			t.Errorf("10 system calls, seen %d", n)
		}
		closeLink(t, link)
		before = *entered
		getpriority()
		if *entered != before {
			t.Error("it runs after it was detached")
		}
	})
	t.Run("sched_switch", func(t *testing.T) {
		obj := threadObject(t, "trace", "on_switch")
		attached(t, obj.Program("on_switch"))
		switched := variable[uint64](t, obj, "switched")
		for deadline := time.Now().Add(testkit.Patience(5 * time.Second)); *switched < 5; {
			unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
			if time.Now().After(deadline) {
				t.Fatalf("the thread slept and woke, seen %d times", *switched)
			}
		}
	})
}

// TestTracepointExec counts programs that are started.
func TestTracepointExec(t *testing.T) {
	testkit.Tracefs(t)
	obj := threadObject(t, "trace", "on_exec")
	attached(t, obj.Program("on_exec"))
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := exec.Command(program, "-test.run=^$").Run(); err != nil {
			t.Fatal(err)
		}
	}
	if n := *variable[uint64](t, obj, "executed"); n < 3 {
		t.Errorf("3 programs started, seen %d", n)
	}
}

// TestTracepointCookie: cookies of tp_btf and raw_tp; a kernel that would ignore one says no.
func TestTracepointCookie(t *testing.T) {
	t.Run("before 6.10", func(t *testing.T) {
		obj := threadObject(t, "trace", "on_sys_enter")
		l, err := obj.Program("on_sys_enter").AttachTrace(&TraceOptions{Cookie: 1})
		if err == nil {
			l.Close()
			testkit.Kernel(t, "6.10")
			return
		}
		if !errors.Is(err, ErrNotSupported) || !strings.Contains(err.Error(), "6.10") {
			t.Error(err)
		}
	})
	t.Run("cookie", func(t *testing.T) {
		testkit.Kernel(t, "6.10")
		obj := threadObject(t, "trace", "with_cookie", "raw_with_cookie")
		cookie := variable[uint64](t, obj, "entered_cookie")
		l, err := obj.Program("with_cookie").AttachTrace(&TraceOptions{Cookie: 1<<63 + 5})
		if err != nil {
			t.Fatal(err)
		}
		getpriority()
		closeLink(t, l)
		if *cookie != 1<<63+5 {
			t.Errorf("tp_btf sees cookie %#x", *cookie)
		}
		if l, err = obj.Program("raw_with_cookie").AttachRawTracepoint("sys_enter", &RawTracepointOptions{Cookie: 6}); err != nil {
			t.Fatal(err)
		}
		getpriority()
		closeLink(t, l)
		if *cookie != 6 {
			t.Errorf("raw_tp sees cookie %#x", *cookie)
		}
	})
}

// TestRawTracepointWritable changes what a test run returns.
func TestRawTracepointWritable(t *testing.T) {
	obj := threadObject(t, "trace", "on_finish", "packet")
	attached(t, obj.Program("on_finish"))
	*variable[int32](t, obj, "finished_with") = 1
	*variable[int32](t, obj, "finish_with") = -int32(syscall.EXFULL)
	if _, err := obj.Program("packet").Run(&RunOptions{Data: make([]byte, 64)}); !errors.Is(err, syscall.EXFULL) {
		t.Error(err)
	}
	if *variable[int32](t, obj, "finished_with") != 0 {
		t.Error("the program didn't see how the run ended")
	}
}

// TestTraceErrors: targets that aren't there, wrong types, and programs that must not be attached so.
func TestTraceErrors(t *testing.T) {
	testkit.Root(t)
	o := only(open(t, "trace"), "on_sys_enter", "missing", "packet")
	obj := load(t, o, nil)
	if _, err := obj.Program("missing").Attach(); !errors.Is(err, ErrNotExist) || !strings.Contains(err.Error(), "no_such_tracepoint_at_all") {
		t.Error(err)
	}
	packet, traced := obj.Program("packet"), obj.Program("on_sys_enter")
	for what, err := range map[string]error{
		"a packet filter as trace":    second(packet.AttachTrace(nil)),
		"a packet filter as LSM":      second(packet.AttachLSM(nil)),
		"a packet filter as iterator": second(packet.AttachIter(nil)),
		"a tracepoint as iterator":    second(traced.AttachIter(nil)),
		"a tracepoint as freplace":    second(traced.AttachFreplace(packet, "packet")),
		"a tracepoint as multi":       second(traced.AttachTracingMulti("x*", nil)),
	} {
		if !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, name := range []string{"missing_btf"} {
		_, err := Load(only(open(t, "trace"), name), nil)
		if err == nil || !strings.Contains(err.Error(), "btf_trace_no_such_tracepoint_at_all") {
			t.Error(err)
		}
	}
	if _, err := Load(only(open(t, "fentry"), "missing"), nil); err == nil || !strings.Contains(err.Error(), "no_such_function_at_all") {
		t.Error(err)
	}
}

// TestTraceBusy: a program is attached to its target once, and the error says by which link.
func TestTraceBusy(t *testing.T) {
	trampolines(t)
	obj := threadObject(t, "fentry", "on_entry")
	l := attached(t, obj.Program("on_entry"))
	_, err := obj.Program("on_entry").AttachTrace(nil)
	if !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), fmt.Sprintf("by link %d", linkID(t, l))) {
		t.Error(err)
	}
}

// TestFentry: fentry and fexit with arguments, result and cookies.
func TestFentry(t *testing.T) {
	trampolines(t)
	obj := threadObject(t, "fentry", "on_entry", "on_exit")
	entered, left := variable[uint64](t, obj, "entered"), variable[uint64](t, obj, "left")
	t.Run("fentry", func(t *testing.T) {
		onThread(t, obj)
		attached(t, obj.Program("on_entry"))
		getpgid(10)
		if *entered != 10 || int(*variable[int32](t, obj, "entry_nr")) != os.Getpid() {
			t.Errorf("10 calls with %d, seen %d with %d", os.Getpid(), *entered, *variable[int32](t, obj, "entry_nr"))
		}
		ip, symbol := *variable[uint64](t, obj, "function_ip"), kallsyms(t, "find_task_by_vpid")
		if len(symbol) == 0 || ip < symbol[0] || ip > symbol[0]+4 {
			t.Errorf("function at %#x, in /proc/kallsyms %#x", ip, symbol)
		}
	})
	t.Run("fexit", func(t *testing.T) {
		onThread(t, obj)
		attached(t, obj.Program("on_exit"))
		getpgid(10)
		if *left != 10 || int(*variable[int32](t, obj, "left_pid")) != os.Getpid() {
			t.Errorf("10 calls for %d, seen %d for %d", os.Getpid(), *left, *variable[int32](t, obj, "left_pid"))
		}
	})
	t.Run("cookie", func(t *testing.T) {
		onThread(t, obj)
		for i, name := range []string{"on_entry", "on_exit"} {
			l, err := obj.Program(name).AttachTrace(&TraceOptions{Cookie: 1<<40 + uint64(i)})
			if err != nil {
				t.Fatal(err)
			}
			getpgid(1)
			closeLink(t, l)
		}
		if a, b := *variable[uint64](t, obj, "entry_cookie"), *variable[uint64](t, obj, "exit_cookie"); a != 1<<40 || b != 1<<40+1 {
			t.Errorf("cookies %#x, %#x", a, b)
		}
	})
	t.Run("both", func(t *testing.T) {
		onThread(t, obj)
		*entered, *left = 0, 0
		links, err := obj.Attach()
		if err != nil {
			t.Fatal(err)
		}
		getpgid(5)
		if err := links.Close(); err != nil {
			t.Error(err)
		}
		getpgid(5)
		if *entered != 5 || *left != 5 {
			t.Errorf("5 calls while attached, seen %d, %d", *entered, *left)
		}
	})
	t.Run("opened by a pin", func(t *testing.T) {
		onThread(t, obj)
		path := filepath.Join(testkit.BPFFS(t), "program")
		if err := obj.Program("on_exit").Pin(path); err != nil {
			t.Fatal(err)
		}
		p, err := OpenProgram(path)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		*left = 0
		l, err := p.AttachTrace(&TraceOptions{Cookie: 77})
		if err != nil {
			t.Fatal(err)
		}
		getpgid(3)
		closeLink(t, l)
		if *left != 3 || *variable[uint64](t, obj, "exit_cookie") != 77 {
			t.Errorf("seen %d with cookie %d", *left, *variable[uint64](t, obj, "exit_cookie"))
		}
	})
}

// TestFentrySleepable: sleepable programs are for system calls, where the kernel has CONFIG_FUNCTION_ERROR_INJECTION to say which functions
// these are.
func TestFentrySleepable(t *testing.T) {
	trampolines(t)
	if !configured(t, "CONFIG_FUNCTION_ERROR_INJECTION") {
		testkit.Skip(t, "the kernel was built without CONFIG_FUNCTION_ERROR_INJECTION")
	}
	obj := threadObject(t, "fentry", "on_entry_sleepable")
	attached(t, obj.Program("on_entry_sleepable"))
	getpgid(3)
	if n := *variable[uint64](t, obj, "slept"); n != 3 {
		t.Errorf("3 calls, seen %d", n)
	}
}

// TestModifyReturn: fmod_ret decides what a security_* hook answers; other functions are refused at load.
func TestModifyReturn(t *testing.T) {
	trampolines(t)
	obj := threadObject(t, "fentry", "on_modify", "on_modify_too")
	l := attached(t, obj.Program("on_modify"))
	if _, err := unix.Getpgid(os.Getpid()); err != unix.EACCES {
		t.Errorf("getpgid: %v, want EACCES", err)
	}
	after := attached(t, obj.Program("on_modify_too")) // runs after the first and sees its answer
	if _, err := unix.Getpgid(os.Getpid()); err != unix.EACCES {
		t.Errorf("getpgid with two programs: %v, want EACCES", err)
	}
	if _, err := obj.Program("on_modify").AttachTrace(nil); !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), "attached there") {
		t.Error(err)
	}
	closeLink(t, l)
	closeLink(t, after)
	if _, err := unix.Getpgid(os.Getpid()); err != nil {
		t.Error(err)
	}
	var refused *VerifierError
	if _, err := Load(only(open(t, "fentry"), "not_modifiable"), nil); !errors.As(err, &refused) {
		t.Error(err)
	}
}

// lsm skips on a kernel whose security modules don't include bpf.
func lsm(t testing.TB) {
	t.Helper()
	trampolines(t)
	if !activeLSM() {
		testkit.Skip(t, "bpf is not among the kernel's security modules")
	}
}

func TestLSM(t *testing.T) {
	lsm(t)
	t.Run("deny", func(t *testing.T) {
		obj := threadObject(t, "fentry", "deny")
		l := attached(t, obj.Program("deny"))
		if _, err := unix.Getsid(os.Getpid()); err != unix.EPERM { // for 0 the kernel asks no security module
			t.Errorf("getsid: %v, want EPERM", err)
		}
		if n := *variable[uint64](t, obj, "denied"); n != 1 {
			t.Errorf("ran %d times", n)
		}
		closeLink(t, l)
		if _, err := unix.Getsid(os.Getpid()); err != nil {
			t.Error(err)
		}
	})
	t.Run("sleepable", func(t *testing.T) {
		obj := threadObject(t, "fentry", "sleepable")
		word := new(uint64)
		*word = 0xfeedc0de
		*variable[uint64](t, obj, "user_address") = uint64(uintptr(unsafe.Pointer(word)))
		attached(t, obj.Program("sleepable"))
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		if n, copied := *variable[uint64](t, obj, "opened"), *variable[uint64](t, obj, "user_word"); n == 0 || copied != *word {
			t.Errorf("ran %d times, copied %#x of this process", n, copied)
		}
		runtime.KeepAlive(word)
	})
	t.Run("cgroup", func(t *testing.T) {
		obj := load(t, only(open(t, "fentry"), "on_bind"), nil)
		dir := testkit.Cgroup(t)
		l, err := obj.Program("on_bind").AttachCgroup(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		bind := func() error {
			s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(s)
			return unix.Bind(s, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
		}
		if err := bind(); err != nil {
			t.Errorf("outside of the cgroup: %v", err)
		}
		withinCgroup(t, dir, func() {
			if err := bind(); err != unix.EPERM {
				t.Errorf("inside: %v, want EPERM", err)
			}
		})
		if n := *variable[uint64](t, obj, "bound"); n != 1 {
			t.Errorf("ran %d times", n)
		}
		if _, err := obj.Program("on_bind").AttachLSM(nil); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "AttachCgroup") {
			t.Error(err)
		}
	})
}

// withinCgroup does something with this process in a cgroup.
func withinCgroup(t testing.TB, dir string, do func()) {
	t.Helper()
	root := filepath.Dir(dir)
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	old := ""
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			old = path
		}
	}
	move := func(dir string) {
		t.Helper()
		if err := os.WriteFile(dir+"/cgroup.procs", fmt.Append(nil, os.Getpid()), 0); err != nil {
			t.Fatal(err)
		}
	}
	move(dir)
	defer move(root + old)
	do()
}

// freplaceTarget loads a program that has functions to replace, and says what it returns.
func freplaceTarget(t testing.TB) (p *Program, result func() uint32) {
	t.Helper()
	p = load(t, open(t, "freplace_target"), nil).Program("whole")
	return p, func() uint32 {
		t.Helper()
		r, err := p.Run(&RunOptions{Data: make([]byte, 64)})
		if err != nil {
			t.Fatal(err)
		}
		return r.Return
	}
}

// forTarget sets the program that the named programs are loaded for.
func forTarget(o *object.Object, target *Program, names ...string) *object.Object {
	only(o, names...)
	for _, name := range names {
		o.Program(name).AttachProgFD = target.FD()
	}
	return o
}

func TestFreplace(t *testing.T) {
	trampolines(t)
	target, result := freplaceTarget(t)
	if r := result(); r != 103 {
		t.Fatal(r)
	}
	obj := loadForThread(t, forTarget(open(t, "fentry"), target, "replacement", "replacement_too"))
	p := obj.Program("replacement")
	t.Run("target of the load", func(t *testing.T) {
		l := attached(t, p)
		if r := result(); r != 144 {
			t.Errorf("the program returns %d", r)
		}
		_, err := obj.Program("replacement_too").Attach()
		if !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), fmt.Sprintf("by link %d", linkID(t, l))) {
			t.Error(err)
		}
		closeLink(t, l)
		if r := result(); r != 103 {
			t.Errorf("detached, it returns %d", r)
		}
	})
	t.Run("another target", func(t *testing.T) {
		other, result := freplaceTarget(t)
		l, err := p.AttachFreplace(other, "part")
		if err != nil {
			t.Fatal(err)
		}
		if r := result(); r != 144 {
			t.Errorf("the program returns %d", r)
		}
		_, err = obj.Program("replacement_too").AttachFreplace(other, "part")
		if !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), fmt.Sprintf("by link %d", linkID(t, l))) {
			t.Error(err)
		}
		closeLink(t, l)
		if r := result(); r != 103 {
			t.Errorf("detached, it returns %d", r)
		}
	})
	t.Run("errors", func(t *testing.T) {
		if _, err := p.AttachFreplace(target, "no_such"); !errors.Is(err, ErrNotExist) || !strings.Contains(err.Error(), "no function no_such") {
			t.Error(err)
		}
		if _, err := p.AttachFreplace(target, "other_part"); !errors.Is(err, syscall.EINVAL) {
			t.Error(err)
		}
		if _, err := p.AttachFreplace(target, ""); !errors.Is(err, syscall.EINVAL) {
			t.Error(err)
		}
		if _, err := p.AttachFreplace(nil, "part"); !errors.Is(err, syscall.EINVAL) {
			t.Error(err)
		}
		var refused *VerifierError
		if _, err := Load(forTarget(open(t, "fentry"), target, "other_signature"), nil); !errors.As(err, &refused) {
			t.Error(err)
		}
		if _, err := Load(only(open(t, "fentry"), "replacement"), nil); err == nil || !strings.Contains(err.Error(), "AttachProgFD") {
			t.Error(err)
		}
	})
}

// TestFentryProgram traces the functions of another BPF program.
func TestFentryProgram(t *testing.T) {
	trampolines(t)
	target, result := freplaceTarget(t)
	obj := loadForThread(t, forTarget(open(t, "fentry"), target, "on_part", "on_whole"))
	links, err := obj.Attach()
	if err != nil {
		t.Fatal(err)
	}
	r := result()
	if err := links.Close(); err != nil {
		t.Error(err)
	}
	result()
	if n := *variable[uint64](t, obj, "in_program"); n != 1 {
		t.Errorf("one run while attached, seen %d", n)
	}
	if seen := *variable[int32](t, obj, "program_ret"); uint32(seen) != r {
		t.Errorf("the program returned %d, fexit saw %d", r, seen)
	}
}

// ip runs the tool of that name in the test's network namespace.
func ip(t testing.TB, args string) {
	t.Helper()
	testkit.Run(t, "ip", strings.Fields(args)...)
}

// broadcast sends a packet out of an interface of the test's network namespace.
func broadcast(t testing.TB, dev string) {
	t.Helper()
	i, err := net.InterfaceByName(dev)
	if err != nil {
		t.Fatal(err)
	}
	s, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	frame := make([]byte, 60)
	copy(frame, "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x08\x00")
	if err := unix.Sendto(s, frame, 0, &unix.SockaddrLinklayer{Ifindex: i.Index, Halen: 6}); err != nil {
		t.Fatal(err)
	}
}

// TestModuleFunctions attaches to functions of modules, found in their BTF.
func TestModuleFunctions(t *testing.T) {
	trampolines(t)
	t.Run("fentry dummy_xmit", func(t *testing.T) {
		module(t, "dummy")
		testkit.Netns(t)
		ip(t, "link add pb0 type dummy")
		ip(t, "link set pb0 up")
		obj := load(t, only(open(t, "fentry"), "on_dummy"), nil)
		attached(t, obj.Program("on_dummy"))
		before := *variable[uint64](t, obj, "module_entered")
		broadcast(t, "pb0")
		if n := *variable[uint64](t, obj, "module_entered") - before; n == 0 {
			t.Error("a packet was sent, none seen")
		}
	})
	t.Run("fexit veth_xmit", func(t *testing.T) {
		module(t, "veth")
		testkit.Netns(t)
		ip(t, "link add pb0 type veth peer name pb1")
		ip(t, "link set pb0 up")
		ip(t, "link set pb1 up")
		obj := load(t, only(open(t, "fentry"), "on_veth"), nil)
		attached(t, obj.Program("on_veth"))
		before := *variable[uint64](t, obj, "module_left")
		broadcast(t, "pb0")
		if n := *variable[uint64](t, obj, "module_left") - before; n == 0 {
			t.Error("a packet was sent, none seen")
		}
	})
}

func TestTypedKsym(t *testing.T) {
	testkit.Root(t)
	if !configured(t, "CONFIG_KALLSYMS_ALL") {
		testkit.Skip(t, "the kernel was built without CONFIG_KALLSYMS_ALL: it doesn't know where its variables are")
	}
	obj := load(t, only(open(t, "fentry"), "typed_ksym"), nil)
	for cpu := range uint32(runtime.NumCPU()) {
		*variable[uint32](t, obj, "wanted_cpu") = cpu
		r, err := obj.Program("typed_ksym").Run(&RunOptions{Data: make([]byte, 64)})
		if err != nil || r.Return != cpu {
			t.Errorf("runqueue of cpu %d says %d (%v)", cpu, r.Return, err)
		}
	}
}

// TestModuleBTF: modules are found with their types. The oracle is /sys/kernel/btf.
func TestModuleBTF(t *testing.T) {
	testkit.Root(t)
	list, err := kernel.Running().Modules()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dummy", "veth", "nf_conntrack"} {
		t.Run(name, func(t *testing.T) {
			module(t, name)
			raw, err := os.ReadFile("/sys/kernel/btf/" + name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range list {
				if m.Name == name && bytes.Equal(m.BTF.Raw(), raw) {
					return
				}
			}
			t.Errorf("not among %d modules, or with other bytes", len(list))
		})
	}
}

// TestModuleType: CO-RE finds a type that only a module has. The oracle is what bpftool prints of the module's BTF.
func TestModuleType(t *testing.T) {
	testkit.Root(t)
	module(t, "veth")
	var dump struct {
		Types []struct {
			Kind, Name string
			Members    []struct {
				Name string
				Bits uint32 `json:"bits_offset"`
			}
		}
	}
	out := testkit.Run(t, "bpftool", "-j", "btf", "dump", "file", "/sys/kernel/btf/veth", "-B", "/sys/kernel/btf/vmlinux")
	if err := json.Unmarshal(out, &dump); err != nil {
		t.Fatal(err)
	}
	want := uint32(0)
	for _, typ := range dump.Types {
		for _, m := range typ.Members {
			if typ.Kind == "STRUCT" && typ.Name == "veth_priv" && m.Name == "requested_headroom" {
				want = m.Bits / 8
			}
		}
	}
	if want == 0 {
		t.Fatal("bpftool has no veth_priv.requested_headroom")
	}
	obj := load(t, only(open(t, "fentry"), "module_type"), nil)
	r, err := obj.Program("module_type").Run(&RunOptions{Data: make([]byte, 64)})
	if err != nil || r.Return != want {
		t.Errorf("offset %d, bpftool says %d (%v)", int32(r.Return), want, err)
	}
}

// TestModuleKfunc calls a function of nf_conntrack, which finds no connection.
func TestModuleKfunc(t *testing.T) {
	testkit.Root(t)
	if !configured(t, "CONFIG_NF_CONNTRACK") {
		module(t, "nf_conntrack")
	}
	obj := load(t, only(open(t, "fentry"), "module_kfunc"), nil)
	r, err := obj.Program("module_kfunc").Run(&RunOptions{Data: make([]byte, 64)})
	if err != nil || syscall.Errno(-int32(r.Return)) != syscall.ENOENT {
		t.Errorf("%d %v, want -ENOENT", int32(r.Return), err)
	}
}
