package bpf

import (
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/testkit"
)

// TestFeature runs a program for each feature of kernels that isn't about attaching. The oracle is the answer that a program can only give
// if the kernel did what it asked for.
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
			o := only(open(t, "feature"), f.program)
			if f.program == "tail_call" {
				o.Program("tail_target").Autoload = true
			}
			o.Map("groups").Autocreate = f.program == "cgroup_storage"
			o.Map("tails").Autocreate = f.program == "tail_call"
			obj := load(t, o, nil)
			p := obj.Program(f.program)
			if p.Section() == "tp_btf/sys_enter" {
				attached(t, p)
				getpriority()
				if r := *variable[uint64](t, obj, "result"); r != 7 {
					t.Errorf("result %d, want 7", r)
				}
				return
			}
			opts := &RunOptions{Data: make([]byte, 64)}
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
				for deadline := time.Now().Add(testkit.Patience(5 * time.Second)); *fired != 7; time.Sleep(time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatal("the timer didn't fire")
					}
				}
			}
		})
	}
}
