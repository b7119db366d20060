package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// compiled returns an object compiled from a source in testdata.
func compiled(t *testing.T, name string) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", name+".bpf.c"))
	if err != nil {
		t.Fatal(err)
	}
	return testkit.Compile(t, string(source))
}

// fromVersion reports whether the kernel has that version or newer.
func fromVersion(major, minor uint32) bool {
	return kernel.Running().Version() >= kernel.VersionCode(major, minor, 0)
}

// configured reports whether the kernel was built with an option.
func configured(t *testing.T, option string) bool {
	t.Helper()
	text, err := kernel.Running().Kconfig()
	if err != nil {
		t.Fatalf("the kernel's configuration: %v", err)
	}
	return bytes.Contains(text, []byte("\n"+option+"=y\n"))
}

// victimSource calls its functions in a loop.
const victimSource = `
#include <unistd.h>

__attribute__((noinline, noipa)) int probed(int x) { return x + 1; }
__attribute__((noinline, noipa)) int probed_too(int x) { return x + 2; }

int main(void)
{
	int x = 0;

	for (;;) {
		x = probed_too(probed(x));
		usleep(1000);
	}
	return x;
}
`

// victim returns the path of that program.
func victim(t *testing.T) string {
	t.Helper()
	return testkit.Native(t, victimSource, "-static")
}

// startVictim runs it until the test ends.
func startVictim(t *testing.T) (path string, pid int) {
	t.Helper()
	cmd := exec.Command(victim(t))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd.Path, cmd.Process.Pid
}

type seenDocument struct{ Runs, Cookie uint64 }

// lastSeen returns the last table "seen" that bpf run --json printed.
func lastSeen(t *testing.T, out io.Reader) map[string]seenDocument {
	t.Helper()
	var last mapDocument
	for dec := json.NewDecoder(out); ; {
		var doc mapDocument
		if err := dec.Decode(&doc); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if doc.Map == "seen" {
			last = doc
		}
	}
	seen := map[string]seenDocument{}
	for _, e := range last.Entries {
		var name string
		var value seenDocument
		if err := json.Unmarshal(e.Key, &name); err != nil {
			t.Fatalf("key %s: %v", e.Key, err)
		}
		if err := json.Unmarshal(e.Value, &value); err != nil {
			t.Fatalf("value %s: %v", e.Value, err)
		}
		seen[name] = value
	}
	return seen
}

// Oracle: the actions of this test (system calls, a program that calls its functions) and of
// --demo, as the programs counted them, and the cookies of the command line.
func TestRunAttachesAll(t *testing.T) {
	testkit.Root(t)
	testkit.Netns(t)
	testkit.Tracefs(t)
	testkit.Cgroup(t)
	object := compiled(t, "kinds")
	path, pid := startVictim(t)
	probe := fmt.Sprintf("%s:probed,pid=%d", path, pid)
	root, err := rootCgroup()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"run", object, "--for", testkit.Patience(2 * time.Second).String(),
		"--interval", "1s", "--demo", "--json",
		"--iface", "lo", "--cgroup", root,
		"--attach", "on_tp=tp:syscalls/sys_enter_getppid,cookie=11",
		"--attach", "on_raw_tp=raw_tp:sys_enter",
		"--attach", "on_uprobe=uprobe:" + probe + ",cookie=0x16",
		"--attach", "on_uretprobe=uretprobe:" + probe + ",cookie=33",
		"--attach", "on_perf=perf:cpu-clock,frequency=100,cookie=44",
		"--attach", "on_tc=tc-ingress:lo,priority=7",
		"--attach", "on_tc=tc-egress:lo",
		"--attach", "on_lookup=netns:/proc/self/ns/net",
	}
	want := map[string]uint64{ // cookies
		"on_xdp": 0, "on_tc": 0, "on_egress": 0, "on_cgroup": 0, "on_lookup": 0,
		"on_tp": 11, "on_raw_tp": 0, "on_uprobe": 22, "on_uretprobe": 33, "on_perf": 44,
	}
	if configured(t, "CONFIG_KPROBE_EVENTS") {
		args = append(args, "--attach", "on_kprobe=ksyscall:getppid,cookie=55")
		want["on_kprobe"] = 55
	}
	if fromVersion(6, 4) {
		args = append(args, "--attach", "on_netfilter=netfilter:ip,input,0")
		want["on_netfilter"] = 0
	}
	var out, errs bytes.Buffer
	cmd := command(t, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for running := true; running; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("%v\n%s", err, errs.String())
			}
			running = false
		case <-time.After(time.Millisecond):
			syscall.Getppid()
		}
	}
	seen := lastSeen(t, &out)
	for name, cookie := range want {
		if s := seen[name]; s.Runs == 0 || s.Cookie != cookie {
			t.Errorf("%s ran %d times, with cookie %d, not %d", name, s.Runs, s.Cookie, cookie)
		}
	}
	if t.Failed() {
		t.Log(errs.String())
	}
	egress := "attached on_egress to lo (tcx_egress)"
	if !fromVersion(6, 6) {
		egress = "attached on_egress to lo (tc egress)"
	}
	for _, says := range []string{
		"not attached: program on_skb (SEC cgroup/skb): its section leaves the attach type open; --attach on_skb=cgroup:" + root + ",type=TYPE attaches it",
		egress, "attached on_xdp to lo (xdp)", "attached on_cgroup to cgroup /sys/fs/cgroup",
		"attached on_tc to lo (tc ingress), handle 0x1 priority 7\n",
		"not attached: program verdict (SEC sk_skb/verdict): not loaded; --attach verdict=sockmap:MAP attaches it",
		"not attached: program filter (SEC socket): the process that has the socket attaches it",
	} {
		if !strings.Contains(errs.String(), says) {
			t.Errorf("%s\ndoesn't say %q", errs.String(), says)
		}
	}
	if left := testkit.Run(t, "tc", "qdisc",
		"show", "dev", "lo"); bytes.Contains(left, []byte("clsact")) {
		t.Errorf("clsact is left behind: %s", left)
	}
}

