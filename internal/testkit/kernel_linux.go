package testkit

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// KernelRelease is the running kernel's release, as uname -r prints it.
func KernelRelease() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// Kernel skips unless the running kernel is min ("6.12") or newer. For a feature that configuration may leave out, probe
// the feature instead.
func Kernel(t testing.TB, min string) {
	t.Helper()
	var wantMajor, wantMinor, major, minor int
	if n, _ := fmt.Sscanf(min, "%d.%d", &wantMajor, &wantMinor); n != 2 {
		t.Fatalf("testkit.Kernel: %q is no major.minor version", min)
	}
	release := KernelRelease()
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n != 2 {
		t.Fatalf("testkit.Kernel: cannot read a version from %q", release)
	}
	if major < wantMajor || major == wantMajor && minor < wantMinor {
		Skip(t, "needs kernel %s, runs on %d.%d", min, major, minor)
	}
}
