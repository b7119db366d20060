package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hinshun/vt10x"
	"github.com/purebpf/bpf/internal/testkit"
)

// liveRun is a command on a terminal. vt10x, a terminal emulator, is the oracle for what a
// person sees.
type liveRun struct {
	cmd  *exec.Cmd
	vt   vt10x.Terminal
	tty  *os.File
	read sync.WaitGroup
}

func startLive(t testing.TB, columns, rows int, args ...string) *liveRun {
	t.Helper()
	master, tty := testkit.PTY(t, columns, rows)
	x := &liveRun{cmd: command(t, args...), tty: tty,
		vt: vt10x.New(vt10x.WithSize(columns, rows), vt10x.WithWriter(io.Discard))}
	x.cmd.Stdout, x.cmd.Stderr, x.cmd.Stdin = tty, tty, nil
	x.cmd.Env = append(x.cmd.Env, "TERM=xterm")
	if err := x.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.cmd.Process.Kill() })
	x.read.Go(func() {
		// The emulator wants whole characters.
		for r := bufio.NewReader(master); ; {
			c, _, err := r.ReadRune()
			if err != nil {
				return
			}
			io.WriteString(x.vt, string(c))
		}
	})
	return x
}

// text returns what the terminal shows.
func (x *liveRun) text() string {
	var lines []string
	for line := range strings.Lines(x.vt.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// await waits until the terminal shows what a pattern describes, and returns its text.
func (x *liveRun) await(t testing.TB, pattern string) string {
	t.Helper()
	want := regexp.MustCompile(pattern)
	var text string
	if !testkit.Await(testkit.Patience(20*time.Second), func() bool {
		text = x.text()
		return want.MatchString(text)
	}) {
		t.Fatalf("the terminal shows\n%s\nwant %s", text, pattern)
	}
	return text
}

// end interrupts the command and returns what the terminal shows then.
func (x *liveRun) end(t testing.TB) string {
	t.Helper()
	x.cmd.Process.Signal(syscall.SIGINT)
	if err := x.cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, x.text())
	}
	// All of it was read once what is written behind it was.
	fmt.Fprint(x.tty, "\r\nEND")
	return strings.TrimSuffix(x.await(t, `END$`), "\nEND")
}

// TestLive: the packet counter on a terminal makes traffic on a quiet loopback, counts it, and
// redraws in place. Oracle: a terminal emulator, and the traffic: each connection has several
// packets.
func TestLive(t *testing.T) {
	testkit.Root(t)
	testkit.Netns(t)
	x := startLive(t, 80, 24, "run")
	for _, want := range []string{
		`(?m)^attached count_packets to lo \(xdp\)$`,
		`(?m)^bpf run · packet counter on lo \(xdp\) · \d\d:\d\d · Ctrl-C ends and detaches$`,
		`(?m)^protocol +packets +/s +bytes +B/s$`,
		`(?m)^tcp +\d+ `,
		`(?m)^lo was quiet: sending packets to 127.0.0.1 \(--no-demo stops that\)$`,
		`(?m)^udp +\d\d\d+ +\d+\.\d `,
	} {
		x.await(t, want)
	}
	text := x.end(t)
	if n := strings.Count(text, "bpf run ·"); n != 1 {
		t.Errorf("%d headings are left on the terminal\n%s", n, text)
	}
	t.Logf("at the end:\n%s", text)
}

// TestLiveRecords: records scroll above the live lines, which count them. Oracle: as many calls as
// the test makes, and the terminal emulator.
func TestLiveRecords(t *testing.T) {
	testkit.Root(t)
	obj := testkit.Compile(t, printing)
	x := startLive(t, 100, 12, "run", obj, "--type", "struct note", "--set",
		fmt.Sprint("only=", os.Getpid()))
	x.await(t, `attached on_getppid`)
	x.await(t, `bpf run ·`)
	syscall.Getppid()
	x.await(t, `(?m)^\d\d:\d\d:\d\d\.\d+ notes pid \d+`)
	x.await(t, `(?m)^\d\d:\d\d:\d\d\.\d+ printk .*: getppid by [1-9]`)
	for range 20 {
		syscall.Getppid()
	}
	for _, want := range []string{
		`(?m)^─+$`, `counts \(hash\): 0 of 16`, `notes: 2\d records`,
	} {
		x.await(t, want)
	}
	syscall.Getppid() // whose record and message may come after the end
	text := strings.TrimSpace(x.end(t))
	lines := strings.Split(text, "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, "notes: ") {
		t.Errorf("%q is below the live lines\n%s", last, text)
	}
}

