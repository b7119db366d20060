package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
)

// featureObject loads one program of testdata/feature.bpf.o, without the maps that only other
// programs need.
func featureObject(t testing.TB, program string) *bpf.Object {
	t.Helper()
	o := only(open(t, "feature"), program)
	o.Program("tail_target").Autoload = program == "tail_call"
	o.Map("groups").Autocreate = program == "cgroup_storage"
	o.Map("tails").Autocreate = program == "tail_call"
	return load(t, o, nil)
}

// TestFeature runs a program for each kernel feature that isn't about attaching. The oracle is a
// result that the program can only return if the kernel did what it requested.
func TestFeature(t *testing.T) {
	for _, f := range []struct{ name, program, kernel string }{
		{"bpf_timer", "bpf_timer_", "5.15"},
		{"bpf_loop", "bpf_loop_", "5.17"},
		{"for_each_map_elem", "for_each_map_elem", "5.13"},
		{"spin lock", "spin_lock", "5.1"},
		{"bloom filter", "bloom_filter", "5.16"},
		{"dynptr ringbuf", "dynptr_ringbuf", "5.19"},
		{"dynptr_from_skb kfunc", "dynptr_from_skb_kfunc", "6.4"},
		{"open-coded num iterator", "open_coded_iterator", "6.4"},
		{"task storage", "task_storage", "5.11"},
		{"cgroup storage (cgrp)", "cgroup_storage", "6.2"},
		{"kfunc bpf_task_acquire", "task_acquire", "6.2"},
		{"bpf_cpumask kfuncs", "cpumask", "6.3"},
		{"bpf_throw", "throw_", "6.7"},
		{"kconfig externs", "kconfig", "5.7"},
		{"syscall prog", "syscall_", "5.14"},
		{"tail call", "tail_call", "4.2"},
	} {
		t.Run(f.name, func(t *testing.T) {
			testkit.Kernel(t, f.kernel)
			obj := featureObject(t, f.program)
			p := obj.Program(f.program)
			if p.Section() == "tp_btf/sys_enter" {
				attached(t, p)
				getpriority()
				if r := *variable[uint64](t, obj, "result"); r != 7 {
					t.Errorf("result %d, want 7", r)
				}
				return
			}
			opts := &bpf.RunOptions{Data: make([]byte, 64)}
			opts.Data[20] = 7
			if f.program == "syscall_" {
				opts = nil
			}
			r, err := p.Run(opts)
			if err != nil || r.Return != 7 {
				t.Errorf("the program returns %d (%v), want 7", r.Return, err)
			}
			if f.program == "bpf_timer_" {
				fired := variable[int32](t, obj, "timer_fired")
				if !testkit.Await(testkit.Patience(5*time.Second),
					func() bool { return *fired == 7 }) {
					t.Fatal("the timer didn't fire")
				}
			}
		})
	}
}

// TestPrintk reads the output of a program from trace_pipe, without blocking, since output need not
// wake a reader before the buffer is half full. The kernel patches itself for printing when such a
// program is loaded; an emulated CPU may still run the old code once.
func TestPrintk(t *testing.T) {
	testkit.Kernel(t, "5.16") // for more than three values
	pipe, err := unix.Open(testkit.Tracefs(t)+"/trace_pipe",
		unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe)
	tracingOn(t)
	obj := featureObject(t, "printk")
	number := uint32(os.Getpid())
	if err := obj.Variable("number").Set(number); err != nil {
		t.Fatal(err)
	}
	first := fmt.Sprintf("bpf_trace_printk: purebpf prints %d\n", number)
	second := fmt.Sprintf("bpf_trace_printk: purebpf prints more: %d %d %d 64\n",
		number, number+1, number+2)
	var printed []byte
	complete := testkit.Await(testkit.Patience(5*time.Second), func() bool {
		if r, err := obj.Program("printk").Run(&bpf.RunOptions{Data: make([]byte,
			64)}); err != nil ||
			r.Return != 7 {
			t.Fatalf("the program returns %d (%v), want 7", r.Return, err)
		}
		part := make([]byte, 4096)
		n, err := unix.Read(pipe, part)
		if err != nil && err != unix.EAGAIN && err != unix.EINTR {
			t.Fatal(err)
		}
		printed = append(printed, part[:max(n, 0)]...)
		_, rest, found := strings.Cut(string(printed), first)
		return found && strings.Contains(rest, second)
	})
	if !complete {
		t.Fatalf("no %q and %q in\n%s", first, second, printed)
	}
}

// tracingOn enables the trace buffer for the test; hosts differ.
func tracingOn(t *testing.T) {
	t.Helper()
	file := testkit.Tracefs(t) + "/tracing_on"
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.WriteFile(file, was, 0) })
}

// TestJIT: programs are compiled to machine code if the kernel reports that it does so. The sysctl
// exists only in the first network namespace; in others the test reads the kernel's configuration.
func TestJIT(t *testing.T) {
	on := false
	switch text, err := os.ReadFile("/proc/sys/net/core/bpf_jit_enable"); {
	case err == nil:
		on = strings.TrimSpace(string(text)) != "0"
	case errors.Is(err, bpf.ErrNotExist):
		on = configured(t, "CONFIG_BPF_JIT_DEFAULT_ON")
	default:
		t.Fatal(err)
	}
	info, err := featureObject(t, "for_each_map_elem").Program("for_each_map_elem").Info()
	if err != nil {
		t.Fatal(err)
	}
	if (info.JitedLen > 0) != on {
		t.Errorf("the JIT is on: %v; a program has %d bytes of machine code", on, info.JitedLen)
	}
	if !on {
		testkit.Skip(t, "the kernel does not compile programs: net.core.bpf_jit_enable is 0")
	}
}
