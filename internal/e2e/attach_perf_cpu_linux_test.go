package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
)

// The oracle of these tests is the kernel, which runs the program on a CPU that the test keeps
// busy, or doesn't.

// sampled reports whether the program runs on the CPU, now or as soon as the library has noticed
// it.
func sampled(t *testing.T, obj *bpf.Object, cpu int) bool {
	t.Helper()
	ran := samples(t, obj)
	before := ran[cpu]
	return busyOn(t, cpu, func() bool { return ran[cpu] >= before+3 })
}

// idle checks that the program no longer runs on the CPU.
func idle(t *testing.T, obj *bpf.Object, cpu int) {
	t.Helper()
	ran := samples(t, obj)
	before := ran[cpu]
	end := time.Now().Add(100 * time.Millisecond)
	busyOn(t, cpu, func() bool { return time.Now().After(end) })
	if ran[cpu] != before {
		t.Errorf("%d samples on CPU %d after it was detached", ran[cpu]-before, cpu)
	}
}

var clock = bpf.PerfEvent{Type: sys.PerfTypeSoftware, Config: sys.PerfCountSWCPUClock,
	Period: 1_000_000}

func TestPerfEventCPUReturns(t *testing.T) {
	testkit.SetCPU(t, 1, true)
	for what, opts := range map[string]*bpf.PerfEventOptions{
		"all": nil, "named": {CPUs: []int{1}}, "ioctl": {Ioctl: true}, "cookie": {Cookie: 5},
	} {
		t.Run(what, func(t *testing.T) {
			program := "sample"
			if what == "cookie" {
				program = "sample_with_cookie"
			}
			obj := kprobeObject(t, program)
			running := func() bool { return sampled(t, obj, 1) }
			if what == "cookie" {
				cookie := counter(t, obj, "sample_cookie")
				running = func() bool {
					*cookie = 0
					return busyOn(t, 1, func() bool { return *cookie == 5 })
				}
			}
			links, err := obj.Program(program).AttachPerfEvent(clock, opts)
			if err != nil {
				t.Fatal(err)
			}
			link := links[len(links)-1]
			fd := link.FD()
			if !running() {
				t.Fatal("no samples")
			}
			for range 2 {
				testkit.SetCPU(t, 1, false)
				testkit.SetCPU(t, 1, true)
				if !running() {
					t.Error("no samples since the CPU is back")
				}
			}
			if link.FD() != fd {
				t.Errorf("descriptor %d was %d", link.FD(), fd)
			}
			if _, err := link.Info(); fd >= 0 && err != nil {
				t.Error(err)
			}
			// Links that are closed or disconnected stay as they are.
			if err := links.Close(); err != nil {
				t.Error(err)
			}
			testkit.SetCPU(t, 1, false)
			testkit.SetCPU(t, 1, true)
			idle(t, obj, 1)
		})
	}
}

