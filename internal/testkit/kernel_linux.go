package testkit

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// KernelRelease returns the running kernel's release, as uname -r prints it.
func KernelRelease() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// Kernel skips the test unless the running kernel is min ("6.12") or newer. For a feature that
// depends on the configuration, probe the feature instead.
func Kernel(t testing.TB, min string) {
	t.Helper()
	var wantMajor, wantMinor, major, minor int
	if n, _ := fmt.Sscanf(min, "%d.%d", &wantMajor, &wantMinor); n != 2 {
		t.Fatalf("testkit.Kernel: %q is not a major.minor version", min)
	}
	release := KernelRelease()
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n != 2 {
		t.Fatalf("testkit.Kernel: cannot read a version from %q", release)
	}
	if major < wantMajor || major == wantMajor && minor < wantMinor {
		Skip(t, "needs kernel %s, runs on %d.%d", min, major, minor)
	}
}

// SameArch skips the test if this process is of another architecture than the kernel (32-bit on a
// 64-bit kernel, or emulated): then it does not see the kernel as a loader for that kernel would.
func SameArch(t testing.TB) {
	t.Helper()
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	machine := unix.ByteSliceToString(u.Machine[:])
	archs := map[string]string{"x86_64": "amd64", "aarch64": "arm64"}
	if arch, ok := archs[machine]; ok && arch != runtime.GOARCH {
		Skip(t, "a %s process on a %s kernel", runtime.GOARCH, machine)
	}
}

// VmlinuxBTF skips the test if the kernel has no BTF of its own, which Debian builds for every
// machine except s390x: without it nothing can be attached by BTF, nor relocated by CO-RE.
func VmlinuxBTF(t testing.TB) {
	t.Helper()
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil {
		if runtime.GOARCH != "s390x" {
			t.Fatalf("a kernel without BTF: %v", err)
		}
		Skip(t, "this kernel (%s) has no BTF", KernelRelease())
	}
}

// RunsPatchedCode returns false if code that the kernel writes into programs, such as a breakpoint,
// may not take effect: QEMU's emulation of s390x, at least in version 7.2, invalidates the
// translation of the old code only for the first of the bytes that one instruction writes.
func RunsPatchedCode(t testing.TB) bool {
	t.Helper()
	if runtime.GOARCH != "s390x" {
		return true
	}
	machine, err := os.ReadFile("/proc/sysinfo")
	if err != nil {
		t.Fatal(err)
	}
	return !strings.Contains(string(machine), "QEMU")
}

// PatchedCode skips the test if [RunsPatchedCode] returns false.
func PatchedCode(t testing.TB) {
	t.Helper()
	if !RunsPatchedCode(t) {
		Skip(t, "an emulated s390x, where programs with breakpoints crash in stale translations "+
			"of their code")
	}
}

// LittleEndian skips the test in a big-endian process: the corpus, committed objects without a
// big-endian twin and C libbpf's programs are little-endian, and bytes written in host order differ
// from theirs by design.
func LittleEndian(t testing.TB) {
	t.Helper()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		Skip(t, "a big-endian process; the objects are little-endian")
	}
}
