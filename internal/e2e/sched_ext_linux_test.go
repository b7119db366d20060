package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/plan"
)

const schedExt = 7 // SCHED_EXT of linux/sched.h

// TestSchedExt registers a scheduler for the tasks that ask for one and becomes such a task. The
// oracles are the kernel's files in /sys/kernel/sched_ext, and the test, which sleeps and runs
// again. A kernel without sched_ext is one whose BTF has no sched_ext_ops.
func TestSchedExt(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	types, err := kernel.Running().BTF()
	if err != nil {
		t.Fatal(err)
	}
	if _, has := types.FindByName("sched_ext_ops", btf.KindStruct); !has {
		obj, err := bpf.Load(open(t, "scheduler"), nil)
		var refused *plan.Error
		if !errors.As(err, &refused) || refused.Code != plan.CodeNotFound ||
			!strings.Contains(err.Error(), "no struct_ops of type sched_ext_ops") {
			t.Errorf("without sched_ext: %v", err)
		}
		if err == nil {
			obj.Close()
		}
		testkit.Skip(t, "the kernel was built without CONFIG_SCHED_CLASS_EXT")
	}
	shows := func(file string) string {
		text, err := os.ReadFile("/sys/kernel/sched_ext/" + file)
		if err != nil && !errors.Is(err, bpf.ErrNotExist) {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	obj := threadObject(t, "scheduler", "running")
	link, err := obj.Map("scheduler").AttachStructOps()
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	if state, ops := shows("state"), shows("root/ops"); state != "enabled" || ops != "purebpf" {
		t.Errorf("the kernel shows state %q of scheduler %q", state, ops)
	}
	normal := unix.SchedAttr{Size: unix.SizeofSchedAttr}
	scheduled := normal
	scheduled.Policy = schedExt
	if err := unix.SchedSetAttr(0, &scheduled, 0); err != nil {
		t.Fatal(err)
	}
	defer unix.SchedSetAttr(0, &normal, 0)
	ran := variable[uint64](t, obj, "ran")
	before := *ran
	for range 10 {
		unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
	}
	if n := *ran - before; n < 10 {
		t.Errorf("slept 10 times, was run %d times", n)
	}
	closeLink(t, link)
	if !testkit.Await(testkit.Patience(5*time.Second),
		func() bool { return shows("state") == "disabled" }) {
		t.Fatalf("after it was detached: %s", shows("state"))
	}
	before = *ran
	unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
	if *ran != before {
		t.Error("it runs after it was detached")
	}
}