// Oracle: bpftool, which sees nothing where no place was named, and the programs, where the command
// lines that run proposes put them.
func TestRunNamesNoPlace(t *testing.T) {
	testkit.Root(t)
	testkit.Netns(t)
	testkit.Cgroup(t)
	root, err := rootCgroup()
	if err != nil {
		t.Fatal(err)
	}
	object := compiled(t, "kinds")
	run := func(more ...string) string {
		t.Helper()
		out, err := command(t,
			append([]string{"run", object, "--for", "50ms"}, more...)...).CombinedOutput()
		if len(more) > 0 && err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	out := run()
	dir := testkit.BPFFS(t)
	out += run("--attach", "on_lookup=netns:/proc/self/ns/net", "--pin", dir)
	if net := testkit.Run(t, "bpftool", "net",
		"show", "dev", "lo"); bytes.Contains(net, []byte("on_")) {
		t.Errorf("attached to lo: %s", net)
	}
	pins, _ := filepath.Glob(dir + "/*")
	if len(pins) != 1 || filepath.Base(pins[0]) != "on_lookup" {
		t.Errorf("attached are %q", pins)
	}
	egress := "tcx-egress:lo"
	if !fromVersion(6, 6) {
		egress = "tc-egress:lo"
	}
	var options []string
	for name, hook := range map[string]string{"on_xdp": "xdp:lo", "on_egress": egress,
		"on_cgroup": "cgroup:" + root} {
		if !strings.Contains(out, "; --attach "+name+"="+hook+" attaches it\n") ||
			strings.Contains(out, "attached "+name+" to") {
			t.Errorf("%s is attached, or the line to type isn't said:\n%s", name, out)
		}
		options = append(options, "--attach", name+"="+hook)
	}
	out = run(options...)
	for _, name := range []string{"on_xdp", "on_egress", "on_cgroup"} {
		if !strings.Contains(out, "attached "+name+" to") {
			t.Errorf("with %q: %s", options, out)
		}
	}
}

// Oracle: clang and llvm-objcopy, which make objects without programs.
func TestNoPrograms(t *testing.T) {
	testkit.Root(t)
	text := testkit.Compile(t, "int f(void *x) { return 0; }")
	data := testkit.Compile(t, "int x = 1;")
	bare := filepath.Join(t.TempDir(), "bare.bpf.o")
	testkit.Run(t, "llvm-objcopy-19", "--strip-symbol=count_packets",
		"--strip-symbol=on_xdp", "--strip-symbol=emit",
		testkit.Compile(t, `__attribute__((section("xdp"))) int emit(void *x) { return 2; }`), bare)
	for object, why := range map[string]string{
		text: "all functions are in .text", data: "no section has code",
		bare: "code is in xdp, but the symbol table has no functions there",
	} {
		for _, args := range [][]string{{"run", object}, {"verify", object}, {"check", object},
			{"attach", object, "f", "xdp:lo"}} {
			out, err := command(t, args...).CombinedOutput()
			failed := args[0] == "run" || args[0] == "attach"
			if (err != nil) != failed || !strings.Contains(string(out), "no programs: "+why) {
				t.Errorf("%v: %v, %s", args, err, out)
			}
		}
	}
}

// Oracle: the options that the command itself proposes: with them, it attaches what it had left
// out.
func TestRunTellsOptions(t *testing.T) {
	testkit.Root(t)
	testkit.Netns(t)
	cgroup := testkit.Cgroup(t)
	object := compiled(t, "hooks")
	run := func(more ...string) string {
		t.Helper()
		out, err := command(t,
			append([]string{"run", object, "--for", "50ms", "--cgroup", cgroup},
				more...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	first := run()
	if want := "attached cgroup_pass to cgroup " + cgroup; !strings.Contains(first, want) {
		t.Errorf("%s\ndoesn't say %q", first, want)
	}
	named := regexp.MustCompile(
		`not attached: program (\w+) .*; (--attach) (\S+) attaches it`).FindAllStringSubmatch(first,
		-1)
	var programs, options []string
	for _, m := range named {
		programs = append(programs, m[1])
		options = append(options, m[2],
			strings.Replace(m[3], "uprobe:FILE:FUNC[+OFFSET]", "uprobe:"+victim(t)+":probed", 1))
	}
	if diff := cmp.Diff([]string{"tc_pass", "uprobe_count", "sample"}, programs); diff != "" {
		t.Fatalf("not attached (-want +got):\n%s\n%s", diff, first)
	}
	second := run(options...)
	for _, name := range append(programs, "cgroup_pass") {
		if !strings.Contains(second, "attached "+name+" to ") ||
			strings.Contains(second, "not attached") {
			t.Errorf("with %q: %s", options, second)
		}
	}
}

// Oracle: the pid of this test, and the ids of its threads in /proc; the kernel's error for an
// argument that the iterator doesn't take.
func TestRunIterators(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	object := "../../testdata/iter.bpf.o"
	run := func(args ...string) (out, errs string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		cmd := command(t, args...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		start := time.Now()
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, stderr.String())
		}
		if took := time.Since(start); took > testkit.Patience(20*time.Second) {
			t.Errorf("%v took %v", args, took)
		}
		return stdout.String(), stderr.String()
	}
	main := fmt.Sprintf("%d %d", os.Getpid(), os.Getpid())
	has := func(text string) bool { return slices.Contains(strings.Split(text, "\n"), main) }

	// Only iterators: it ends by itself.
	if out, errs := run("run", object, "--attach", "tasks=auto"); !has(out) {
		t.Errorf("%d bytes without this process; %s", len(out), errs)
	}
	out, _ := run("run", object, "--json", "--attach",
		fmt.Sprintf("tasks=iter,tid=%d", os.Getpid()))
	var doc iteratorDocument
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&doc); err != nil ||
		doc.Iterator != "tasks" || doc.Output != main+"\n" || doc.More {
		t.Errorf("document %+v, %v", doc, err)
	}
	if out, _ := run("attach", object, "tasks",
		fmt.Sprintf("iter,pid=%d", os.Getpid())); !has(out) || strings.Contains(out, "\n1 1\n") {
		t.Errorf("attach: %q", out)
	}
	out, _ = run("attach", "--json", object, "tasks", fmt.Sprintf("iter,tid=%d", os.Getpid()))
	var at attachedDocument
	doc = iteratorDocument{}
	docs := json.NewDecoder(strings.NewReader(out))
	if err := errors.Join(docs.Decode(&at), docs.Decode(&doc)); err != nil ||
		at.Program != "tasks" || doc.Iterator != "tasks" || doc.Output != main+"\n" || docs.More() {
		t.Errorf("attach: %q, %v", out, err)
	}
	// A map's iterator is not attached without a map, and the command says how to attach it.
	if _, errs := run("run", object,
		"--attach", "tasks=auto"); !strings.Contains(errs,
		"--attach bpf_map_elem=iter,map=MAP attaches it") {
		t.Errorf("says %s", errs)
	}
	t.Run("map", func(t *testing.T) {
		const section = "iter/bpf_map_elem"
		out, err := command(t, "run", object, "--attach",
			"bpf_map_elem=iter,map=numbers").CombinedOutput()
		if err != nil {
			if refused, err := testkit.MinimalErrno(t, section); err == nil &&
				bytes.Contains(out, []byte(refused.Error())) {
				testkit.SkipRefused(t, refused, section)
			}
		}
		if err != nil || !bytes.Contains(out, []byte("attached bpf_map_elem")) {
			t.Errorf("iterator of a map: %v, %s", err, out)
		}
		out, err = command(t, "run", object, "--attach",
			"bpf_map_elem=iter,map=no_such_map").CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte("no_such_map")) {
			t.Errorf("no such map: %v, %s", err, out)
		}
	})
}

// Oracle: the requested length, for an iterator with more output.
func TestIterateIsBounded(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	h, err := parseHook("iter")
	if err != nil {
		t.Fatal(err)
	}
	a := attacher{errOut: io.Discard}
	s, done, err := a.open([]string{"../../testdata/iter.bpf.o", "tasks", "iter"}, h)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	at, err := h.attach(s)
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	var out bytes.Buffer
	if more, err := iterate(t.Context(), &out, at.iterator(), 3); err != nil || !more ||
		out.Len() != 3 {
		t.Errorf("%d bytes, more %v, %v", out.Len(), more, err)
	}
	out.Reset()
	if more, err := iterate(t.Context(), &out, at.iterator(), maxIterated); err != nil || more ||
		out.Len() < 10 {
		t.Errorf("%d bytes, more %v, %v", out.Len(), more, err)
	}
}

// Oracle: bpftool, for the attachments while links are pinned, and afterwards.
func TestRunPins(t *testing.T) {
	testkit.Root(t)
	testkit.Netns(t)
	dir := testkit.BPFFS(t)
	cgroup := testkit.Cgroup(t)
	object := compiled(t, "hooks")
	out, err := command(t, "run", object, "--for", "50ms", "--cgroup", cgroup, "--pin", dir,
		"--attach", "sample=perf:cpu-clock", "--attach", "tc_pass=tc-ingress:lo").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "not pinned: tc_pass to lo (tc ingress)") {
		t.Fatalf("%v: %s", err, out)
	}
	pins, err := filepath.Glob(dir + "/*")
	if err != nil || len(pins) < 2 {
		t.Fatalf("pinned %q, %v; %s", pins, err, out)
	}
	if shown := testkit.Run(t, "bpftool", "cgroup",
		"show", cgroup); !bytes.Contains(shown, []byte("cgroup_pass")) {
		t.Errorf("bpftool shows %s", shown)
	}
	if out, err := command(t,
		append([]string{"detach", "--json"}, pins...)...).CombinedOutput(); err != nil ||
		bytes.Count(out, []byte(`{"detached":`)) != len(pins) {
		t.Errorf("detach: %v, %s", err, out)
	}
	if shown := testkit.Run(t, "bpftool", "cgroup",
		"show", cgroup); bytes.Contains(shown, []byte("cgroup_pass")) {
		t.Errorf("after detach bpftool shows %s", shown)
	}
}

