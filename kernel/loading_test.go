//go:build linux

package kernel

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/oldkernel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/uapi"
)

// The oracle is libbpf's rule: a process that can load one of the two types can load programs.
func TestProbeLoading(t *testing.T) {
	testkit.Root(t)
	if err := Running().ProbeLoading(); err != nil {
		t.Error(err)
	}
	refuse := func(e syscall.Errno, types ...uapi.ProgType) {
		install(t, oldkernel.OnProg(e, func(c call) bool {
			for _, typ := range types {
				if c.Prog().Type == typ {
					return true
				}
			}
			return false
		}))
	}
	refuse(syscall.EINVAL, uapi.ProgSocketFilter)
	if err := Running().ProbeLoading(); err != nil {
		t.Errorf("tracepoint programs can be loaded: %v", err)
	}
	refuse(syscall.EPERM, uapi.ProgSocketFilter, uapi.ProgTracepoint)
	if err := Running().ProbeLoading(); !errors.Is(err, syscall.EPERM) ||
		strings.Contains(err.Error(), "setcap") {
		t.Errorf("refused despite all capabilities: %v", err)
	}
	if out := with(t, "net_admin", "loading"); !strings.Contains(out, "loading true") ||
		!strings.Contains(out, "setcap cap_bpf+ep") {
		t.Errorf("%s", out)
	}
}

// The oracle is the kernel: it creates no tokens in the initial user namespace, and only from a
// bpffs.
func TestOpenToken(t *testing.T) {
	testkit.Root(t)
	if _, err := OpenToken(t.TempDir()); err == nil {
		t.Error("a token from something other than a bpffs")
	}
	if _, err := OpenToken(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := OpenToken(testkit.BPFFS(t)); err == nil {
		t.Error("a token in the initial user namespace")
	}
	install(t, oldkernel.On(uapi.CmdTokenCreate, syscall.ENOENT, nil))
	if _, err := OpenToken(testkit.BPFFS(t)); !errors.Is(err, syscall.ENOENT) {
		t.Error(err)
	}
}
