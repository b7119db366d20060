package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// debianFolder writes the recording of a Debian kernel in the form that bpf check --btf reads.
func debianFolder(t *testing.T, meta string) string {
	t.Helper()
	d := testkit.Debian(t, meta)
	dir := filepath.Join(t.TempDir(), d.Release)
	files := map[string][]byte{"vmlinux": d.BTF, "config": d.Kconfig}
	if data, ok := d.ModuleBTF(t, "nf_conntrack"); ok {
		files["nf_conntrack"] = data
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// runCheck runs bpf check and returns its output and exit status.
func runCheck(t *testing.T, uid uint32, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := command(t, append([]string{"check"}, args...)...)
	if uid != 0 {
		// Other users may be unable to reach the test binary.
		exe := filepath.Join(t.TempDir(), "bpf")
		data, err := os.ReadFile(cmd.Path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(exe, data, 0o755); err != nil {
			t.Fatal(err)
		}
		for dir := filepath.Dir(exe); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		cmd.Path = exe
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// TestCheckRecorded checks objects against kernels that are not running. The oracle: opensnoop
// loads on both kernels (it does in virtual machines); biosnoop attaches to blk_account_io_start,
// which kernel 6.1 inlines.
func TestCheckRecorded(t *testing.T) {
	old, now := debianFolder(t, "linux-image-cloud-amd64"),
		debianFolder(t, "linux-image-6.12-cloud-amd64")
	opensnoop, biosnoop := testkit.CorpusObject(t, "tools/opensnoop.bpf.o"),
		testkit.CorpusObject(t, "tools/biosnoop.bpf.o")

	out, stderr, status := runCheck(t, 0, opensnoop, "--btf", old, "--btf", now)
	if status != 0 {
		t.Errorf("opensnoop: status %d\n%s%s", status, out, stderr)
	}
	for _, want := range []string{filepath.Base(old), filepath.Base(now), "bpf_perf_event_output",
		"tracepoint/syscalls/sys_enter_openat"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}

	out, _, status = runCheck(t, 0, biosnoop, "--btf", old, "-j")
	if status != 1 {
		t.Errorf("biosnoop on 6.1: status %d\n%s", status, out)
	}
	var report struct {
		Kernel, Object, Loads, Attaches string
		Reasons                         []string
		Relocations                     []struct{ State, Spec, Source string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if report.Loads != "no" || report.Object != "biosnoop" || len(report.Relocations) != 30 ||
		!strings.Contains(strings.Join(report.Reasons, "\n"), "FUNC blk_account_io_start") {
		t.Errorf("%+v", report)
	}
	for _, r := range report.Relocations {
		if r.State == "missing" || r.State == "failed" {
			t.Errorf("relocation %+v", r)
		}
	}
	if out, _, status = runCheck(t, 0, biosnoop, "--btf", now); status != 0 {
		t.Errorf("biosnoop on 6.12: status %d\n%s", status, out)
	}

	// A directory of kernels, and an ELF file with the BTF of one of them, like a vmlinux image.
	image := filepath.Join(t.TempDir(), "image")
	testkit.Run(t, "llvm-objcopy-19", "--add-section=.BTF="+filepath.Join(now, "vmlinux"),
		testkit.Native(t, "int main(void) { return 0; }"), image)
	out, stderr, status = runCheck(t, 0, opensnoop, "--btf", filepath.Dir(filepath.Dir(now)),
		"--btf", image, "-j")
	if n := strings.Count(out, "\n"); n != 3 || status != 0 {
		t.Errorf("folder of two kernels and a file: %d lines, status %d\n%s%s",
			n, status, out, stderr)
	}
	_, stderr, status = runCheck(t, 0, opensnoop, "--btf", t.TempDir())
	if status != 1 || !strings.Contains(stderr, "no kernel in this folder") {
		t.Errorf("empty folder: status %d, %s", status, stderr)
	}
}

// TestCheckStrict: what BTF alone doesn't show is a failure only with --strict. The oracle is the
// definition of --strict.
func TestCheckStrict(t *testing.T) {
	d := testkit.Debian(t, "linux-image-cloud-amd64")
	file := filepath.Join(t.TempDir(), "6.1.btf")
	if err := os.WriteFile(file, d.BTF, 0o644); err != nil {
		t.Fatal(err)
	}
	obj := testkit.CorpusObject(t, "tools/wakeuptime.bpf.o")
	if out, _, status := runCheck(t, 0, obj, "--btf", file); status != 0 {
		t.Errorf("status %d\n%s", status, out)
	}
	if out, _, status := runCheck(t, 0, obj, "--btf", file, "--strict"); status != 1 {
		t.Errorf("strict: status %d\n%s", status, out)
	}
}

// TestCheckUnprivileged: recorded kernels need no privileges; for the running one the report lists
// the missing capabilities.
func TestCheckUnprivileged(t *testing.T) {
	testkit.Root(t)
	const nobody = 65534
	data, err := os.ReadFile(testkit.CorpusObject(t, "tools/opensnoop.bpf.o"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "check")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	obj, kernel := filepath.Join(dir, "opensnoop.bpf.o"), filepath.Join(dir, "6.1.btf")
	if err := os.WriteFile(obj, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kernel,
		testkit.Debian(t, "linux-image-cloud-amd64").BTF, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, stderr, status := runCheck(t, nobody, obj, "--btf", kernel); status != 0 {
		t.Errorf("recorded: status %d\n%s%s", status, out, stderr)
	}
	out, stderr, status := runCheck(t, nobody, obj)
	if status != 1 || !strings.Contains(out, "no capability CAP_BPF: this process lacks it") ||
		!strings.Contains(out, "no capability CAP_PERFMON") {
		t.Errorf("running: status %d\n%s%s", status, out, stderr)
	}
}

// TestCheckGoesOn: an object that cannot be opened keeps none of the others from being checked. The
// oracle is the file system.
func TestCheckGoesOn(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no object\n", 10)), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := command(t, "check", "../../testdata/absent.bpf.o",
		"../../testdata/trace.bpf.o", text).CombinedOutput()
	if err == nil {
		t.Error("it succeeds")
	}
	for _, want := range []string{"absent.bpf.o: no such file",
		text, "not an ELF file", "map type    array"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
}
