package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// toolLine is a line of testdata/tools.tsv.
type toolLine struct {
	object, when, args, shows string
}

func toolTable(t *testing.T) (lines []toolLine) {
	t.Helper()
	text, err := os.ReadFile("testdata/tools.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 4 {
			t.Fatalf("testdata/tools.tsv: %d columns in %q", len(f), line)
		}
		lines = append(lines, toolLine{f[0], f[1], f[2], f[3]})
	}
	return lines
}

// kernelFunctions returns the names of the functions that can be traced, or where the kernel
// doesn't list them, all names in /proc/kallsyms.
func kernelFunctions(t *testing.T) map[string]bool {
	t.Helper()
	column := 0
	text, err := os.ReadFile("/sys/kernel/tracing/available_filter_functions")
	if err != nil {
		column = 2
		text, err = os.ReadFile("/proc/kallsyms")
	}
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > column {
			names[f[column]] = true
		}
	}
	return names
}

// kernelField reports whether a struct of the kernel has a field.
func kernelField(t *testing.T, path string) bool {
	t.Helper()
	s, err := kernel.Running().BTF()
	if err != nil {
		t.Fatal(err)
	}
	name, field, _ := strings.Cut(path, ".")
	id, _ := s.FindByName(name, btf.KindStruct)
	typ, _ := s.Type(id)
	for i := range typ.Vlen() {
		if typ.Member(i).Name == field {
			return true
		}
	}
	return false
}

// holds reports whether the conditions of a line do.
func (l toolLine) holds(t *testing.T, functions map[string]bool) bool {
	t.Helper()
	for _, condition := range strings.Fields(l.when) {
		kind, what, _ := strings.Cut(condition, "=")
		switch kind {
		case "has", "no":
			if functions[what] != (kind == "has") {
				return false
			}
		case "file":
			if _, err := os.Stat(what); err != nil {
				return false
			}
		case "field":
			if !kernelField(t, what) {
				return false
			}
		case "pmu":
			if !countsCacheMisses(t) {
				return false
			}
		case "kprobes":
			if !hasKprobes() {
				return false
			}
		default:
			t.Fatalf("testdata/tools.tsv: condition %q", condition)
		}
	}
	return true
}

// countsCacheMisses reports whether the machine has hardware events.
func countsCacheMisses(t *testing.T) bool {
	t.Helper()
	fd, err := unix.PerfEventOpen(&unix.PerfEventAttr{Type: unix.PERF_TYPE_HARDWARE,
		Config: unix.PERF_COUNT_HW_CACHE_MISSES, Size: unix.PERF_ATTR_SIZE_VER5}, -1, 0, -1, 0)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

// hasKprobes reports whether the kernel has kprobes.
func hasKprobes() bool {
	_, source := os.Stat("/sys/bus/event_source/devices/kprobe")
	_, file := os.Stat("/sys/kernel/tracing/kprobe_events")
	return source == nil || file == nil
}

// shellWords splits a command line as a shell does, with single quotes.
func shellWords(line string) (list []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			list = append(list, part)
		} else {
			list = append(list, strings.Fields(part)...)
		}
	}
	return list
}

// found collects output until it matches a pattern.
type found struct {
	pattern *regexp.Regexp
	match   chan struct{}
	mu      sync.Mutex
	once    sync.Once
	text    bytes.Buffer
}

func (f *found) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text.Write(p)
	if f.pattern.Match(f.text.Bytes()) {
		f.once.Do(func() { close(f.match) })
	}
	return len(p), nil
}

func (f *found) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text.String()
}

