//go:build amd64

package include_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/include"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// call is struct call of testdata/families.bpf.c.
type call struct {
	Count uint64
	Args  [3]int64
}

// compileWithHeaders compiles a source of testdata with the headers here. Their contents are part
// of what tells one compiled object from another.
func compileWithHeaders(t *testing.T, name string, flags ...string) string {
	t.Helper()
	h := sha256.New()
	err := fs.WalkDir(include.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := include.Files.ReadFile(path)
		h.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	flags = append(flags, "-D__TARGET_ARCH_x86", "-I.", "-idirafter", "uapi",
		"-DHEADERS="+hex.EncodeToString(h.Sum(nil)[:8]))
	return testkit.Compile(t, string(source), flags...)
}

// family loads the named programs of families.bpf.c, for what this process does.
func family(t *testing.T, section string, names ...string) *bpf.Object {
	t.Helper()
	return loadSome(t, compileWithHeaders(t, "families.bpf.c", "-nostdlibinc"), section, names...)
}

// loadSome loads the named programs of an object that has a variable only_pid.
func loadSome(t *testing.T, object, section string, names ...string) *bpf.Object {
	t.Helper()
	testkit.Root(t)
	o, err := bpf.Open(object, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range o.Programs {
		p.Autoload = false
		for _, name := range names {
			p.Autoload = p.Autoload || p.Name == name
		}
	}
	obj, err := bpf.Load(o, nil)
	if err != nil {
		testkit.SkipRefused(t, err, section)
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() {
		if err := obj.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := obj.Variable("only_pid").Set(uint32(os.Getpid())); err != nil {
		t.Fatal(err)
	}
	return obj
}

// lseek makes one lseek system call, which returns its offset.
func lseek(t *testing.T) (fd int) {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if at, err := f.Seek(12345, 0); at != 12345 || err != nil {
		t.Fatal(at, err)
	}
	return int(f.Fd())
}

func variable[T any](t *testing.T, obj *bpf.Object, name string) T {
	t.Helper()
	v, err := bpf.VarOf[T](obj.Variable(name))
	if err != nil {
		t.Fatal(err)
	}
	return *v
}

// Programs of raw tracepoints. The oracle is what this test and its process are: a system call with
// known arguments, process id and name, and the formats as printf(3) has them.
func TestFamilyRawTracepoint(t *testing.T) {
	obj := family(t, "raw_tp/sys_enter", "on_enter", "loops")
	if _, err := obj.Attach(); err != nil {
		t.Fatal(err)
	}
	fd := lseek(t)
	pid := uint64(os.Getpid())
	for name, want := range map[string]uint64{
		"prog_id": 8, "prog_fd": uint64(fd), "core_tgid": pid, "core_bits": pid, "core_into": pid,
		"printed": 1, "printed_many": 4, "swapped": 1,
	} {
		if got := variable[uint64](t, obj, name); got != want {
			t.Errorf("%s is %d instead of %d", name, got, want)
		}
	}
	text := func(b []byte) string { text, _, _ := bytes.Cut(b, []byte{0}); return string(text) }
	formatted := variable[[32]byte](t, obj, "formatted")
	if got := text(formatted[:]); got != "7 seven 77" {
		t.Errorf("BPF_SNPRINTF wrote %q", got)
	}
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	name := variable[[16]byte](t, obj, "core_comm")
	if got := text(name[:]); got != strings.TrimSpace(string(comm)) {
		t.Errorf("BPF_CORE_READ_STR_INTO read %q, the process is %q", got, comm)
	}
	want := uint64(5050 + 5*1000 + 7*100000)
	if !hasFunction(t, "bpf_iter_num_new") {
		want = 0
	}
	if got := variable[uint64](t, obj, "counted"); got != want {
		t.Errorf("loops counted %d instead of %d", got, want)
	}
}

// bpf_for_each walks numbers, and all processes: this one and kthreadd once. Oracle: the kernel's
// process ids.
func TestFamilyForEach(t *testing.T) {
	obj := family(t, "raw_tp/sys_enter", "walk")
	if _, err := obj.Attach(); err != nil {
		t.Fatal(err)
	}
	lseek(t)
	want := map[string]uint64{"walked_numbers": 36, "walked_self": 1, "walked_second": 1}
	has := hasFunction(t, "bpf_iter_task_new")
	for name, want := range want {
		if !has {
			want = 0
		}
		if got := variable[uint64](t, obj, name); got != want {
			t.Errorf("%s is %d instead of %d", name, got, want)
		}
	}
}

// hasFunction tells whether the kernel has a function, by /proc/kallsyms.
func hasFunction(t *testing.T, name string) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(text, []byte(" "+name+"\n"))
}

// Oracle: the arguments and the result of the system call that the test makes.
func TestFamilyKprobe(t *testing.T) {
	needKprobes(t)
	obj := family(t, "kprobe", "on_kprobe", "on_kretprobe", "on_ksyscall")
	if _, err := obj.Attach(); err != nil {
		t.Fatal(err)
	}
	fd := int64(lseek(t))
	for name, want := range map[string]call{
		"kprobe_seen":    {1, [3]int64{fd, 12345, 0}},
		"kretprobe_seen": {1, [3]int64{12345, 0, 0}},
		"ksyscall_seen":  {1, [3]int64{fd, 12345, 0}},
	} {
		if got := variable[call](t, obj, name); got != want {
			t.Errorf("%s is %v instead of %v", name, got, want)
		}
	}
}

func needKprobes(t *testing.T) {
	t.Helper()
	testkit.Tracefs(t)
	text, err := kernel.Running().Kconfig()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte("\nCONFIG_KPROBE_EVENTS=y\n")) {
		testkit.Skip(t, "the kernel was built without CONFIG_KPROBE_EVENTS")
	}
}

// With linux/ptrace.h instead of vmlinux.h the registers have names that the kernel doesn't know.
// Oracle: as above.
func TestFamilyPtrace(t *testing.T) {
	object := compileWithHeaders(t, "ptrace.bpf.c", "-idirafter", "/usr/include/x86_64-linux-gnu")
	check := func(t *testing.T, obj *bpf.Object, want map[string]call) {
		t.Helper()
		for name, want := range want {
			if got := variable[call](t, obj, name); got != want {
				t.Errorf("%s is %v instead of %v", name, got, want)
			}
		}
	}
	t.Run("raw tracepoint", func(t *testing.T) {
		obj := loadSome(t, object, "raw_tp/sys_enter", "on_enter")
		if _, err := obj.Attach(); err != nil {
			t.Fatal(err)
		}
		fd := int64(lseek(t))
		check(t, obj, map[string]call{"raw_seen": {1, [3]int64{fd, 12345, 0}}})
	})
	t.Run("kprobe", func(t *testing.T) {
		needKprobes(t)
		obj := loadSome(t, object, "kprobe", "on_kprobe", "on_kretprobe", "on_ksyscall")
		if _, err := obj.Attach(); err != nil {
			t.Fatal(err)
		}
		fd := int64(lseek(t))
		check(t, obj, map[string]call{
			"kprobe_seen":    {1, [3]int64{fd, 12345, 0}},
			"kretprobe_seen": {1, [3]int64{12345, 12345, 0}},
			"ksyscall_seen":  {1, [3]int64{fd, 12345, 0}},
		})
	})
}

// Oracle: as above.
func TestFamilyFentry(t *testing.T) {
	obj := family(t, "fentry/bpf_fentry_test1", "on_fexit")
	if _, err := obj.Attach(); err != nil {
		testkit.SkipRefused(t, err, "fentry/bpf_fentry_test1")
		t.Fatal(err)
	}
	fd := int64(lseek(t))
	want := call{1, [3]int64{fd, 12345, 12345}}
	if got := variable[call](t, obj, "fentry_seen"); got != want {
		t.Errorf("%v instead of %v", got, want)
	}
}

// probed is a program with a function and a probe, whose arguments its own text has.
const probed = `#include <stdio.h>
#include <sys/sdt.h>
__attribute__((noinline, noipa)) int probed(int a, long b, short c)
{
	STAP_PROBE3(families, probe, a, b, c);
	return a + 1000;
}
int main(void)
{
	getchar();
	return probed(-7, 1l << 40, -300) == 993 ? 0 : 1;
}
`

// Oracle: the arguments in the program's text.
func TestFamilyUser(t *testing.T) {
	testkit.Root(t)
	testkit.PatchedCode(t)
	program := testkit.Native(t, probed, "-static")
	obj := family(t, "uprobe", "on_uprobe", "on_uretprobe", "on_usdt")
	cmd := exec.Command(program)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	finished := false
	defer func() {
		if !finished {
			cmd.Process.Kill()
			cmd.Wait()
		}
	}()
	if err := obj.Variable("only_pid").Set(uint32(cmd.Process.Pid)); err != nil {
		t.Fatal(err)
	}
	attach := func(link *bpf.Link, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { link.Close() })
	}
	attach(obj.Program("on_uprobe").AttachUprobe(program, "probed", nil))
	attach(obj.Program("on_uretprobe").AttachUprobe(program, "probed",
		&bpf.UprobeOptions{Return: true}))
	attach(obj.Program("on_usdt").AttachUSDT(program, "families", "probe", nil))
	stdin.Close()
	err = cmd.Wait()
	finished = true
	if err != nil {
		t.Fatal(err)
	}
	args := [3]int64{-7, 1 << 40, -300}
	for name, want := range map[string]call{
		"uprobe_seen":    {1, args},
		"uretprobe_seen": {1, [3]int64{993, 0, 0}},
		"usdt_seen":      {1 + 100*3 + 10000*2, args}, // three arguments, the last of two bytes
	} {
		if got := variable[call](t, obj, name); got != want {
			t.Errorf("%s is %v instead of %v", name, got, want)
		}
	}
}
