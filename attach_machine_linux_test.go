package bpf

import (
	"bufio"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// The tests of this file attach on a machine that differs from the running one. Those of what the
// running one does are in internal/e2e.

// unsure is a kernel for which some features can't be determined.
type unsure struct {
	facts.Kernel
	of map[facts.Feature]error
}

func (k unsure) Has(f facts.Feature) (bool, error) {
	if err := k.of[f]; err != nil {
		return false, err
	}
	return k.Kernel.Has(f)
}

// warned reports whether a warning of log has all of parts.
func warned(log string, parts ...string) bool {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "level=WARN") && !slices.ContainsFunc(parts,
			func(part string) bool { return !strings.Contains(line, part) }) {
			return true
		}
	}
	return false
}

// withoutPMU hides the PMUs of a machine.
type withoutPMU struct{ probe.Machine }

func (withoutPMU) EventSource(string) (uint32, error) { return 0, fs.ErrNotExist }

// TestKprobeLegacyWithoutPMU: on a kernel without a kprobe PMU the probe is an event in tracefs
// with a link, which can be pinned.
func TestKprobeLegacyWithoutPMU(t *testing.T) {
	tracefs := testkit.Tracefs(t)
	if _, err := os.Stat(tracefs + "/kprobe_events"); err != nil {
		testkit.Skip(t, "the kernel has no kprobe events: %v", err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	obj := loadFile(t, "kprobe", nil, "by_hand")
	if err := obj.Variable("only_tid").Set(uint32(unix.Gettid())); err != nil {
		t.Fatal(err)
	}
	h, err := VarOf[struct{ Count, Cookie, IP uint64 }](obj.Variable("by_hand_hit"))
	if err != nil {
		t.Fatal(err)
	}
	events := func() int {
		t.Helper()
		text, err := os.ReadFile(tracefs + "/kprobe_events")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "/purebpf_")
	}
	getpgid := func() {
		unix.Getpgid(os.Getpid())
		unix.Getpgid(os.Getpid())
	}
	symbol := kernel.SyscallPrefix() + "sys_getpgid"
	l, err := obj.Program("by_hand").attachKprobe(withoutPMU{kernel.Running()}, symbol,
		KprobeOptions{Cookie: 5})
	if err != nil {
		t.Fatal(err)
	}
	h.Count = 0
	getpgid()
	if h.Count != 2 || h.Cookie != 5 || events() != 1 {
		t.Errorf("%+v, %d events", *h, events())
	}
	path := testkit.BPFFS(t) + "/link"
	if err := l.Pin(path); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h.Count = 0
	getpgid()
	if h.Count != 2 || events() != 1 {
		t.Errorf("pinned: %+v, %d events", *h, events())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	everyone := func(int) bool { return false }
	removed := testkit.Await(testkit.Patience(5*time.Second), func() bool {
		if _, err := probe.RemoveLeftovers(tracefs, everyone); err != nil {
			t.Fatal(err)
		}
		return events() == 0
	})
	if !removed {
		t.Fatalf("%d left over", events())
	}
}

// unsureMachine is a machine whose kernel is unsure.
type unsureMachine struct {
	*kernel.Facts
	unsure unsure
}

func (m unsureMachine) Has(f facts.Feature) (bool, error) { return m.unsure.Has(f) }

// TestUSDTUnsure attaches to USDT probes on a kernel that doesn't show whether it has uprobe(2), as
// under a seccomp profile that refuses it, or cookies. The oracle is the calls of the program that
// has the probes.
func TestUSDTUnsure(t *testing.T) {
	source, err := os.ReadFile("testdata/target.c")
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOARCH != "amd64" {
		testkit.Skip(t, "the program is compiled for x86-64 here")
	}
	path := testkit.Native(t, string(source), "-static")
	process := exec.Command(path)
	in, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	defer process.Wait()
	defer process.Process.Kill()
	pid, answers := process.Process.Pid, bufio.NewScanner(out)
	answers.Scan() // ready
	for _, c := range []struct {
		feature facts.Feature
		later   bool // known by the time of the attachment
	}{{facts.UprobeSyscall, false}, {facts.BPFCookie, false}, {facts.BPFCookie, true}} {
		var book strings.Builder
		logger := slog.New(slog.NewTextHandler(&book, nil))
		doubts := map[facts.Feature]error{c.feature: syscall.EPERM,
			facts.UprobeMultiLink: syscall.EPERM}
		running := unsureMachine{kernel.Running(), unsure{kernel.Running(), doubts}}
		obj := loadFile(t, "usdt24", &LoadOptions{Logger: logger, Kernel: running.unsure}, "any")
		if err := obj.Variable("only_pid").Set(uint32(pid)); err != nil {
			t.Fatal(err)
		}
		if c.later {
			delete(doubts, c.feature)
		}
		s, err := VarOf[struct { // struct seen of testdata/usdt.bpf.c
			Count, Cookie uint64
			Num           int64
			Value, Error  [12]int64
			Sum           uint64
		}](obj.Variable("any_seen"))
		if err != nil {
			t.Fatal(err)
		}
		how := USDTOptions{PID: pid, Cookie: 5}
		l, err := obj.Program("any").attachUSDT(running, path, "target", "spread", how)
		if err != nil {
			t.Errorf("%v: %v", c.feature, err)
			continue
		}
		if _, err := in.Write([]byte("\n")); err != nil || !answers.Scan() {
			t.Fatal(err, answers.Err())
		}
		if s.Count != 3 || s.Sum != 29 || s.Cookie != 5 {
			t.Errorf("%v: ran %d times, cookie %d, the arguments add up to %d",
				c.feature, s.Count, s.Cookie, s.Sum)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if !warned(book.String(), c.feature.String(), "operation not permitted") {
			t.Errorf("%v: no warning in\n%s", c.feature, book.String())
		}
	}
}
