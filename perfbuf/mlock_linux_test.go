package perfbuf

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/hint"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/uapi"
)

// TestMlockHint: a refusal of memory says which limits it is about. Oracle: the kernel refuses
// without CAP_IPC_LOCK, and not with it.
func TestMlockHint(t *testing.T) {
	testkit.Root(t)
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &before); err != nil {
		t.Fatal(err)
	}
	low := unix.Rlimit{Cur: 64 << 10, Max: before.Max}
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &low); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Setrlimit(unix.RLIMIT_MEMLOCK, &before) })
	open := func() error {
		e, err := (&setup{attr: output(1, 0), pages: 4096}).openEvent(0)
		if err == nil {
			e.close()
		}
		return err
	}
	testkit.PerfEventParanoid(t, "2") // at more, some kernels refuse before they count memory
	perfmon := []uapi.Capability{uapi.CapPerfmon}
	err := testkit.WithCapabilities(t, perfmon, open)
	if !errors.Is(err, syscall.EPERM) || !strings.Contains(hint.Of(err), "perf_event_mlock_kb") {
		t.Errorf("without CAP_IPC_LOCK: %v (%s)", err, hint.Of(err))
	}
	err = testkit.WithCapabilities(t,
		append(perfmon, uapi.Capability(unix.CAP_IPC_LOCK)), open)
	if err != nil {
		t.Errorf("with CAP_IPC_LOCK: %v (%s)", err, hint.Of(err))
	}
}

// TestParanoidHint: where the sysctl makes the kernel refuse an event, the error says so. Oracle:
// the kernel. Debian's refuses above 2 what CAP_PERFMON permits, mainline's doesn't.
func TestParanoidHint(t *testing.T) {
	testkit.Root(t)
	testkit.PerfEventParanoid(t, "3")
	open := func() error {
		fd, err := (&setup{attr: output(1, 0)}).openFD(0)
		return errors.Join(err, fd.Close())
	}
	err := testkit.WithCapabilities(t, []uapi.Capability{uapi.CapPerfmon}, open)
	if err != nil && (!errors.Is(err, syscall.EACCES) ||
		!strings.Contains(hint.Of(err), "kernel.perf_event_paranoid")) {
		t.Errorf("with CAP_PERFMON: %v (%s)", err, hint.Of(err))
	}
	err = testkit.WithCapabilities(t, nil, open)
	if !errors.Is(err, syscall.EACCES) || !strings.Contains(hint.Of(err), "CAP_PERFMON") {
		t.Errorf("without capabilities: %v (%s)", err, hint.Of(err))
	}
}