// TestTallies: records that are shown as bytes are counted at the end. Oracle: the calls that this
// test makes, of which the program sends every other one with three bytes of a number.
func TestTallies(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	obj := testkit.Compile(t, `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct note { __u32 pid; };
const struct note *unused __attribute__((unused));
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } notes SEC(".maps");
int pid, calls;
SEC("tp/syscalls/sys_enter_getppid")
int on_getppid(void *ctx)
{
	struct note n = { bpf_get_current_pid_tgid() >> 32 };
	if (n.pid == pid)
		bpf_ringbuf_output(&notes, &n, calls++ & 1 ? 3 : sizeof(n), 0);
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
`)
	cmd := command(t, "run", obj, "--plain", "--interval", "1h", "--type", "note", "--set",
		fmt.Sprint("pid=", os.Getpid()))
	out := &lineBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	if !testkit.Await(testkit.Patience(20*time.Second), func() bool {
		return strings.Contains(out.String(), "attached")
	}) {
		t.Fatalf("printed\n%s", out.String())
	}
	for range 7 {
		syscall.Getppid()
	}
	if !testkit.Await(testkit.Patience(20*time.Second), func() bool {
		return strings.Count(out.String(), " notes pid ") == 4
	}) {
		t.Fatalf("printed\n%s", out.String())
	}
	cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if want := "\nnotes: 7 records, 3 of unknown type\n"; !strings.Contains(out.String(), want) {
		t.Errorf("printed\n%s\nwant %q", out.String(), want)
	}
}

// TestTwins: two kinds of programs at one tracepoint are reported, and --skip ends that. Oracle:
// the kernel, in which both programs count each call.
func TestTwins(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	obj := testkit.Compile(t, `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
int calls[2];
SEC("raw_tp/sched_switch") int handle_switch(void *ctx) { calls[0]++; return 0; }
SEC("tp_btf/sched_switch") int switch_btf(void *ctx) { calls[1]++; return 0; }
SEC("tp_btf/sched_switch") int another(void *ctx) { return 0; }
SEC("raw_tp/sched_wakeup") int wakeup(void *ctx) { return 0; }
char LICENSE[] SEC("license") = "GPL";
`)
	const note = "switch_btf and handle_switch, another and handle_switch run at the same place: " +
		"what both count is counted twice; --skip handle_switch leaves one of each out\n"
	run := func(args ...string) string {
		out, err := command(t, append([]string{"run", obj, "--plain", "--for", "1ms"},
			args...)...).CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return string(out)
	}
	if out := run(); !strings.Contains(out, note) {
		t.Errorf("printed\n%s\nwant %q", out, note)
	}
	if out := run("--skip", "handle_switch"); strings.Contains(out, "same place") {
		t.Errorf("printed\n%s", out)
	}
}

// TestStacks: a stack trace of a process is shown by the names of its functions, without those by
// which the kernel runs BPF programs. Oracle: the source of the process.
func TestStacks(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	obj := testkit.Compile(t, `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct call { __u32 tgid; __s32 user_stack_id; __s32 kern_stack_id; };
struct { __uint(type, BPF_MAP_TYPE_STACK_TRACE); __uint(max_entries, 64); __uint(key_size, 4);
	__uint(value_size, 127 * 8); } stacks SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 64); __type(key, struct call);
	__type(value, __u64); } calls SEC(".maps");
const volatile __u32 only;
SEC("tp/syscalls/sys_enter_getppid")
int on_getppid(void *ctx)
{
	struct call c = { bpf_get_current_pid_tgid() >> 32 };
	if (c.tgid != only)
		return 0;
	c.user_stack_id = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
	c.kern_stack_id = bpf_get_stackid(ctx, &stacks, 0);
	__u64 one = 1;
	bpf_map_update_elem(&calls, &c, &one, 0);
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
`)
	victim := exec.Command(testkit.Native(t, `
#include <unistd.h>
__attribute__((noinline)) long inner(void) { long n = getppid(); asm volatile(""); return n; }
__attribute__((noinline)) long outer(void) { long n = inner(); asm volatile(""); return n; }
int main(void) { for (;;) { outer(); usleep(10000); } }
`, "-static", "-fno-omit-frame-pointer"))
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { victim.Process.Kill(); victim.Wait() }()
	cmd := command(t, "run", obj, "--plain", "--interval", "100ms", "--set",
		fmt.Sprint("only=", victim.Process.Pid))
	out := &lineBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	want := regexp.MustCompile(`(?m)^\s*\d+ .*getppid < .*outer < main`)
	if !testkit.Await(testkit.Patience(20*time.Second), func() bool {
		return want.MatchString(out.String())
	}) {
		t.Errorf("printed\n%s", out.String())
	}
	if strings.Contains(out.String(), "bpf_prog_") {
		t.Errorf("the program itself is in its stack\n%s", out.String())
	}
	cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// printing is an object whose only program sends a record and prints a message for getppid(2).
const printing = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct note { __u32 pid; };
const struct note *unused __attribute__((unused));
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } notes SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 16); __type(key, __u32);
	__type(value, __u32); } counts SEC(".maps");
