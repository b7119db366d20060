//go:build linux

package vm_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/internal/vm"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// The oracle is GNU cpio's listing and extraction of the archive.
func TestInitramfsReadByCpio(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	content := bytes.Repeat([]byte("odd"), 12345)
	if err := os.WriteFile(program, content, 0o755); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "folder", "below")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "file"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	root := vm.NewInitramfs(vm.Kernel{Arch: runtime.GOARCH}, program)
	root.Add(filepath.Join(dir, "folder"), "/deep/in/it")
	root.Text("/etc/text", "hello\n")
	image := filepath.Join(dir, "image")
	if err := root.WriteFile(image); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	archive, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	cmd := exec.Command(testkit.Tool(t, "cpio"), "-i", "--quiet", "--make-directories")
	cmd.Dir, cmd.Stdin = out, archive
	if text, err := cmd.CombinedOutput(); err != nil || len(text) > 0 {
		t.Fatalf("cpio: %v %s", err, text)
	}
	for name, want := range map[string]string{"init": string(content), "deep/in/it/below/file": "x",
		"etc/text": "hello\n"} {
		got, err := os.ReadFile(filepath.Join(out, name))
		if err != nil || string(got) != want {
			t.Errorf("%s: %v, %d bytes, want %d", name, err, len(got), len(want))
		}
	}
	if info, err := os.Stat(filepath.Join(out, "init")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("init: %v %v", info.Mode(), err)
	}
	if target, err := os.Readlink(filepath.Join(out, "etc/mtab")); target != "/proc/mounts" {
		t.Errorf("etc/mtab -> %q, %v", target, err)
	}
}

func testKernel(t *testing.T) vm.Kernel {
	t.Helper()
	k, err := vm.FindKernel(filepath.Join(testkit.Cache(), "kernels"), "6.1")
	if err != nil {
		testkit.Skip(t, "%v", err)
	}
	return k
}

// The oracle is modprobe --show-depends, for modules without soft dependencies.
func TestModuleDependencies(t *testing.T) {
	k := testKernel(t)
	for _, name := range []string{"veth", "vsock_loopback", "virtiofs", "vxlan", "ipvlan"} {
		text := testkit.Run(t, "modprobe", "-d", k.Root, "-S", k.Release, "--show-depends", name)
		var want []string
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "insmod" {
				want = append(want, strings.TrimPrefix(fields[1], k.Root))
			}
		}
		files, err := k.Modules(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, file := range files {
			got = append(got, strings.TrimPrefix(file, k.Root))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if _, err := k.Modules("no_such_module"); err == nil {
		t.Error("no error for a module that the kernel does not have")
	}
}

// The oracle is the shell in the machine, whose output and exit statuses must be reported
// unchanged; and a panic that it causes.
func TestRun(t *testing.T) {
	k := testKernel(t)
	testkit.Tool(t, "qemu-system-x86_64")
	testkit.Tool(t, "busybox")
	dir := t.TempDir()
	guest := filepath.Join(dir, "guest")
	build := exec.Command("go", "build", "-o", guest, "./guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sh := func(script string) vm.Command {
		return vm.Command{Path: "/bin/sh", Args: []string{"-c", script}, Dir: "/tmp",
			Env: []string{"PATH=/bin", "GREETING=hello"}, Timeout: 20 * time.Second}
	}
	hang := sh("trap '' TERM; echo hanging; sleep 100")
	hang.Timeout = time.Second
	commands := []vm.Command{
		sh("uname -r; pwd; echo $GREETING >&2; exit 7"),
		hang,
		sh("kill -9 $$"),
		{Path: "/no/such/program", Timeout: time.Second},
		sh("ls /sys/kernel/btf/veth; seq 1 2000; sleep 50 & "),
		sh("echo c >/proc/sysrq-trigger; sleep 20"),
	}
	root := vm.NewInitramfs(k, guest)
	if err := root.Job(k, vm.Job{Commands: commands}, "veth"); err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(dir, "image")
	if err := root.WriteFile(image); err != nil {
		t.Fatal(err)
	}
	output := make([]strings.Builder, len(commands))
	status := make([]int, len(commands))
	err := vm.Run(context.Background(),
		vm.Machine{Kernel: k, Initramfs: image, Timeout: 2 * time.Minute}, func(r vm.Report) error {
			if r.Warning != "" {
				return errors.New(r.Warning)
			}
			output[r.Command].Write(r.Output)
			if r.Ended {
				status[r.Command] = r.Status
			}
			return nil
		})
	if err == nil || !strings.Contains(err.Error(), "sysrq triggered crash") &&
		!strings.Contains(err.Error(), "Kernel panic") {
		t.Errorf("the panic came back as %v", err)
	}
	var numbers strings.Builder
	for n := range 2000 {
		numbers.WriteString(strconv.Itoa(n+1) + "\n")
	}
	wantOutput := []string{k.Release + "\n/tmp\nhello\n", "hanging\n", "", "",
		"/sys/kernel/btf/veth\n" + numbers.String(), ""}
	wantStatus := []int{7, 124, 137, 127, 0, 0}
	for i := range commands {
		if got := output[i].String(); got != wantOutput[i] && i != 3 {
			t.Errorf("command %d printed %q, want %q", i, got, wantOutput[i])
		}
		if status[i] != wantStatus[i] {
			t.Errorf("command %d ended with %d, want %d", i, status[i], wantStatus[i])
		}
	}
}
