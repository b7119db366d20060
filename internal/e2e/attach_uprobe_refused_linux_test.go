package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// TestUprobeAutoErrors: sections that are incomplete or have too much text.
func TestUprobeAutoErrors(t *testing.T) {
	for name, want := range map[string]string{"no_function": "path:function",
		"leave_offset": "no offset", "no_pattern": "path:function"} {
		obj := uprobeObject(t, 0, name)
		if _, err := obj.Attach(); !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUprobeErrors: the errors say why the program can't be attached.
func TestUprobeErrors(t *testing.T) {
	path := target(t)
	obj := uprobeObject(t, 0, "entry", "many", "other", "kernel_only")
	entry, many := obj.Program("entry"), obj.Program("many")
	gone := exec.Command("/proc/self/exe", "-test.run=^$")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	gonePID := gone.Process.Pid
	for _, c := range []struct {
		name   string
		attach func() (*bpf.Link, error)
		err    error
		text   string
	}{
		{"near name", func() (*bpf.Link, error) {
			return entry.AttachUprobe(path, "add_number", nil)
		}, bpf.ErrNotExist, "near: add_numbers"},
		{"no file", func() (*bpf.Link, error) {
			return entry.AttachUprobe("/no/such/file", "main", nil)
		}, bpf.ErrNotExist, "/no/such/file"},
		{"no file, by offset", func() (*bpf.Link, error) {
			return entry.AttachUprobe("/no/such/file", "", nil)
		}, bpf.ErrNotExist, "there is no file /no/such/file"},
		{"past the end", func() (*bpf.Link, error) {
			return entry.AttachUprobe(path, "", &bpf.UprobeOptions{Offset: 1 << 40})
		}, syscall.EINVAL, "the file ends at offset 0x"},
		{"no process", func() (*bpf.Link, error) {
			return entry.AttachUprobe(path, "main", &bpf.UprobeOptions{PID: gonePID})
		}, syscall.ESRCH, "no process"},
		{"negative process", func() (*bpf.Link, error) {
			return entry.AttachUprobe(path, "main", &bpf.UprobeOptions{PID: -1})
		}, syscall.EINVAL, "no process -1"},
		{"far counter", func() (*bpf.Link, error) {
			return entry.AttachUprobe(path, "main", &bpf.UprobeOptions{RefCtrOffset: 1 << 32})
		}, syscall.EINVAL, "4 GiB"},
		{"cookie by ioctl", func() (*bpf.Link, error) {
			return entry.AttachUprobe(path, "main",
				&bpf.UprobeOptions{Cookie: 1, Mode: bpf.ProbePerf})
		}, bpf.ErrNotSupported, "no cookies"},
		{"type", func() (*bpf.Link, error) {
			return obj.Program("other").AttachUprobe(path, "main", nil)
		}, syscall.EINVAL, "xdp"},
		{"multi of another type", func() (*bpf.Link, error) {
			return obj.Program("other").AttachUprobeMulti(path, "main", nil)
		}, syscall.EINVAL, "xdp"},
		{"multi without being loaded so", func() (*bpf.Link, error) {
			return entry.AttachUprobeMulti(path, "main", nil)
		}, syscall.EINVAL, "uprobe.multi"},
		{"multi as session", func() (*bpf.Link, error) {
			return many.AttachUprobeMulti(path, "main",
				&bpf.UprobeMultiOptions{When: bpf.InSession})
		}, syscall.EINVAL, "uprobe.session"},
		{"nothing", func() (*bpf.Link, error) {
			return many.AttachUprobeMulti(path, "", nil)
		}, syscall.EINVAL, "neither"},
		{"no match", func() (*bpf.Link, error) {
			return many.AttachUprobeMulti(path, "no_such_*", nil)
		}, bpf.ErrNotExist, "no function matches"},
		{"both", func() (*bpf.Link, error) {
			return many.AttachUprobeList(path,
				bpf.UprobeList{Symbols: []string{"main"}, Offsets: []uint64{1}})
		}, syscall.EINVAL, "both"},
		{"cookies", func() (*bpf.Link, error) {
			return many.AttachUprobeList(path,
				bpf.UprobeList{Symbols: []string{"main"}, Cookies: []uint64{1, 2}})
		}, syscall.EINVAL, "2 cookies"},
		{"counters", func() (*bpf.Link, error) {
			return many.AttachUprobeList(path,
				bpf.UprobeList{Symbols: []string{"main"}, RefCtrOffsets: []uint64{1, 2}})
		}, syscall.EINVAL, "2 counters"},
		{"session and return", func() (*bpf.Link, error) {
			return many.AttachUprobeMulti(path, "main",
				&bpf.UprobeMultiOptions{When: 3})
		}, syscall.EINVAL, "moment 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := c.attach()
			if err == nil {
				closeLink(t, l)
				t.Fatal("it attached")
			}
			if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v; want %v and %q", err, c.err, c.text)
			}
		})
	}
}

