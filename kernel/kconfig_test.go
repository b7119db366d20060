//go:build linux

package kernel

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/purebpf/bpf/internal/input"
	"github.com/purebpf/bpf/internal/testkit"
)

// The oracle is gzip.
func TestKconfig(t *testing.T) {
	path := "/boot/config-" + testkit.KernelRelease()
	if _, err := os.Stat(path); err != nil {
		path = "/proc/config.gz"
	}
	if _, err := os.Stat(path); err != nil {
		testkit.Skip(t, "the kernel's configuration is not available: %v", err)
	}
	want, err := exec.Command("gzip", "-cdf", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Running().Kconfig()
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, gzip has %d; %v", len(got), len(want), err)
	}
	again, _ := Running().Kconfig()
	if &again[0] != &got[0] {
		t.Error("it was read twice")
	}
}

func gz(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.String()
}

// The oracle is libbpf's order (libbpf-behaviour 1.8): /boot/config-RELEASE, else /proc/config.gz,
// either of them compressed or not.
func TestKconfigSources(t *testing.T) {
	boot, proc := "boot/config-"+testkit.KernelRelease(), "proc/config.gz"
	for _, c := range []struct {
		files map[string]string
		want  string // "" if an error is wanted
	}{
		{map[string]string{boot: "CONFIG_A=y\n", proc: gz("CONFIG_B=y\n")}, "CONFIG_A=y\n"},
		{map[string]string{boot: gz("CONFIG_A=y\n")}, "CONFIG_A=y\n"},
		{map[string]string{proc: gz("CONFIG_B=y\n")}, "CONFIG_B=y\n"},
		{map[string]string{proc: "CONFIG_B=y\n"}, "CONFIG_B=y\n"},
		{map[string]string{proc: gz("CONFIG_B=y\n")[:20]}, ""},
		{nil, ""},
	} {
		got, err := fakeRoot(t, c.files).Kconfig()
		if string(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: %q, %v", c.files, got, err)
		}
		if c.files == nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("nothing there: %v", err)
		}
	}
	// Failures are not kept: the next call tries again.
	f := fakeRoot(t, nil)
	if _, err := f.Kconfig(); err == nil {
		t.Fatal("no error")
	}
	path := filepath.Join(f.shared.root, proc)
	os.MkdirAll(filepath.Dir(path), 0o755)
	if err := os.WriteFile(path, []byte("CONFIG_C=m\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Kconfig(); string(got) != "CONFIG_C=m\n" {
		t.Errorf("%q, %v", got, err)
	}
	// A decompression bomb is refused.
	if _, err := fakeRoot(t,
		map[string]string{proc: gz(
			string(make([]byte, input.MaxKconfig+1)))}).Kconfig(); err == nil {
		t.Error("a configuration of more than 16 MiB was accepted")
	}
}
