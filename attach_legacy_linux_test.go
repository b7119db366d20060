package bpf

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// TestParseLegacyEvent: lines as kernels print them.
func TestParseLegacyEvent(t *testing.T) {
	for line, want := range map[string]string{
		"p:kprobes/purebpf_12_3_do_unlinkat_0x0 do_unlinkat":                   "kprobes/purebpf_12_3_do_unlinkat_0x0 do_unlinkat 12",
		"r:kretprobes/libbpf_4711_0_do_unlinkat_0x0 do_unlinkat":               "kretprobes/libbpf_4711_0_do_unlinkat_0x0 do_unlinkat 4711",
		"r32:kretprobes/libbpf_4711_do_unlinkat_0x0_5 do_unlinkat+0":           "kretprobes/libbpf_4711_do_unlinkat_0x0_5 do_unlinkat+0 4711",
		"p:uprobes/libbpf_7_0__bin_sh_0x1234 /bin/sh:0x0000000000001234 a=%ax": "uprobes/libbpf_7_0__bin_sh_0x1234 /bin/sh:0x0000000000001234 7",
		"r:uretprobes/purebpf_7_0__bin_sh_0x1234 /bin/sh:0x0000000000001234":   "uretprobes/purebpf_7_0__bin_sh_0x1234 /bin/sh:0x0000000000001234 7",
		"p:kprobes/p_do_unlinkat_bcc_12 do_unlinkat":                           "",
		"p:kprobes/myprobe do_unlinkat":                                        "",
		"p:mine/libbpf_12_0_x do_unlinkat":                                     "",
		"p:kprobes/libbpf_x_0 do_unlinkat":                                     "",
		"p:kprobes/libbpf_12 do_unlinkat":                                      "",
		"p:kprobes/libbpf_0_0_x do_unlinkat":                                   "",
		"p:kprobes/libbpf_99999999999999999999_0_x do_unlinkat":                "",
		"e:eprobes/libbpf_12_0_x syscalls.sys_enter_openat":                    "",
		"":          "",
		"p:kprobes": "",
	} {
		e, ok := parseLegacyEvent(line)
		got := ""
		if ok {
			got = fmt.Sprint(e, " ", e.PID)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestLegacyName(t *testing.T) {
	for want, got := range map[string]string{
		"purebpf_12_3_do_unlinkat_0x1f":                                   legacyName(12, 3, "do_unlinkat", 31),
		"purebpf_12_3_m_f_isra_0_0x0":                                     legacyName(12, 3, "m:f.isra.0", 0),
		"purebpf_4194304_4294967295__usr_lib_x86_64_linux_gnu_libc_so_6_": legacyName(4194304, 1<<32-1, "/usr/lib/x86_64-linux-gnu/libc.so.6", 0x123456),
	} {
		if got != want || len(got) > 63 {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestLegacyChild attaches by events in tracefs and waits to be killed; it is a child of TestLegacyLeftovers.
func TestLegacyChild(t *testing.T) {
	if os.Getenv("PUREBPF_LEGACY_CHILD") == "" {
		return
	}
	obj := kprobeObject(t, "by_hand")
	for _, o := range []KprobeOptions{{Mode: ProbeLegacy}, {Mode: ProbeLegacy, Return: true}} {
		if _, err := obj.Program("by_hand").AttachKprobe("find_task_by_vpid", &o); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println("attached")
	time.Sleep(time.Hour)
}

// TestLegacyLeftovers kills a process that attached by events in tracefs: they are found and removed, others are not. The oracle is tracefs.
func TestLegacyLeftovers(t *testing.T) {
	kprobes(t)
	tracefs := testkit.Tracefs(t)
	obj := kprobeObject(t, "by_hand")
	mine, err := obj.Program("by_hand").AttachKprobe("find_task_by_vpid", &KprobeOptions{Mode: ProbeLegacy})
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
	if list, err := LegacyEvents(); err != nil || len(list) != 0 {
		t.Errorf("while its process lives: %v %v", list, err)
	}
	child.Process.Kill()
	child.Wait()

	list, err := LegacyEvents()
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
	if len(list) != 2 || !strings.HasPrefix(groups["kprobes"], "find_task_by_vpid") || !strings.HasPrefix(groups["kretprobes"], "find_task_by_vpid") {
		t.Errorf("left over: %v", list)
	}
	var removed []LegacyEvent
	for deadline := time.Now().Add(testkit.Patience(5 * time.Second)); len(removed) < 2 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		more, err := CleanLegacyEvents() // what the dying process has still open is in use
		if err != nil {
			t.Fatal(err)
		}
		removed = append(removed, more...)
	}
	if len(removed) != 2 {
		t.Errorf("removed %v", removed)
	}
	if now := eventsOf(t, tracefs, "kprobe_events"); len(now) != 1 {
		t.Errorf("afterwards: %q", now)
	}
	h := hitOf(t, obj, "by_hand")
	h.Count = 0
	getpgid(3)
	if h.Count != 3 {
		t.Errorf("our own: %+v", *h)
	}
	closeLink(t, mine)
}

// TestLegacyNameTaken: a leftover of an earlier process with our id holds a name; the next is taken.
func TestLegacyNameTaken(t *testing.T) {
	kprobes(t)
	tracefs := testkit.Tracefs(t)
	taken := legacyEvent{root: tracefs, file: "kprobe_events", group: "kprobes", name: legacyName(os.Getpid(), legacyCount.Load(), "find_task_by_vpid", 0)}
	if err := taken.write("p:kprobes/" + taken.name + " find_task_by_vpid"); err != nil {
		t.Fatal(err)
	}
	obj := kprobeObject(t, "by_hand")
	l, err := obj.Program("by_hand").AttachKprobe("find_task_by_vpid", &KprobeOptions{Mode: ProbeLegacy})
	if err != nil {
		t.Error(err)
	} else {
		closeLink(t, l)
	}
	if err := taken.remove(); err != nil {
		t.Error(err)
	}
}

// TestLegacyUprobeNameTaken: an event of another place has the name that would be next. The kernel would add our place to it. The oracle
// is its list.
func TestLegacyUprobeNameTaken(t *testing.T) {
	tracefs := testkit.Tracefs(t)
	if _, err := os.Stat(tracefs + "/uprobe_events"); err != nil {
		testkit.Skip(t, "the kernel has no uprobe events: %v", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	taken := legacyEvent{
		root: tracefs, file: "uprobe_events", group: "uprobes",
		name: legacyName(os.Getpid(), legacyCount.Load(), filepath.Base(self), 0x2000),
	}
	if err := taken.write("p:uprobes/" + taken.name + " " + self + ":0x1000"); err != nil {
		t.Fatal(err)
	}
	ours, err := newLegacyEvent(kernel.Running(), "uprobe", false, self+":0x2000", filepath.Base(self), 0x2000)
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(tracefs + "/uprobe_events")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(list), "/"+taken.name+" "); n != 1 || ours.name == taken.name {
		t.Errorf("%d probes are called %s, ours is called %s:\n%s", n, taken.name, ours.name, list)
	}
	if err := errors.Join(ours.remove(), taken.remove()); err != nil {
		t.Error(err)
	}
}

// TestLegacyUprobeLeftovers does the same with a uprobe event that libbpf might have left, on kernels without kprobes too.
func TestLegacyUprobeLeftovers(t *testing.T) {
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
	made := []legacyEvent{
		{root: tracefs, file: "uprobe_events", group: "uprobes", name: fmt.Sprintf("libbpf_%d_0_x_0x1000", gone)},
		{root: tracefs, file: "uprobe_events", group: "uprobes", name: fmt.Sprintf("purebpf_%d_0_x_0x1000", os.Getpid())},
	}
	for _, e := range made {
		if err := e.write("p:uprobes/" + e.name + " " + self + ":0x1000"); err != nil {
			t.Fatal(err)
		}
		defer e.remove()
	}
	names := func(list []LegacyEvent) (names []string) {
		for _, e := range list {
			if e.PID == gone || e.PID == os.Getpid() {
				names = append(names, e.Name)
			}
		}
		return names
	}
	list, err := LegacyEvents()
	if err != nil || !slices.Equal(names(list), []string{made[0].name}) {
		t.Errorf("%v: %v", list, err)
	}
	removed, err := CleanLegacyEvents()
	if err != nil || !slices.Equal(names(removed), []string{made[0].name}) {
		t.Errorf("removed %v: %v", removed, err)
	}
	text, err := os.ReadFile(tracefs + "/uprobe_events")
	if err != nil || strings.Contains(string(text), made[0].name) || !strings.Contains(string(text), made[1].name) {
		t.Errorf("%v\n%s", err, text)
	}
}

// TestLegacyEventsFile: a file that can't be read or written is an error, one that isn't there is not.
func TestLegacyEventsFile(t *testing.T) {
	dir := t.TempDir()
	if list, err := legacyEvents(dir, func(int) bool { return false }); err != nil || len(list) != 0 {
		t.Errorf("nothing there: %v %v", list, err)
	}
	writeFile(t, dir+"/kprobe_events", "p:kprobes/libbpf_5_0_f_0x0 f\np:kprobes/other f\n")
	removed, err := cleanLegacyEvents(dir, func(pid int) bool { return pid != 5 })
	if err != nil || len(removed) != 1 || !strings.HasSuffix(readFile(t, dir+"/kprobe_events"), "-:kprobes/libbpf_5_0_f_0x0") {
		t.Errorf("%v %v", removed, err)
	}
	if err := os.Mkdir(dir+"/uprobe_events", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := cleanLegacyEvents(dir, func(int) bool { return false }); err == nil {
		t.Error(errors.New("a folder in place of the file is taken"))
	}
}
