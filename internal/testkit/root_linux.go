package testkit

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const capSysAdmin = 21 // CAP_SYS_ADMIN in linux/capability.h

// Root skips the test unless it runs as root with CAP_SYS_ADMIN; with PUREBPF_REQUIRE_ROOT=1 it
// fails instead. It always skips if there is no bpf(2) at all, as in QEMU's user-space emulation of
// another machine.
func Root(t testing.TB) {
	t.Helper()
	if _, _, errno := unix.Syscall(unix.SYS_BPF, ^uintptr(0), 0, 0); errno == unix.ENOSYS {
		Skip(t, "there is no bpf(2) here (%s)", runtime.GOARCH)
	}
	if os.Geteuid() != 0 {
		missing(t, "PUREBPF_REQUIRE_ROOT", "needs root, runs as uid %d", os.Geteuid())
	}
	if !hasCapability(capSysAdmin) {
		missing(t, "PUREBPF_REQUIRE_ROOT", "needs CAP_SYS_ADMIN, which this root lacks")
	}
}

func hasCapability(n uint) bool {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(status), "\nCapEff:")
	set, err := strconv.ParseUint(strings.TrimSpace(firstLine(rest)), 16, 64)
	return err == nil && set>>n&1 == 1
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
