package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

// samples returns how often the perf_event program ran on each CPU.
func samples(t testing.TB, obj *bpf.Object) *[64]uint64 {
	t.Helper()
	p, err := bpf.VarOf[[64]uint64](obj.Variable("samples"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// busyOn keeps a CPU busy until done returns true.
func busyOn(t testing.TB, cpu int, done func() bool) bool {
	t.Helper()
	var set, old unix.CPUSet
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		t.Fatal(err)
	}
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	defer unix.SchedSetaffinity(0, &old)
	for deadline := time.Now().Add(testkit.Patience(5 * time.Second)); time.Now().Before(
		deadline); {
		for range 10000 {
			unix.Getpid()
		}
		if done() {
			return true
		}
	}
	return false
}

// usableCPUs returns the CPUs that this process may run on: a container may have fewer than the
// machine.
func usableCPUs(t testing.TB) (list []int) {
	t.Helper()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	online, err := kernel.Running().OnlineCPUs()
	if err != nil {
		t.Fatal(err)
	}
	for _, cpu := range online {
		if set.IsSet(cpu) && cpu < 64 {
			list = append(list, cpu)
		}
	}
	return list
}

// TestPerfEventClock samples every CPU by the cpu-clock, by link and by ioctl; the oracle is a CPU
// that this test keeps busy.
func TestPerfEventClock(t *testing.T) {
	obj := kprobeObject(t, "sample")
	p, ran := obj.Program("sample"), samples(t, obj)
	clock, err := bpf.PerfEventNamed("cpu-clock")
	if err != nil {
		t.Fatal(err)
	}
	online, err := kernel.Running().OnlineCPUs()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		period, frequency uint64
		ioctl             bool
	}{{0, 0, false}, {0, 1000, true}, {1_000_000, 0, false}} {
		event := clock
		event.Period, event.Frequency = c.period, c.frequency
		links, err := p.AttachPerfEvent(event, &bpf.PerfEventOptions{Ioctl: c.ioctl})
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if len(links) != len(online) {
			t.Errorf("%d links for CPUs %v", len(links), online)
		}
		for _, l := range links {
			if (l.FD() < 0) != c.ioctl {
				t.Errorf("%v: descriptor %d", l, l.FD())
			}
		}
		for _, cpu := range usableCPUs(t) {
			before := ran[cpu]
			if !busyOn(t, cpu, func() bool { return ran[cpu] >= before+3 }) {
				t.Errorf("%+v: no samples on CPU %d", c, cpu)
			}
		}
		if err := links.Close(); err != nil {
			t.Error(err)
		}
		cpu := usableCPUs(t)[0]
		after := ran[cpu]
		if end := time.Now().Add(50 * time.Millisecond); busyOn(t, cpu, func() bool {
			return ran[cpu] != after || time.Now().After(end)
		}) && ran[cpu] != after {
			t.Errorf("%+v: samples after it was detached", c)
		}
	}
}

// TestPerfEventCycles samples a CPU by the processor's own counter of cycles; the oracle is that
// CPU, which the test keeps busy. An event that nothing is attached to shows whether the machine
// has that counter.
func TestPerfEventCycles(t *testing.T) {
	obj := kprobeObject(t, "sample")
	p, ran, cpu := obj.Program("sample"), samples(t, obj), usableCPUs(t)[0]
	event, err := bpf.PerfEventNamed("cycles")
	if err != nil {
		t.Fatal(err)
	}
	event.Period = 1_000_000
	counter := unix.PerfEventAttr{Type: unix.PERF_TYPE_HARDWARE,
		Config: unix.PERF_COUNT_HW_CPU_CYCLES, Size: 112, Sample: event.Period,
		Bits: unix.PerfBitDisabled}
	fd, absent := unix.PerfEventOpen(&counter, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if absent == nil {
		unix.Close(fd)
	}
	links, err := p.AttachPerfEvent(event, &bpf.PerfEventOptions{CPUs: []int{cpu}})
	if absent == unix.ENOENT {
		if !errors.Is(err, syscall.ENOENT) ||
			!strings.Contains(err.Error(), "this machine has no such event") {
			t.Errorf("without a counter: %v", err)
		}
		links.Close()
		testkit.Skip(t, "the machine has no counter of cycles: %v", absent)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !busyOn(t, cpu, func() bool { return ran[cpu] >= 3 }) {
		t.Errorf("%d samples on a busy CPU", ran[cpu])
	}
	if err := links.Close(); err != nil {
		t.Error(err)
	}
}

// TestPerfEventChoice: one CPU, one thread, a cookie.
func TestPerfEventChoice(t *testing.T) {
	obj := kprobeObject(t, "sample", "sample_with_cookie")
	ran := samples(t, obj)
	clock := bpf.PerfEvent{Type: sys.PerfTypeSoftware, Config: sys.PerfCountSWCPUClock,
		Period: 1_000_000}
	cpu := usableCPUs(t)[0]
	links, err := obj.Program("sample").AttachPerfEvent(clock,
		&bpf.PerfEventOptions{CPUs: []int{cpu}, PID: unix.Gettid()})
	if err != nil {
		t.Fatal(err)
	}
	if len(links) != 1 {
		t.Errorf("links %v", links)
	}
	if !busyOn(t, cpu, func() bool { return ran[cpu] > 0 }) {
		t.Error("no samples of this thread")
	}
	for other, n := range ran {
		if other != cpu && n != 0 {
			t.Errorf("%d samples on CPU %d", n, other)
		}
	}
	if err := links.Close(); err != nil {
		t.Error(err)
	}
	links, err = obj.Program("sample_with_cookie").AttachPerfEvent(clock,
		&bpf.PerfEventOptions{Cookie: 99})
	if err != nil {
		t.Fatal(err)
	}
	cookie := counter(t, obj, "sample_cookie")
	if !busyOn(t, cpu, func() bool { return *cookie != 0 }) || *cookie != 99 {
		t.Errorf("cookie %d", *cookie)
	}
	if err := links.Close(); err != nil {
		t.Error(err)
	}
}

// TestPerfEventTracepoint attaches a tracepoint program to a tracepoint's perf event: one event
// shows all CPUs.
func TestPerfEventTracepoint(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	obj := kprobeObject(t, "tracepoint")
	event, err := bpf.PerfEventNamed("syscalls:sys_enter_getpgid")
	if err != nil {
		t.Fatal(err)
	}
	p, h := obj.Program("tracepoint"), hitOf(t, obj, "tracepoint")
	links, err := p.AttachPerfEvent(event, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, cpu := range usableCPUs(t) {
		before := h.Count
		busyOn(t, cpu, func() bool { getpgid(1); return true })
		if h.Count != before+1 {
			t.Errorf("CPU %d: %d", cpu, h.Count-before)
		}
	}
	if fd, err := unix.PerfEventOpen(&unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT,
		Config: event.Config, Size: 112}, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC); err != nil {
		t.Error(err)
	} else {
		_, err := p.AttachPerfEventFD(fd, nil)
		if want := fmt.Sprintf("this program, %d, is attached there already",
			bpftest.ProgramID(t, p)); !errors.Is(err, bpf.ErrExist) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("twice: %v", err)
		}
		unix.Close(fd)
	}
	_, err = p.AttachTracepoint("syscalls", "sys_enter_getpgid", nil)
	if want := fmt.Sprintf("this program, %d, is attached there already",
		bpftest.ProgramID(t, p)); !errors.Is(err, bpf.ErrExist) ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("twice: %v", err)
	}
	t.Log(err)
	if err := links.Close(); err != nil {
		t.Error(err)
	}
	_, err = p.AttachTracepoint("syscalls", "sys_enter_getpgit", nil)
	if !errors.Is(err, bpf.ErrNotExist) ||
		!strings.Contains(err.Error(), "near: sys_enter_getpgid") {
		t.Errorf("a tracepoint that isn't: %v", err)
	}
	if _, err = p.AttachTracepoint(
		"syscall", "sys_enter_getpgid", nil); !errors.Is(err, bpf.ErrNotExist) ||
		!strings.Contains(err.Error(), "near: syscalls") {
		t.Errorf("a category that isn't: %v", err)
	}
}

// TestPerfEventFD attaches to an event that the test opened itself.
func TestPerfEventFD(t *testing.T) {
	obj := kprobeObject(t, "sample", "tracepoint")
	p, tracepoint, ran := obj.Program("sample"), obj.Program("tracepoint"), samples(t, obj)
	packets := load(t, only(open(t, "link"), "xdp"), nil).Program("xdp")
	cpu := usableCPUs(t)[0]
	open := func() int {
		fd, err := unix.PerfEventOpen(&unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE,
			Config: unix.PERF_COUNT_SW_CPU_CLOCK, Size: 112, Sample: 1_000_000,
			Bits: unix.PerfBitDisabled}, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	for _, ioctl := range []bool{false, true} {
		fd := open()
		l, err := p.AttachPerfEventFD(fd, &bpf.PerfEventFDOptions{Ioctl: ioctl})
		if err != nil {
			t.Fatal(err)
		}
		before := ran[cpu]
		if !busyOn(t, cpu, func() bool { return ran[cpu] > before }) {
			t.Error("no samples")
		}
		if _, err := p.AttachPerfEventFD(fd, nil); !errors.Is(err, bpf.ErrExist) ||
			!strings.Contains(err.Error(), "report which") {
			t.Errorf("twice: %v", err)
		}
		closeLink(t, l)
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
			t.Errorf("the event is still open: %v", err)
		}
	}
	fd := open()
	l, err := p.AttachPerfEventFD(fd, &bpf.PerfEventFDOptions{Disabled: true})
	if err != nil {
		t.Fatal(err)
	}
	before := ran[cpu]
	end := time.Now().Add(50 * time.Millisecond)
	busyOn(t, cpu, func() bool { return time.Now().After(end) })
	if ran[cpu] != before {
		t.Error("samples of an event that was not started")
	}
	if err := unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_ENABLE, 0); err != nil {
		t.Fatal(err)
	}
	if !busyOn(t, cpu, func() bool { return ran[cpu] > before }) {
		t.Error("no samples after it was started")
	}
	closeLink(t, l)
	fd = open()
	if _, err := tracepoint.AttachPerfEventFD(fd, nil); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "it is of type tracepoint") {
		t.Errorf("a tracepoint program on a clock: %v", err)
	}
	if _, err := packets.AttachPerfEventFD(fd, nil); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(),
			"type xdp, want perf_event, tracepoint, kprobe") {
		t.Errorf("a packet program on a clock: %v", err)
	}
	if _, err := p.AttachPerfEventFD(fd,
		&bpf.PerfEventFDOptions{Ioctl: true, Cookie: 1}); !errors.Is(err, bpf.ErrNotSupported) {
		t.Errorf("a cookie by ioctl: %v", err)
	}
	if err := unix.Close(fd); err != nil {
		t.Errorf("after a failure the event is the caller's: %v", err)
	}
	if _, err := p.AttachPerfEventFD(-1, nil); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("no event: %v", err)
	}
}

