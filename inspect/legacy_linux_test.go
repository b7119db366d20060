package inspect_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
)

// TestLegacyChild attaches by events in tracefs and waits to be killed; it is a child of
// TestLegacyLeftovers.
func TestLegacyChild(t *testing.T) {
	if os.Getenv("PUREBPF_LEGACY_CHILD") == "" {
		return
	}
	obj := bpftest.Load(t, "../testdata/kprobe.bpf.o", "by_hand")
	for _, ret := range []bool{false, true} {
		o := bpf.KprobeOptions{Mode: bpf.ProbeLegacy, Return: ret}
		if _, err := obj.Program("by_hand").AttachKprobe("find_task_by_vpid", &o); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println("attached")
	time.Sleep(time.Hour)
}

// TestLegacyLeftovers kills a process that attached by events in tracefs: they are found and
// removed, others are not. The oracle is tracefs.
func TestLegacyLeftovers(t *testing.T) {
	tracefs := testkit.Tracefs(t)
	if _, err := os.Stat(tracefs + "/kprobe_events"); err != nil {
		testkit.Skip(t, "the kernel has no kprobe events: %v", err)
	}
	obj := bpftest.Load(t, "../testdata/kprobe.bpf.o", "by_hand")
	o := &bpf.KprobeOptions{Mode: bpf.ProbeLegacy}
	mine, err := obj.Program("by_hand").AttachKprobe("find_task_by_vpid", o)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestLegacyChild$", "-test.v")
	child.Env = append(os.Environ(), "PUREBPF_LEGACY_CHILD=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if said += lines.Text() + "\n"; lines.Text() == "attached" {
			break
		}
	}
	pid := child.Process.Pid
	if !strings.Contains(said, "attached\n") {
		t.Errorf("the child says: %s", said)
	}
	if list, err := inspect.LegacyEvents(); err != nil || len(list) != 0 {
		t.Errorf("while its process lives: %v %v", list, err)
	}
	child.Process.Kill()
	child.Wait()

	list, err := inspect.LegacyEvents()
	if err != nil {
		t.Fatal(err)
	}
	groups := map[string]string{}
	for _, e := range list {
		groups[e.Group] = e.Target
		if e.PID != pid {
			t.Errorf("%v of process %d, not %d", e, e.PID, pid)
		}
	}
	const function = "find_task_by_vpid"
	if len(list) != 2 || !strings.HasPrefix(groups["kprobes"], function) ||
		!strings.HasPrefix(groups["kretprobes"], function) {
		t.Errorf("left over: %v", list)
	}
	var removed []inspect.LegacyEvent
	testkit.Await(testkit.Patience(5*time.Second), func() bool {
		more, err := inspect.CleanLegacyEvents() // what the dying process has still open is in use
		if err != nil {
			t.Fatal(err)
		}
		removed = append(removed, more...)
		return len(removed) >= 2
	})
	if len(removed) != 2 {
		t.Errorf("removed %v", removed)
	}
	ours := fmt.Sprintf("purebpf_%d_", os.Getpid())
	text, err := os.ReadFile(tracefs + "/kprobe_events")
	if err != nil || strings.Count(string(text), ours) != 1 ||
		strings.Contains(string(text), fmt.Sprintf("purebpf_%d_", pid)) {
		t.Errorf("%v\n%s", err, text)
	}
	if err := mine.Close(); err != nil {
		t.Error(err)
	}
}

// TestLegacyUprobes: a uprobe event that libbpf might have left is found and removed, one of a
// living process is not, on kernels without kprobes too. The oracle is tracefs.
func TestLegacyUprobes(t *testing.T) {
	tracefs := testkit.Tracefs(t)
	if _, err := os.Stat(tracefs + "/uprobe_events"); err != nil {
		testkit.Skip(t, "the kernel has no uprobe events: %v", err)
	}
	done := exec.Command(os.Args[0], "-test.run=^$")
	if err := done.Run(); err != nil {
		t.Fatal(err)
	}
	gone := done.Process.Pid
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	made := []string{
		fmt.Sprintf("libbpf_%d_0_x_0x1000", gone),
		fmt.Sprintf("purebpf_%d_0_x_0x1000", os.Getpid()),
	}
	for _, name := range made {
		define(t, tracefs, "p:uprobes/"+name+" "+self+":0x1000")
		defer define(t, tracefs, "-:uprobes/"+name)
	}
	names := func(list []inspect.LegacyEvent) (names []string) {
		for _, e := range list {
			if e.PID == gone || e.PID == os.Getpid() {
				names = append(names, e.Name)
			}
		}
		return names
	}
	list, err := inspect.LegacyEvents()
	if err != nil || !slices.Equal(names(list), []string{made[0]}) {
		t.Errorf("%v: %v", list, err)
	}
	removed, err := inspect.CleanLegacyEvents()
	if err != nil || !slices.Equal(names(removed), []string{made[0]}) {
		t.Errorf("removed %v: %v", removed, err)
	}
	text, err := os.ReadFile(tracefs + "/uprobe_events")
	if err != nil || strings.Contains(string(text), made[0]) ||
		!strings.Contains(string(text), made[1]) {
		t.Errorf("%v\n%s", err, text)
	}
}

// define writes a line to the file of tracefs that defines uprobe events.
func define(t *testing.T, tracefs, line string) {
	t.Helper()
	file, err := os.OpenFile(tracefs+"/uprobe_events", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(line); err != nil && line[0] != '-' {
		t.Fatal(err)
	}
}
