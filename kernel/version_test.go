//go:build linux

package kernel

import (
	"os/exec"
	"strings"
	"testing"
)

// The oracle is libbpf's rule (which words of which file count), applied by hand to the texts of
// real distributions.
func TestVersionRules(t *testing.T) {
	for _, c := range []struct {
		signature, release, version string
		want                        uint32
	}{
		{"", "6.18.44-fc-v509", "#1 SMP PREEMPT_DYNAMIC @0", VersionCode(6, 18, 44)},
		{"Ubuntu 6.8.0-31.31-generic 6.8.1\n", "6.8.0-31-generic", "#31-Ubuntu SMP PREEMPT_DYNAMIC",
			VersionCode(6, 8, 1)},
		{"Ubuntu\n", "6.8.0-31-generic", "#31-Ubuntu SMP", VersionCode(6, 8, 0)},
		{"", "6.1.0-28-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)",
			VersionCode(6, 1, 119)},
		{"", "4.9.0-19-amd64", "#1 SMP Debian 4.9.320-2 (2022-06-30)", 4<<16 | 9<<8 | 255},
		{"", "6.1.0-28-amd64", "#1 SMP Debian unknown", VersionCode(6, 1, 0)},
		{"", "7.0-rc1", "#1 SMP", 0},
		{"", "", "", 0},
		{"", "5.15.167.4-microsoft-standard-WSL2", "#1 SMP", VersionCode(5, 15, 167)},
		{"", "99999999999.1.1", "", 0},
	} {
		if got := versionOf(c.signature, c.release, c.version); got != c.want {
			t.Errorf("%q %q %q: %#x instead of %#x", c.signature, c.release, c.version, got, c.want)
		}
	}
}

// The oracle is uname(1). If this machine has Ubuntu's or Debian's kernel, TestVersionRules covers
// it.
func TestReleaseIsUnames(t *testing.T) {
	out, err := exec.Command("uname", "-r").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := Running().Release(), strings.TrimSpace(string(out)); got != want {
		t.Errorf("%q, uname says %q", got, want)
	}
	if Running().Version() == 0 {
		t.Error("no version")
	}
}