// TestPerfEventErrors: refusals.
func TestPerfEventErrors(t *testing.T) {
	obj := kprobeObject(t, "sample", "tracepoint")
	p := obj.Program("sample")
	clock := bpf.PerfEvent{Type: sys.PerfTypeSoftware}
	both := clock
	both.Period, both.Frequency = 1, 1
	for what, c := range map[string]struct {
		p     *bpf.Program
		event bpf.PerfEvent
		opts  bpf.PerfEventOptions
		is    error
	}{
		"a perf_event program on a tracepoint": {p,
			bpf.PerfEvent{Type: sys.PerfTypeTracepoint, Config: 1}, bpf.PerfEventOptions{},
			syscall.EINVAL},
		"a tracepoint program on a clock": {obj.Program("tracepoint"), clock,
			bpf.PerfEventOptions{},
			syscall.EINVAL},
		"period and frequency": {p, both, bpf.PerfEventOptions{}, syscall.EINVAL},
		"no such PMU": {p, bpf.PerfEvent{Type: 60000}, bpf.PerfEventOptions{},
			bpf.ErrNotExist},
		"no such CPU":         {p, clock, bpf.PerfEventOptions{CPUs: []int{1 << 15}}, nil},
		"no CPU":              {p, clock, bpf.PerfEventOptions{CPUs: []int{}}, syscall.ENODEV},
		"no such process":     {p, clock, bpf.PerfEventOptions{PID: 1 << 22}, syscall.ESRCH},
		"less than a process": {p, clock, bpf.PerfEventOptions{PID: -5}, syscall.EINVAL},
		"a cookie by ioctl": {p, clock, bpf.PerfEventOptions{Ioctl: true, Cookie: 1},
			bpf.ErrNotSupported},
	} {
		links, err := c.p.AttachPerfEvent(c.event, &c.opts)
		t.Logf("%s: %v", what, err)
		if err == nil || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v", what, err)
		}
		links.Close()
	}
	if _, err := bpf.PerfEventNamed("cpu-clok"); !errors.Is(err, bpf.ErrNotExist) ||
		!strings.Contains(err.Error(), "near: cpu-clock") {
		t.Error(err)
	}
	cycles, err := bpf.PerfEventNamed("cycles")
	if err != nil || cycles.String() != "cycles" {
		t.Errorf("%v %v", cycles, err)
	}
	links, err := p.AttachPerfEvent(cycles, nil)
	if err == nil {
		links.Close()
	} else if !errors.Is(err, bpf.ErrNotExist) && !errors.Is(err, bpf.ErrNotSupported) ||
		!strings.Contains(err.Error(), "perf event cycles on CPU 0") {
		t.Errorf("without a hardware counter: %v", err)
	}
}