// TestPerfEventCPUComes: CPUs that come online later are sampled until the last Link is closed, and
// one whose Link was closed is not, also when the object and its program are closed.
func TestPerfEventCPUComes(t *testing.T) {
	testkit.SetCPU(t, 1, false)
	obj := kprobeObject(t, "sample")
	p := obj.Program("sample")
	if _, err := p.AttachPerfEvent(clock,
		&bpf.PerfEventOptions{CPUs: []int{1}}); !errors.Is(err, syscall.ENODEV) {
		t.Error(err)
	}
	links, err := p.AttachPerfEvent(clock, nil)
	if err != nil || len(links) != 1 {
		t.Fatal(links, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	testkit.SetCPU(t, 1, true)
	if !sampled(t, obj, 1) || !sampled(t, obj, 0) {
		t.Error("not sampled")
	}
	testkit.SetCPU(t, 1, false)
	testkit.SetCPU(t, 1, true)
	if !sampled(t, obj, 1) {
		t.Error("not sampled since it is back")
	}
	if err := links.Close(); err != nil {
		t.Error(err)
	}
	idle(t, obj, 1)
	idle(t, obj, 0)

	obj = kprobeObject(t, "sample")
	if links, err = obj.Program("sample").AttachPerfEvent(clock, nil); err != nil ||
		len(links) != 2 {
		t.Fatal(links, err)
	}
	if err := links[1].Close(); err != nil {
		t.Fatal(err)
	}
	testkit.SetCPU(t, 1, false)
	testkit.SetCPU(t, 1, true)
	if !sampled(t, obj, 0) {
		t.Error("CPU 0 is not sampled")
	}
	idle(t, obj, 1)
	if err := links.Close(); err != nil {
		t.Error(err)
	}
}

func TestPerfEventSuspend(t *testing.T) {
	testkit.SetCPU(t, 1, true)
	obj := kprobeObject(t, "sample")
	links, err := obj.Program("sample").AttachPerfEvent(clock, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer links.Close()
	if !sampled(t, obj, 1) {
		t.Fatal("no samples")
	}
	testkit.Suspend(t)
	if !sampled(t, obj, 1) {
		t.Error("no samples since the machine woke up")
	}
}

// TestPerfEventThread: an event of a thread follows it, also to a CPU that was not online.
func TestPerfEventThread(t *testing.T) {
	testkit.SetCPU(t, 1, false)
	obj := kprobeObject(t, "sample")
	links, err := obj.Program("sample").AttachPerfEvent(clock,
		&bpf.PerfEventOptions{PID: unix.Gettid()})
	if err != nil || len(links) != 1 {
		t.Fatal(links, err)
	}
	testkit.SetCPU(t, 1, true)
	if !sampled(t, obj, 1) || !sampled(t, obj, 0) {
		t.Error("not sampled")
	}
	testkit.SetCPU(t, 1, false)
	testkit.SetCPU(t, 1, true)
	if !sampled(t, obj, 1) {
		t.Error("not sampled since the CPU is back")
	}
	if err := links.Close(); err != nil {
		t.Error(err)
	}
}

// TestFixedCPU: an event that sees all CPUs, but is opened on one, attaches when CPU 0 is offline,
// and stays when the CPU that it was opened on goes offline.
func TestFixedCPU(t *testing.T) {
	testkit.Tracefs(t)
	testkit.SetCPU(t, 0, true)
	obj := kprobeObject(t, "tracepoint", "by_hand")
	v := startVictim(t, target(t))
	user := uprobeObject(t, v.pid, "entry")
	event, err := bpf.PerfEventNamed("syscalls:sys_enter_getpgid")
	if err != nil {
		t.Fatal(err)
	}
	type attach struct {
		what  string
		count *uint64
		run   func()
		to    func() (bpf.Links, error)
	}
	kernelHit, entryHit := hitOf(t, obj, "tracepoint"), hitOf(t, obj, "by_hand")
	cases := []attach{
		{"tracepoint", &kernelHit.Count, func() { getpgid(1) }, func() (bpf.Links, error) {
			l, err := obj.Program("tracepoint").AttachTracepoint("syscalls", "sys_enter_getpgid",
				nil)
			return bpf.Links{l}, err
		}},
		{"tracepoint event", &kernelHit.Count, func() { getpgid(1) }, func() (bpf.Links, error) {
			return obj.Program("tracepoint").AttachPerfEvent(event, nil)
		}},
	}
	for _, mode := range []bpf.ProbeMode{bpf.ProbeLink, bpf.ProbePerf, bpf.ProbeLegacy} {
		userHit := userHitOf(t, user, "entry")
		cases = append(cases,
			attach{"kprobe", &entryHit.Count, func() { getpgid(1) }, func() (bpf.Links, error) {
				l, err := obj.Program("by_hand").AttachKprobe(
					"find_task_by_vpid", &bpf.KprobeOptions{Mode: mode})
				return bpf.Links{l}, err
			}},
			attach{"uprobe", &userHit.Count, func() { v.run(t, 1) }, func() (bpf.Links, error) {
				l, err := user.Program("entry").AttachUprobe(v.path, "add_numbers",
					&bpf.UprobeOptions{Mode: mode})
				return bpf.Links{l}, err
			}},
			attach{"uprobe of a process", &userHit.Count, func() {
				v.run(t, 1)
			}, func() (bpf.Links, error) {
				l, err := user.Program("entry").AttachUprobe(v.path, "add_numbers",
					&bpf.UprobeOptions{Mode: mode, PID: v.pid})
				return bpf.Links{l}, err
			}},
		)
	}
	for i, c := range cases {
		testkit.SetCPU(t, 0, false)
		links, err := c.to()
		if err != nil {
			t.Errorf("%d: %s: with CPU 0 offline: %v", i, c.what, err)
			testkit.SetCPU(t, 0, true)
			continue
		}
		check := func(when string) {
			t.Helper()
			before := *c.count
			c.run()
			if *c.count == before {
				t.Errorf("%d: %s: didn't run %s", i, c.what, when)
			}
		}
		check("with CPU 0 offline")
		testkit.SetCPU(t, 0, true)
		testkit.SetCPU(t, 1, false) // the one that it was opened on
		check("on CPU 0, which came later")
		testkit.SetCPU(t, 1, true)
		busyOn(t, 1, func() bool { check("on CPU 1, which went and came"); return true })
		if err := links.Close(); err != nil {
			t.Error(err)
		}
	}
}