// TestUprobeWithoutSysfs: without /sys and tracefs the type of uprobes' perf events is unknown. The
// error says that, not that there is no file. The oracle is the kernel, which makes the probe as
// soon as /sys exists.
func TestUprobeWithoutSysfs(t *testing.T) {
	entry := uprobeObject(t, 0, "entry").Program("entry")
	path := target(t)
	l, err := entry.AttachUprobe(path, "main", nil)
	if err != nil {
		t.Fatal(err)
	}
	closeLink(t, l)
	for _, mode := range []bpf.ProbeMode{bpf.ProbeDefault, bpf.ProbePerf} {
		l, err := elsewhere(t, func() error {
			return unix.Mount("none", "/sys", "tmpfs", 0, "")
		}, func() (*bpf.Link, error) {
			return entry.AttachUprobe(path, "main", &bpf.UprobeOptions{Mode: mode})
		})()
		if err == nil {
			closeLink(t, l)
		}
		if err == nil || errors.Is(err, bpf.ErrNotSupported) ||
			strings.Contains(err.Error(), "no file") ||
			!strings.Contains(err.Error(),
				"/sys/bus/event_source/devices, which has the perf event type of a uprobe, does not exist") ||
			!strings.Contains(err.Error(), "mount -t sysfs") {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
}

// TestUprobeOfMany: a program that was loaded for many functions is refused at a single one, and at
// offsets behind the end of the file; the errors say so. The oracle is the kernel.
func TestUprobeOfMany(t *testing.T) {
	testkit.Kernel(t, "6.6") // older ones don't report the attach type
	many := uprobeObject(t, 0, "many").Program("many")
	refused := func(l *bpf.Link, err error) func(says string) {
		return func(says string) {
			t.Helper()
			if err == nil {
				closeLink(t, l)
			}
			if !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), says) {
				t.Errorf("%v, want %q", err, says)
			}
		}
	}
	refused(many.AttachUprobe(target(t), "main", nil))("trace_uprobe_multi, not for a single probe")
	refused(many.AttachUprobeList(target(t),
		bpf.UprobeList{Offsets: []uint64{64, 1 << 40}}))("the file ends at offset 0x")
}

// TestUprobePrivileges: without CAP_SYS_ADMIN the kernel refuses perf events, and the error names
// the missing capability; links to many uprobes need only the program. This test binary runs again
// as a process that becomes nobody after it has loaded its programs.
func TestUprobePrivileges(t *testing.T) {
	uprobes(t)
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestUprobePrivilegesChild$", "-test.v")
	// The target must be where other users find it.
	raw, err := os.ReadFile(target(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "target")
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755),
		os.WriteFile(path, raw, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "PUREBPF_NO_PERFMON="+path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	multi := 0
	if has, _ := kernel.Running().Has(facts.UprobeMultiLink); has {
		multi = 2
	}
	refused, attached := 0, 0
	for line := range strings.Lines(string(out)) {
		switch {
		case strings.HasPrefix(line, "error: <nil>"):
			attached++
		case strings.HasPrefix(line, "error: "):
			if refused++; !strings.Contains(line, "permission denied") ||
				!strings.Contains(line, "CAP_SYS_ADMIN") {
				t.Error(line)
			}
		}
	}
	if refused != 3 || attached != multi {
		t.Errorf("%d refused, %d attached, want 3 and %d\n%s", refused, attached, multi, out)
	}
}

// TestUprobePrivilegesChild is the process of TestUprobePrivileges.
func TestUprobePrivilegesChild(t *testing.T) {
	path := os.Getenv("PUREBPF_NO_PERFMON")
	if path == "" {
		testkit.Skip(t, "part of TestUprobePrivileges, which runs it")
	}
	has, err := kernel.Running().Has(facts.UprobeMultiLink)
	if err != nil {
		t.Fatal(err)
	}
	probe := uprobeObject(t, 0, "entry", "leave", "many")
	usdt := usdtObject(t, newestUSDT(), 0, nil, "any", "single")
	if err := syscall.Setuid(65534); err != nil { // all threads lose their capabilities
		t.Fatal(err)
	}
	report := func(l *bpf.Link, err error) {
		if err == nil {
			l.Close()
		}
		fmt.Println("error:", err)
	}
	report(probe.Program("entry").AttachUprobe(path, "add_numbers", nil))
	report(probe.Program("leave").AttachUprobe(path, "add_numbers",
		&bpf.UprobeOptions{Return: true}))
	report(usdt.Program("single").AttachUSDT(path, "target", "none", nil))
	if has {
		report(probe.Program("many").AttachUprobeMulti(path, "add_*", nil))
		report(usdt.Program("any").AttachUSDT(path, "target", "none", nil))
	}
}