// TestPerfEventNames: the oracle is the numbers in linux/perf_event.h, from golang.org/x/sys.
func TestPerfEventNames(t *testing.T) {
	for name, want := range map[string]bpf.PerfEvent{
		"cycles": {Type: unix.PERF_TYPE_HARDWARE,
			Config: unix.PERF_COUNT_HW_CPU_CYCLES},
		"instructions": {Type: unix.PERF_TYPE_HARDWARE,
			Config: unix.PERF_COUNT_HW_INSTRUCTIONS},
		"cache-references": {Type: unix.PERF_TYPE_HARDWARE,
			Config: unix.PERF_COUNT_HW_CACHE_REFERENCES},
		"cache-misses": {Type: unix.PERF_TYPE_HARDWARE,
			Config: unix.PERF_COUNT_HW_CACHE_MISSES},
		"branches": {Type: unix.PERF_TYPE_HARDWARE,
			Config: unix.PERF_COUNT_HW_BRANCH_INSTRUCTIONS},
		"branch-misses": {Type: unix.PERF_TYPE_HARDWARE,
			Config: unix.PERF_COUNT_HW_BRANCH_MISSES},
		"bus-cycles": {Type: unix.PERF_TYPE_HARDWARE,
			Config: unix.PERF_COUNT_HW_BUS_CYCLES},
		"stalled-cycles-frontend": {Type: unix.PERF_TYPE_HARDWARE,
			Config: unix.PERF_COUNT_HW_STALLED_CYCLES_FRONTEND},
		"stalled-cycles-backend": {Type: unix.PERF_TYPE_HARDWARE,
			Config: unix.PERF_COUNT_HW_STALLED_CYCLES_BACKEND},
		"ref-cycles": {Type: unix.PERF_TYPE_HARDWARE,
			Config: unix.PERF_COUNT_HW_REF_CPU_CYCLES},
		"cpu-clock":   {Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK},
		"task-clock":  {Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_TASK_CLOCK},
		"page-faults": {Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_PAGE_FAULTS},
		"context-switches": {Type: unix.PERF_TYPE_SOFTWARE,
			Config: unix.PERF_COUNT_SW_CONTEXT_SWITCHES},
		"cpu-migrations": {Type: unix.PERF_TYPE_SOFTWARE,
			Config: unix.PERF_COUNT_SW_CPU_MIGRATIONS},
		"minor-faults": {Type: unix.PERF_TYPE_SOFTWARE,
			Config: unix.PERF_COUNT_SW_PAGE_FAULTS_MIN},
		"major-faults": {Type: unix.PERF_TYPE_SOFTWARE,
			Config: unix.PERF_COUNT_SW_PAGE_FAULTS_MAJ},
		"alignment-faults": {Type: unix.PERF_TYPE_SOFTWARE,
			Config: unix.PERF_COUNT_SW_ALIGNMENT_FAULTS},
		"emulation-faults": {Type: unix.PERF_TYPE_SOFTWARE,
			Config: unix.PERF_COUNT_SW_EMULATION_FAULTS},
		"dummy":      {Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_DUMMY},
		"bpf-output": {Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_BPF_OUTPUT},
	} {
		if got, err := bpf.PerfEventNamed(name); err != nil || got != want {
			t.Errorf("%s: %+v, want %+v: %v", name, got, want, err)
		}
	}
}
