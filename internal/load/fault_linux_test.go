package load

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// broken is a kernel whose at-th call fails, counted from 0, and all later ones if it stays so.
type broken struct {
	funnel.Kernel
	at    int
	stays bool
	errno syscall.Errno
	calls int
}

func (k *broken) fails() bool {
	k.calls++
	return k.calls == k.at+1 || k.stays && k.calls > k.at
}

func (k *broken) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	if k.fails() {
		return -1, k.errno
	}
	return k.Kernel.BPF(cmd, attr, size, common)
}

func (k *broken) Mmap(addr unsafe.Pointer, length uintptr, prot, flags,
	fd int, offset int64) (unsafe.Pointer, syscall.Errno) {
	if k.fails() {
		return nil, k.errno
	}
	return k.Kernel.Mmap(addr, length, prot, flags, fd, offset)
}

// failed is the error of a Failure.
type failed struct{ *Failure }

func (f failed) Error() string {
	return fmt.Sprint(f.Object, ": ", f.Op, " ", f.Subject, ": ",
		f.Err)
}

func (f failed) Unwrap() error { return f.Err }

// execute executes p and closes everything again.
func execute(p *plan.Plan, opts *Options) error {
	o, err := PreparePlan(p, opts)
	if err != nil {
		return err
	}
	var programs []*sys.FD
	err = o.Load(Hooks{
		Prepare: func(_ int, insns []asm.Instruction, _ *sys.ProgLoadAttr) (
			[]asm.Instruction, error) {
			return insns, nil
		},
		Loaded: func(_ int, p Program) { programs = append(programs, p.FD) },
	})
	o.Unpin()
	o.Release()
	for _, fd := range programs {
		fd.Close()
	}
	for i := range o.Maps {
		if m := &o.Maps[i]; m.Plan.Spec != nil {
			m.close()
		}
	}
	return errors.Join(err, o.Close())
}

// mappings counts the maps that are mapped into this process.
func mappings(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), "bpf-map")
}

// TestFaults makes each call of executing a plan fail, once and for good. The oracle is
// /proc/self/fd, /proc/self/maps and the BPF file system: nothing stays open, mapped or pinned. The error, if there is one,
// names the object and the step, and wraps an errno. Package e2e does the same for whole loads,
// with the errors that users see.
func TestFaults(t *testing.T) {
	testkit.Root(t)
	raw, err := os.ReadFile("../../testdata/maps.bpf.o")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := object.Parse(raw, "maps")
	if err != nil {
		t.Fatal(err)
	}
	dir := testkit.BPFFS(t)
	p, err := plan.Resolve(spec, kernel.Running(), &plan.Options{PinRoot: dir})
	if err != nil {
		t.Fatal(err)
	}
	opts := &Options{
		Logger: slog.New(slog.DiscardHandler), NoToken: true,
		LogSize: 1 << 20, // otherwise it grows to 4 GiB if the kernel answers ENOSPC
		Report:  func(f *Failure) error { return failed{f} },
	}
	run := func(k *broken) error {
		defer funnel.Replace(k)()
		return execute(p, opts)
	}
	count := &broken{at: -1}
	if err := errors.Join(run(&broken{at: -1}), run(count)); err != nil {
		t.Fatal(err)
	}
	base, mapped := testkit.FDs(), mappings(t)
	survived := 0
	for at := range count.calls {
		for _, errno := range []syscall.Errno{syscall.EPERM, syscall.EINVAL, syscall.ENOSPC} {
			for _, stays := range []bool{false, true} {
				err := run(&broken{at: at, stays: stays, errno: errno})
				where := fmt.Sprintf("call %d of %d, %v, for good: %v", at, count.calls, errno,
					stays)
				if now := testkit.FDs(); !slices.Equal(now, base) {
					t.Fatalf("%s: descriptors before %v, after %v", where, base, now)
				}
				if now := mappings(t); now != mapped {
					t.Fatalf("%s: %d mappings of maps before, %d after", where, mapped, now)
				}
				if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
					t.Fatalf("%s: pinned: %v, %v", where, left, err)
				}
				var f failed
				var wrapped syscall.Errno
				switch {
				case err == nil:
					survived++
				case !errors.As(err, &f) || f.Object != "maps" || f.Op == "":
					t.Errorf("%s: %v is of no step of the object", where, err)
				case !errors.As(err, &wrapped):
					t.Errorf("%s: no errno: %v", where, err)
				}
			}
		}
	}
	t.Logf("%d calls, %d loads survive", count.calls, survived)
}
