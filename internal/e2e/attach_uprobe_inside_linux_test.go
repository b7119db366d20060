package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// TestUprobeInside: an offset inside an instruction is refused before anything is attached, in
// every way to attach, and the error names the function and the nearest instructions. The oracle is
// that the process, which would die of the probe (TestUprobeInsideKills), continues; llvm-objdump
// shows where instructions are in package insn's tests.
func TestUprobeInside(t *testing.T) {
	v := startVictim(t, target(t))
	obj := uprobeObject(t, v.pid, "entry", "leave", "many", "many_leave")
	at := symbolOffset(t, v.path, "add_hidden")
	next := map[string]uint64{"amd64": 1, "arm64": 4, "s390x": 4, "riscv64": 2}[runtime.GOARCH]
	inside := map[string]uint64{"amd64": 2, "arm64": 2, "s390x": 2, "riscv64": 1}[runtime.GOARCH]
	before := inside / next * next
	want := []string{fmt.Sprintf("offset %#x", at+inside), "inside an instruction",
		fmt.Sprintf("%#x", at+before)}
	if runtime.GOARCH == "amd64" {
		want = append(want, fmt.Sprintf("%#x (add_hidden+0x2)", at+2),
			fmt.Sprintf("%#x (add_hidden+0x1)", at+1),
			fmt.Sprintf("%#x (add_hidden+0x4)", at+4))
	}
	refused := func(way string, l *bpf.Link, err error) {
		t.Helper()
		if err == nil {
			closeLink(t, l)
		}
		if !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%s: %v", way, err)
			return
		}
		for _, text := range want {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v; want %q", way, err, text)
			}
		}
	}
	entry, leave := obj.Program("entry"), obj.Program("leave")
	for _, mode := range []bpf.ProbeMode{bpf.ProbeDefault, bpf.ProbeLink, bpf.ProbePerf,
		bpf.ProbeLegacy} {
		l, err := entry.AttachUprobe(v.path, "add_hidden",
			&bpf.UprobeOptions{Offset: inside, Mode: mode})
		refused(fmt.Sprintf("function, mode %v", mode), l, err)
		l, err = entry.AttachUprobe(v.path, "",
			&bpf.UprobeOptions{Offset: at + inside, Mode: mode, PID: v.pid})
		refused(fmt.Sprintf("offset, mode %v", mode), l, err)
	}
	l, err := leave.AttachUprobe(v.path, "", &bpf.UprobeOptions{Offset: at + inside, Return: true})
	refused("return", l, err)
	o := only(open(t, "uprobe"), "entry")
	o.Program("entry").Sec = fmt.Sprintf("uprobe/%s:add_hidden+%d", v.path, inside)
	l, err = load(t, o, nil).Program("entry").Attach()
	refused("SEC", l, err)
	if has, err := kernel.Running().Has(facts.UprobeMultiLink); err == nil && has {
		o := bpf.UprobeList{Offsets: []uint64{at + next, at + inside, at},
			Cookies: []uint64{1, 2, 3}}
		l, err = obj.Program("many").AttachUprobeList(v.path, o)
		refused("multi", l, err)
		o.When = bpf.AtReturn
		l, err = obj.Program("many_leave").AttachUprobeList(v.path, o)
		refused("multi return", l, err)
	}
	if left, err := probe.Leftovers(testkit.Tracefs(t), probe.ProcessExists); err != nil ||
		len(left) > 0 {
		t.Errorf("events left in tracefs: %v, %v", left, err)
	}
	v.run(t, 2)

	h := userHitOf(t, obj, "entry")
	for _, offset := range []uint64{at, at + next} {
		l, err := entry.AttachUprobe(v.path, "", &bpf.UprobeOptions{Offset: offset})
		if err != nil {
			t.Fatal(err)
		}
		*h = userHit{}
		if v.run(t, 1); h.Count != 1 {
			t.Errorf("at %#x it ran %d times", offset, h.Count)
		}
		closeLink(t, l)
	}
}

// TestUprobeInsideStripped: without symbols only offsets that are certainly wrong are refused. The
// oracle is the kernel, which attaches.
func TestUprobeInsideStripped(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		testkit.Skip(t, "instructions are aligned here")
	}
	full := target(t)
	path := t.TempDir() + "/target"
	if out, err := exec.Command(testkit.Tool(t, "strip"),
		"-o", path, full).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l, err := uprobeObject(t, os.Getpid(), "entry").Program("entry").
		AttachUprobe(path, "", &bpf.UprobeOptions{Offset: symbolOffset(t, full, "add_hidden") + 2})
	if err != nil {
		t.Fatal(err)
	}
	closeLink(t, l)
}

// TestUprobeInsideKills: the kernel makes a probe inside an instruction, and the process dies of
// it.
func TestUprobeInsideKills(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		testkit.Skip(t, "what becomes of such an instruction differs between machines")
	}
	v := startVictim(t, target(t))
	source, err := os.ReadFile("/sys/bus/event_source/devices/uprobe/type")
	if err != nil {
		testkit.Skip(t, "the kernel has no uprobe events: %v", err)
	}
	number, err := strconv.ParseUint(strings.TrimSpace(string(source)), 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	path, err := unix.BytePtrFromString(v.path)
	if err != nil {
		t.Fatal(err)
	}
	attr := unix.PerfEventAttr{Type: uint32(number), Size: unix.PERF_ATTR_SIZE_VER1,
		Ext1: uint64(uintptr(unsafe.Pointer(path))),
		Ext2: symbolOffset(t, v.path, "add_hidden") + 2}
	fd, err := unix.PerfEventOpen(&attr, v.pid, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	runtime.KeepAlive(path)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := v.in.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := v.wait(); !errors.As(err, &exit) {
		t.Fatalf("the process ended with %v", err)
	}
	if status := exit.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGILL {
		t.Errorf("the process ended with %v", status)
	}
}