func TestRunRefuses(t *testing.T) {
	testkit.Root(t)
	testkit.Netns(t)
	object := compiled(t, "hooks")
	for _, row := range []struct {
		says string
		args []string
	}{
		{"write PROGRAM=HOOK", []string{"--attach", "tc_pass"}},
		{`has no program or struct_ops map "no_such"; it has tc_pass`,
			[]string{"--attach", "no_such=auto"}},
		{`there is no hook "tcx"`, []string{"--attach", "tc_pass=tcx:lo"}},
		{"is a program; what is attached there is a struct_ops map",
			[]string{"--attach", "tc_pass=struct_ops"}},
		{"no-such-iface", []string{"--attach", "tc_pass=tc-ingress:no-such-iface"}},
		{"/no/such/cgroup", []string{"--cgroup", "/no/such/cgroup"}},
		{"--for must be more than 0", []string{"--for", "-1ms"}},
		{"--interval must be more than 0", []string{"--interval", "0s"}},
	} {
		out, err := command(t,
			append([]string{"run", object, "--for", "10ms"}, row.args...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), row.says) {
			t.Errorf("%v: error %v, %s", row.args, err, out)
		}
	}
	if left := testkit.Run(t, "bpftool", "net",
		"show", "dev", "lo"); bytes.Contains(left, []byte("tc_pass")) {
		t.Errorf("left behind: %s", left)
	}
}

