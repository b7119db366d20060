package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

// The oracle of this file: the system calls and test runs that the tests make, and what the
// programs see of them.

// threadObject loads the named programs of an object of testdata whose programs act on one thread,
// which is the test's.
func threadObject(t testing.TB, file string, names ...string) *bpf.Object {
	t.Helper()
	return loadForThread(t, only(open(t, file), names...))
}

func loadForThread(t testing.TB, o *object.Object) *bpf.Object {
	t.Helper()
	testkit.Root(t)
	obj := load(t, o, nil)
	onThread(t, obj)
	return obj
}

// onThread keeps the test on its thread, and makes the programs act on it. A subtest has another
// thread than its test.
func onThread(t testing.TB, obj *bpf.Object) {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	if err := obj.Variable("only_tid").Set(uint32(unix.Gettid())); err != nil {
		t.Fatal(err)
	}
}

// variable returns the memory of a variable of the object.
func variable[T any](t testing.TB, obj *bpf.Object, name string) *T {
	t.Helper()
	p, err := bpf.VarOf[T](obj.Variable(name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// attached attaches the program by its section and detaches it when the test ends.
func attached(t testing.TB, p *bpf.Program) *bpf.Link {
	t.Helper()
	l, err := p.Attach()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
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

// TestTracepointCookie: cookies of tp_btf and raw_tp; a kernel that would ignore them is an error.
func TestTracepointCookie(t *testing.T) {
	t.Run("before 6.10", func(t *testing.T) {
		obj := threadObject(t, "trace", "on_sys_enter")
		l, err := obj.Program("on_sys_enter").AttachTrace(&bpf.CookieOptions{Cookie: 1})
		if err == nil {
			l.Close()
			testkit.Kernel(t, "6.10")
			return
		}
		if !errors.Is(err, bpf.ErrNotSupported) || !strings.Contains(err.Error(), "6.10") {
			t.Error(err)
		}
	})
	t.Run("raw_tp before 6.10", func(t *testing.T) {
		p := threadObject(t, "trace", "missing").Program("missing")
		l, err := p.AttachRawTracepoint("sys_enter", &bpf.CookieOptions{Cookie: 1})
		if err == nil {
			l.Close()
			testkit.Kernel(t, "6.10")
		} else if !errors.Is(err, bpf.ErrNotSupported) || !strings.Contains(err.Error(), "6.10") {
			t.Error(err)
		}
		if _, err := p.AttachRawTracepoint("", nil); !errors.Is(err, syscall.EINVAL) {
			t.Error("no name:", err)
		}
	})
	t.Run("cookie", func(t *testing.T) {
		testkit.Kernel(t, "6.10")
		obj := threadObject(t, "trace", "with_cookie", "raw_with_cookie")
		cookie := variable[uint64](t, obj, "entered_cookie")
		l, err := obj.Program("with_cookie").AttachTrace(&bpf.CookieOptions{Cookie: 1<<63 + 5})
		if err != nil {
			t.Fatal(err)
		}
		getpriority()
		closeLink(t, l)
		if *cookie != 1<<63+5 {
			t.Errorf("tp_btf sees cookie %#x", *cookie)
		}
		if l, err = obj.Program("raw_with_cookie").AttachRawTracepoint(
			"sys_enter", &bpf.CookieOptions{Cookie: 6}); err != nil {
			t.Fatal(err)
		}
		getpriority()
		closeLink(t, l)
		if *cookie != 6 {
			t.Errorf("raw_tp sees cookie %#x", *cookie)
		}
	})
}

// TestRawTracepointWritable changes the result of a test run.
func TestRawTracepointWritable(t *testing.T) {
	obj := threadObject(t, "trace", "on_finish", "packet")
	attached(t, obj.Program("on_finish"))
	*variable[int32](t, obj, "finished_with") = 1
	*variable[int32](t, obj, "finish_with") = -int32(syscall.EXFULL)
	if _, err := obj.Program("packet").Run(
		&bpf.RunOptions{Data: make([]byte, 64)}); !errors.Is(err, syscall.EXFULL) {
		t.Error(err)
	}
	if *variable[int32](t, obj, "finished_with") != 0 {
		t.Error("the program didn't see how the run ended")
	}
}

// TestTargetTypos: a target that the running kernel lacks is refused when the program is loaded,
// with names that exist. The oracle is its BTF, where other tests attach to those names.
func TestTargetTypos(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	for _, c := range []struct{ file, program, target, near string }{
		{"trace", "on_sys_enter", "sys_entr", "sys_enter"},
		{"fentry", "on_entry", "find_task_by_vpit", "find_task_by_vpid"},
		{"fentry", "on_exit", "find_task_by_vpit", "find_task_by_vpid"},
		{"fentry", "on_modify", "security_task_getpgit", "security_task_getpgid"},
		{"fentry", "deny", "task_getsit", "task_getsid"},
		{"fentry", "on_bind", "socket_bimd", "socket_bind"},
		{"iter", "tasks", "tasks", "task"},
	} {
		o := only(open(t, c.file), c.program)
		o.Program(c.program).AttachTarget = c.target
		if _, err := bpf.Load(o, nil); err == nil ||
			!strings.Contains(err.Error(),
				c.target+" is not in the BTF of vmlinux or any module; near: ") ||
			!slices.Contains(strings.FieldsFunc(err.Error(), func(r rune) bool {
				return r == ' ' || r == ','
			}), c.near) {
			t.Errorf("%s at %s: %v", c.program, c.target, err)
		}
	}
}

// TestTraceErrors: targets that don't exist, wrong types, and programs for another way to attach.
func TestTraceErrors(t *testing.T) {
	testkit.Root(t)
	o := only(open(t, "trace"), "on_sys_enter", "missing", "packet")
	obj := load(t, o, nil)
	if _, err := obj.Program("missing").Attach(); !errors.Is(err, bpf.ErrNotExist) ||
		!strings.Contains(err.Error(), "no_such_tracepoint_at_all") {
		t.Error(err)
	}
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err == nil {
		for near, name := range map[string]string{"sys_enter": "sys_entr",
			"sched_switch": "sched_swich"} {
			if _, err := obj.Program("missing").AttachRawTracepoint(name,
				nil); !errors.Is(err, bpf.ErrNotExist) ||
				!strings.Contains(err.Error(), "near: "+near) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	packet, traced := obj.Program("packet"), obj.Program("on_sys_enter")
	for what, err := range map[string]error{
		"a packet filter as trace":    second(packet.AttachTrace(nil)),
		"a packet filter as LSM":      second(packet.AttachLSM(nil)),
		"a packet filter as iterator": second(packet.AttachIter(nil)),
		"a tracepoint as iterator":    second(traced.AttachIter(nil)),
		"a tracepoint as freplace":    second(traced.AttachFreplace(packet, "packet")),
		"a tracepoint as multi":       second(traced.AttachTracingMulti("x*")),
		"a packet filter as raw_tp":   second(packet.AttachRawTracepoint("sys_enter", nil)),
		"a tp_btf as raw_tp":          second(traced.AttachRawTracepoint("sys_enter", nil)),
		"a raw_tp as tp_btf":          second(obj.Program("missing").AttachTrace(nil)),
	} {
		if !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(), "type ") && !strings.Contains(err.Error(), "loaded") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, name := range []string{"missing_btf"} {
		_, err := bpf.Load(only(open(t, "trace"), name), nil)
		if err == nil || !strings.Contains(err.Error(), "btf_trace_no_such_tracepoint_at_all") {
			t.Error(err)
		}
	}
	if _, err := bpf.Load(only(open(t, "fentry"), "missing"), nil); err == nil ||
		!strings.Contains(err.Error(), "no_such_function_at_all") {
		t.Error(err)
	}
}