// stir makes what the tools watch, once: processes, files, signals, mounts, connections, writes to
// a block device. disk may be nil.
func stir(dir string, disk *os.File) {
	name := filepath.Join(dir, "table-of-tools")
	if f, err := os.Create(name); err == nil {
		f.Write(make([]byte, 4096))
		f.Sync()
		f.Close()
	}
	if f, err := os.Open(name); err == nil {
		io.Copy(io.Discard, f)
		f.Stat()
		f.Close()
	}
	os.Stat(name)
	var fs syscall.Statfs_t
	syscall.Statfs(name, &fs)
	syscall.Mount("table-of-tools", dir+"/nowhere", "tmpfs", 0, "")
	os.Remove(name)
	syscall.Kill(os.Getpid(), syscall.SIGURG)
	exec.Command("/bin/true", "table-of-tools").Run()
	exec.Command("/usr/bin/getent", "ahosts", "localhost").Run()
	shell := exec.Command("/bin/bash", "--norc", "-i")
	shell.Stdin = strings.NewReader(": typed by the test\n")
	shell.Run()
	var tcp net.ListenConfig
	tcp.SetMultipathTCP(false) // which the tools don't watch
	if l, err := tcp.Listen(context.Background(), "tcp4", "127.0.0.1:0"); err == nil {
		if c, err := net.Dial("tcp4", l.Addr().String()); err == nil {
			if s, err := l.Accept(); err == nil {
				c.Write(make([]byte, 100))
				s.Read(make([]byte, 100))
				s.Close()
			}
			c.Close()
		}
		l.Close()
	}
	if disk != nil {
		disk.WriteAt(make([]byte, 4096), 0)
		disk.Sync()
	}
}

// causes are what some tools watch and stir doesn't make: each prepares it, and returns what makes
// it once.
var causes = map[string]func(t *testing.T, dir *string) func(){
	"ext4dist":   ext4Files,
	"ext4slower": ext4Files,
	"hardirqs":   interrupts,
	"javagc":     garbageCollections,
	"oomkill":    outOfMemory,
}

// ext4Files mounts an ext4 file system for stir. Its image is of mkfs.ext4 -O ^has_journal -b 1024
// -N 16 -m 0.
func ext4Files(t *testing.T, dir *string) func() {
	packed, err := os.Open("testdata/ext4.img.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	image, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	disk := loopOver(t, image)
	if disk == nil {
		return nil
	}
	at := filepath.Join(*dir, "ext4")
	if err := errors.Join(os.Mkdir(at, 0o700),
		unix.Mount(disk.Name(), at, "ext4", 0, "")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(at, 0); err != nil {
			t.Error(err)
		}
	})
	*dir = at
	return nil
}

// interrupts lets the keyboard of a virtual machine switch a light, which it confirms by an
// interrupt. Other machines have interrupts of their own.
func interrupts(t *testing.T, _ *string) func() {
	if os.Getenv("PUREBPF_DISPOSABLE") != "1" {
		return nil
	}
	console, err := os.OpenFile("/dev/tty0", os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	t.Cleanup(func() { console.Close() })
	const setLights = 0x4b32 // KDSETLED of linux/kd.h
	lights := 0
	return func() {
		lights ^= 1
		unix.IoctlSetInt(int(console.Fd()), setLights, lights)
	}
}

// garbageCollections runs a Java machine whose memory is so small that it collects garbage.
func garbageCollections(*testing.T, *string) func() {
	return func() {
		exec.Command("java", "-Xmn1m", "-Xms4m", "-Xmx4m", "-XX:+UseSerialGC", "-version").Run()
	}
}

// outOfMemory starts processes in a cgroup that has no memory.
func outOfMemory(t *testing.T, _ *string) func() {
	const root = "/sys/fs/cgroup"
	os.WriteFile(root+"/cgroup.subtree_control", []byte("+memory"), 0)
	group := filepath.Join(root, "table-of-tools")
	if err := os.Mkdir(group, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The kernel may still be about to end the last process.
		testkit.Await(testkit.Patience(time.Second), func() bool {
			return !errors.Is(os.Remove(group), unix.EBUSY)
		})
	})
	if err := os.WriteFile(group+"/memory.max", []byte("4096"), 0); err != nil {
		t.Fatal(err)
	}
	return func() {
		exec.Command("/bin/sh", "-c", "echo $$ > "+group+"/cgroup.procs; exec /bin/true").Run()
	}
}

// loopDevice returns a block device over a file, nil if the kernel has none.
func loopDevice(t *testing.T) *os.File {
	t.Helper()
	return loopOver(t, make([]byte, 1<<20))
}