// Oracle: tc, which shows what stays if a process doesn't clean up.
func TestRunEndsInOrder(t *testing.T) {
	testkit.Root(t)
	testkit.Netns(t)
	object := compiled(t, "kinds")
	const readerStalls = "reader doesn't read"
	for name, end := range map[string]func(cmd *exec.Cmd, out, errs *os.File){
		"reader is gone": func(_ *exec.Cmd, out, errs *os.File) { out.Close(); errs.Close() },
		"terminal is gone": func(cmd *exec.Cmd, _, _ *os.File) {
			cmd.Process.Signal(syscall.SIGHUP)
		},
		"terminated": func(cmd *exec.Cmd, _, _ *os.File) { cmd.Process.Signal(syscall.SIGTERM) },
		readerStalls: func(cmd *exec.Cmd, _, _ *os.File) {
			testkit.UntilWrites(t, cmd.Process.Pid, 1, 2)
			cmd.Process.Signal(syscall.SIGINT)
		},
	} {
		out, outW, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		errs, errsW, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := command(t, "run", "--for", "1m", "--interval", "20ms", object, "--attach",
			"on_tc=tc-ingress:lo", "--attach", "on_tc=tc-egress:lo")
		cmd.Args = append(cmd.Args, "--cgroup", testkit.Cgroup(t))
		cmd.Stdout, cmd.Stderr = outW, errsW
		if name == readerStalls {
			fill(t, outW)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer time.AfterFunc(testkit.Patience(20*time.Second), func() { cmd.Process.Kill() }).Stop()
		outW.Close()
		errsW.Close()
		if _, err := bufio.NewReader(errs).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		end(cmd, out, errs)
		start := time.Now()
		if cmd.Wait(); time.Since(start) > testkit.Patience(10*time.Second) {
			t.Errorf("%s: took %v", name, time.Since(start))
		}
		out.Close()
		errs.Close()
		if left := testkit.Run(t, "tc", "qdisc",
			"show", "dev", "lo"); bytes.Contains(left, []byte("clsact")) {
			t.Errorf("%s: left behind: %s", name, left)
		}
	}
}

// onThread runs f on a thread that ends with it.
func onThread(f func()) {
	done := make(chan struct{})
	testkit.OnOwnThread(func() {
		defer close(done)
		f()
	})
	<-done
}

// staleEvents simulates events of a dead process, visible only to this thread and its children:
// tests of other packages use the real file. It returns the replacement for uprobe_events.
func staleEvents(t *testing.T) string {
	t.Helper()
	tracefs, err := kernel.Running().Tracefs()
	if err != nil {
		t.Fatal(err)
	}
	dead := command(t, "version")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "uprobe_events")
	text := fmt.Sprintf(
		"p:uprobes/purebpf_%d_1_sh_0x10 /bin/sh:0x0000000000000010\np:uprobes/by_hand /bin/sh:0x0000000000000020\n", dead.Process.Pid)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		testkit.Skip(t, "cannot make a mount namespace: %v", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(file, tracefs+"/uprobe_events", "", unix.MS_BIND, ""); err != nil {
		testkit.Skip(t, "cannot put a file in the place of uprobe_events: %v", err)
	}
	return file
}

// Oracle: the line that the kernel's documentation (trace/uprobetracer) gives to remove an event.
func TestStaleEvents(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	object := compiled(t, "kinds")
	onThread(func() {
		file := staleEvents(t)
		args := []string{"run", object, "--for", "10ms", "--attach", "on_uprobe=uprobe:" +
			victim(t) + ":probed", "--attach", "on_lookup=netns:/proc/self/ns/net"}
		if out, err := command(t, args...).CombinedOutput(); err != nil ||
			!strings.Contains(string(out),
				"1 probe events of killed loaders are left in tracefs; bpf detach --stale removes them") {
			t.Errorf("run: %v, %s", err, out)
		}
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out, err := command(t, "detach", "--stale").CombinedOutput()
		event, _, _ := strings.Cut(strings.TrimPrefix(string(before), "p:"), "\n")
		if err != nil || string(out) != "removed "+event+"\n" {
			t.Errorf("detach --stale: %v, %q", err, out)
		}
		after, err := os.ReadFile(file)
		name, _, _ := strings.Cut(event, " ")
		if err != nil || strings.TrimPrefix(string(after), string(before)) != "-:"+name+"\n" &&
			strings.TrimPrefix(string(after), string(before)) != "-:"+name {
			t.Errorf("%v, wrote %q", err, strings.TrimPrefix(string(after), string(before)))
		}
	})
}
