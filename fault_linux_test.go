package bpf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// failOnce is a kernel in which one call fails, without having any effect. Calls are counted from 0.
type failOnce struct {
	sys.Kernel
	calls  int
	at     int // -1: none
	errno  syscall.Errno
	failed string // the call that failed
}

func (f *failOnce) fails(what string) bool {
	f.calls++
	if f.calls-1 != f.at {
		return false
	}
	f.failed = what
	return true
}

func (f *failOnce) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr, common *sys.CommonAttr) (int, syscall.Errno) {
	if f.fails(cmd.String()) {
		return -1, f.errno
	}
	return f.Kernel.BPF(cmd, attr, size, common)
}

func (f *failOnce) Mmap(addr unsafe.Pointer, length uintptr, prot, flags, fd int, offset int64) (unsafe.Pointer, syscall.Errno) {
	if f.fails("mmap") {
		return nil, f.errno
	}
	return f.Kernel.Mmap(addr, length, prot, flags, fd, offset)
}

func (f *failOnce) Dup(fd int) (int, syscall.Errno) {
	if f.fails("dup") {
		return -1, f.errno
	}
	return f.Kernel.Dup(fd)
}

// TestLoadFaults fails each system call of a load once, with each of six errnos. Whatever comes of it: no descriptor stays open, no pin of
// this load stays, what was pinned before is as it was, and an error says where. The oracle is /proc/self/fd and the file system.
func TestLoadFaults(t *testing.T) {
	dir := testkit.BPFFS(t)
	// Features are probed beforehand: what probes do when they fail is package kernel's to test.
	k := kernel.Running()
	for f := range facts.NumFeatures {
		k.Has(f)
	}
	attempt := func(f *failOnce) error {
		defer sys.Replace(f)()
		o := open(t, "maps")
		o.Map("array").PinPath = filepath.Join(dir, "array") // not there before
		obj, err := Load(o, &LoadOptions{PinRoot: dir, Kernel: k})
		if err != nil {
			return err
		}
		if f.at >= 0 {
			if r, err := obj.Program("count").Run(&RunOptions{Data: make([]byte, 64)}); err != nil || r.Return != 5 {
				t.Errorf("call %d (%s) failed with %v, the load succeeded, but the program returns %d, %v", f.at, f.failed, f.errno, r.Return, err)
			}
		}
		if err := obj.Map("array").Unpin(); err != nil {
			t.Error(err)
		}
		return obj.Close()
	}

	// What was there before: the map that the object pins by name, with something in it.
	before := load(t, open(t, "maps"), &LoadOptions{PinRoot: dir})
	counts, err := MapOf[uint32, uint64](before.Map("pinned"))
	if err != nil {
		t.Fatal(err)
	}
	if err := counts.Update(7, 77, UpdateAny); err != nil {
		t.Fatal(err)
	}
	id := mapID(t, before.Map("pinned"))
	unchanged := func() error {
		m, err := OpenMap(filepath.Join(dir, "pinned"))
		if err != nil {
			return err
		}
		defer m.Close()
		if got := mapID(t, m); got != id {
			return fmt.Errorf("map %d is pinned, not %d", got, id)
		}
		if v, err := counts.Lookup(7); v != 77 || err != nil {
			return fmt.Errorf("its contents are %d, %v", v, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "array")); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("the pin of the failed load stays: %v", err)
		}
		return nil
	}

	count := &failOnce{at: -1}
	if err := attempt(count); err != nil {
		t.Fatal(err)
	}
	if count.calls < 30 {
		t.Fatalf("only %d calls in a load: the funnel is not in use", count.calls)
	}
	base := len(testkit.FDs())
	failed, absorbed := 0, map[string]int{}
	for at := range count.calls {
		for _, errno := range []syscall.Errno{syscall.EPERM, syscall.ENOMEM, syscall.EINVAL, syscall.EBUSY, syscall.E2BIG, syscall.EAGAIN} {
			f := &failOnce{at: at, errno: errno}
			err := attempt(f)
			if n := len(testkit.FDs()); n != base {
				t.Fatalf("call %d (%s) failed with %v: %d descriptors before, %d after: %v", at, f.failed, errno, base, n, testkit.FDs())
			}
			if lost := unchanged(); lost != nil {
				t.Fatalf("call %d (%s) failed with %v: %v", at, f.failed, errno, lost)
			}
			if err == nil {
				absorbed[f.failed]++
				continue
			}
			failed++
			if !errors.Is(err, errno) {
				t.Errorf("call %d (%s) failed with %v, the error is: %v", at, f.failed, errno, err)
			}
			if text := err.Error(); !strings.HasPrefix(text, "maps: ") || strings.ContainsRune(text, '\n') {
				t.Errorf("call %d (%s) failed with %v: no line that names the object: %s", at, f.failed, errno, text)
			}
		}
	}
	t.Logf("%d calls, %d failures, absorbed: %v", count.calls, failed, absorbed)
	if failed == 0 {
		t.Error("no failure came through")
	}
}

// TestLoadFaultsForGood: the same for calls that go wrong for good: every call after the n-th fails.
func TestLoadFaultsForGood(t *testing.T) {
	testkit.Root(t)
	count := &failOnce{at: -1}
	restore := sys.Replace(count)
	obj, err := Load(open(t, "maps"), &LoadOptions{SkipPins: true})
	if err != nil {
		t.Fatal(err)
	}
	total := count.calls
	obj.Close()
	restore()
	base := len(testkit.FDs())
	for from := range total {
		f := &failFrom{failOnce{at: from, errno: syscall.EPERM}}
		restore := sys.Replace(f)
		obj, err := Load(open(t, "maps"), &LoadOptions{SkipPins: true})
		if err == nil {
			obj.Close()
			if from < total-10 {
				t.Errorf("every call from %d of %d on fails, but the load succeeds", from, total)
			}
		}
		restore()
		if n := len(testkit.FDs()); n != base {
			t.Fatalf("from call %d: %d descriptors before, %d after", from, base, n)
		}
	}
}

// failFrom fails every call from the at-th on.
type failFrom struct{ failOnce }

func (f *failFrom) fails() bool {
	f.calls++
	return f.calls > f.at
}

func (f *failFrom) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr, common *sys.CommonAttr) (int, syscall.Errno) {
	if f.fails() {
		return -1, f.errno
	}
	return f.Kernel.BPF(cmd, attr, size, common)
}

func (f *failFrom) Mmap(addr unsafe.Pointer, length uintptr, prot, flags, fd int, offset int64) (unsafe.Pointer, syscall.Errno) {
	if f.fails() {
		return nil, f.errno
	}
	return f.Kernel.Mmap(addr, length, prot, flags, fd, offset)
}