func loopOver(t *testing.T, content []byte) *os.File {
	t.Helper()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	defer control.Close()
	n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return nil
	}
	disk, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetInt(int(disk.Fd()), unix.LOOP_SET_FD, int(file.Fd())); err != nil {
		disk.Close()
		return nil
	}
	t.Cleanup(func() {
		unix.IoctlSetInt(int(disk.Fd()), unix.LOOP_CLR_FD, 0)
		disk.Close()
	})
	return disk
}

// TestTools runs every object of libbpf-tools with the command line of testdata/tools.tsv, and
// waits until it shows what the test caused. The oracle of the values is the test's own doing: its
// files, processes, connections and signals; the oracle of a refusal is C libbpf, to which the
// kernel refuses the object or the smallest program of that kind, and the kernel's list of
// functions.
func TestTools(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	testkit.Tracefs(t)
	testkit.SameArch(t)
	corpus := testkit.Corpus(t, "tools")
	functions := kernelFunctions(t)
	lines := toolTable(t)
	chosen := map[string]*toolLine{}
	for i := range lines {
		if l := &lines[i]; chosen[l.object] == nil && l.holds(t, functions) {
			chosen[l.object] = l
		}
	}
	for _, path := range corpus {
		name := strings.TrimSuffix(filepath.Base(path), ".bpf.o")
		if chosen[name] == nil {
			t.Errorf("no line of testdata/tools.tsv for %s holds here", name)
		}
	}
	some := 8
	if os.Getenv("PUREBPF_DISPOSABLE") == "1" && !testing.Short() {
		some = len(corpus) // only virtual machines have kernels on which all run
	}
	for _, path := range testkit.Spread(t, "objects of libbpf-tools", corpus, some) {
		name := strings.TrimSuffix(filepath.Base(path), ".bpf.o")
		l := chosen[name]
		if l == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if l.args == "-" {
				t.Logf("%s", l.shows)
				if strings.HasPrefix(l.shows, "this kernel") && testkit.Oracle(t, path)[0].OK {
					t.Errorf("C libbpf loads it")
				}
				return
			}
			runTool(t, path, l)
		})
	}
}

func runTool(t *testing.T, path string, l *toolLine) {
	t.Helper()
	testkit.Netns(t)
	dir, disk := t.TempDir(), loopDevice(t)
	var also func()
	if cause := causes[l.object]; cause != nil {
		also = cause(t, &dir)
	}
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	shows := strings.ReplaceAll(l.shows, "COMM", regexp.QuoteMeta(strings.TrimSpace(string(comm))))
	out := &found{pattern: regexp.MustCompile(shows), match: make(chan struct{})}
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience(20*time.Second))
	defer cancel()
	stirring := make(chan struct{})
	go func() {
		defer close(stirring)
		for ctx.Err() == nil {
			stir(dir, disk)
			if also != nil {
				also()
			}
			select {
			case <-out.match:
				cancel()
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	root := newRootCommand()
	root.SetArgs(append([]string{"run", path, "--interval", "200ms"}, shellWords(l.args)...))
	root.SetOut(out)
	root.SetErr(out)
	err = root.ExecuteContext(ctx)
	cancel()
	<-stirring
	if err != nil {
		if strings.Contains(err.Error(), "SEC f") || strings.Contains(err.Error(), "fentry") {
			testkit.SkipRefused(t, err, "fentry/bpf_fentry_test1")
		}
		if strings.Contains(err.Error(), "kprobe") && !hasKprobes() {
			testkit.Skip(t, "this kernel has no kprobes")
		}
		var refused *bpf.VerifierError
		if errors.As(err, &refused) && testkit.Oracle(t, path)[0].Program == refused.Program {
			testkit.Skip(t, "this kernel refuses C libbpf program %s too", refused.Program)
		}
		t.Errorf("bpf run %s %s: %v", path, l.args, err)
		return
	}
	select {
	case <-out.match:
		t.Logf("bpf run %s.bpf.o %s\n%.600s", l.object, l.args, out)
	default:
		t.Errorf("bpf run %s %s doesn't show %q but\n%.3000s", path, l.args, shows, out)
	}
}