const volatile __u32 only;
SEC("tp/syscalls/sys_enter_getppid")
int on_getppid(void *ctx)
{
	__u32 never = 0, pid = bpf_get_current_pid_tgid() >> 32;
	if (only && pid != only)
		return 0;
	struct note *n = bpf_ringbuf_reserve(&notes, sizeof(*n), 0);
	if (n) {
		n->pid = pid;
		bpf_ringbuf_submit(n, 0);
	}
	if (!pid)
		bpf_map_update_elem(&counts, &never, &never, 0);
	bpf_printk("getppid by %d", pid);
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
`

// TestPrintk: messages of the object's programs are shown, by pipes as well, and nothing is taken
// from other readers. Oracle: the calls of the test, and a trace instance of its own.
func TestPrintk(t *testing.T) {
	testkit.Root(t)
	root := testkit.Tracefs(t)
	other := root + "/instances/purebpf-test"
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(other); err != nil {
			t.Error(err)
		}
	})
	enable := other + "/events/bpf_trace/bpf_trace_printk/enable"
	if err := os.WriteFile(enable, []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	obj := testkit.Compile(t, printing)
	for _, args := range [][]string{nil, {"--json"}, {"--no-printk"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			cmd := command(t, append([]string{"run", obj}, args...)...)
			out := &lineBuffer{}
			cmd.Stdout, cmd.Stderr = out, out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			want := fmt.Sprintf("getppid by %d", os.Getpid())
			seen := func() bool {
				syscall.Getppid()
				text := out.String()
				if len(args) > 0 && args[0] == "--no-printk" {
					return strings.Contains(text, "notes ") // a record of the same program
				}
				return strings.Contains(text, want)
			}
			if !testkit.Await(testkit.Patience(20*time.Second), seen) {
				t.Fatalf("printed\n%s\nwant %q", out.String(), want)
			}
			cmd.Process.Signal(syscall.SIGINT)
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v\n%s", err, out.String())
			}
			if len(args) > 0 && args[0] == "--no-printk" && strings.Contains(out.String(), want) {
				t.Errorf("with --no-printk it printed\n%s", out.String())
			}
			if left, err := os.ReadDir(root + "/instances"); err != nil {
				t.Error(err)
			} else {
				for _, e := range left {
					if strings.Contains(e.Name(), fmt.Sprint(cmd.Process.Pid)) {
						t.Errorf("the trace instance %s is left", e.Name())
					}
				}
			}
		})
	}
	trace, err := os.ReadFile(other + "/trace")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(trace), "getppid by") {
		t.Error("another instance lacks the messages")
	}
}

// lineBuffer collects output of a command that still runs.
type lineBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lineBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lineBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestRunEndsUnderLoad: a program that prints and sends a record for every system call, also for
// those by which run reads them, doesn't keep run from ending. Oracle: the end of the process.
func TestRunEndsUnderLoad(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	obj := testkit.Compile(t, `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 1 << 16); } calls SEC(".maps");
SEC("raw_tp/sys_enter")
int on_enter(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 n = ctx->args[1];
	for (int i = 0; i < 8; i++)
		bpf_ringbuf_output(&calls, &n, sizeof(n), 0);
	bpf_printk("call %d", n);
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
`)
	for _, args := range [][]string{{"--plain"}, {"--json"}} {
		out := &lineBuffer{}
		cmd := command(t, append([]string{"run", obj, "--for", "300ms"}, args...)...)
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%q: %v", args, err)
			}
		case <-time.After(testkit.Patience(30 * time.Second)):
			cmd.Process.Kill()
			<-ended
			t.Fatalf("%q did not end", args)
		}
		// Nothing is written in the middle of a line.
		for line := range strings.Lines(out.String()) {
			if args[0] == "--json" && strings.HasPrefix(line, "{") &&
				!json.Valid([]byte(line)) {
				t.Fatalf("%q is no document", line)
			}
			if args[0] == "--plain" && strings.Contains(line, "calls") &&
				!regexp.MustCompile(`^\S+ calls |^TIME +calls |^attached `).MatchString(line) {
				t.Fatalf("%q is no whole line", line)
			}
		}
	}
}

// TestLiveTop shows what a packet counter uses, and where it is attached. Oracle: a terminal
// emulator, and the counter.
func TestLiveTop(t *testing.T) {
	testkit.Root(t)
	testkit.Netns(t)
	counter := startLive(t, 80, 24, "run")
	counter.await(t, `(?m)^udp +\d\d`)
	top := startLive(t, 80, 24, "top", "--filter", "packets")
	text := top.await(t, `(?m)^ *\d+  xdp +count_packets +\d+\.\d+ +\d+\.?\d* +\d+ +\S+\(\d+\)$`)
	top.await(t, `(?m)^ *\d+  percpu_hash +packets +\d\.\d+ % +64 +\d+ B`)
	if last := top.end(t); strings.Count(last, "programs ") != 1 {
		t.Errorf("more than one heading is left:\n%s", last)
	}
	t.Logf("\n%s", text)
	tree := startLive(t, 80, 24, "tree", "--watch")
	t.Logf("\n%s", tree.await(t,
		`(?m)^lo \(1\)\n└─ xdp +\d+ +count_packets \(generic\) +link \d+ → `))
	tree.end(t)
	counter.end(t)
}
