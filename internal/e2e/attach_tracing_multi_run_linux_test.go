package e2e

import (
	"github.com/purebpf/bpf"

	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// TestTracingMulti runs programs of the new kinds where the kernel's BTF says that it has them. The
// oracle is the system calls that the test makes.
func TestTracingMulti(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	for _, c := range []struct {
		program, attachType string
		runs                uint64 // for each call
	}{
		{"entries", "BPF_TRACE_FENTRY_MULTI", 1},
		{"exits", "BPF_TRACE_FEXIT_MULTI", 1},
		{"sessions", "BPF_TRACE_FSESSION_MULTI", 2},
		{"session", "BPF_TRACE_FSESSION", 2},
	} {
		t.Run(c.program, func(t *testing.T) {
			if !kernelEnumerates(t, "bpf_attach_type", c.attachType) {
				testkit.Skip(t, "the kernel's BTF has no %s", c.attachType)
			}
			trampolines(t)
			obj := threadObject(t, "tracing_multi", c.program)
			p, ran, cookie := obj.Program(c.program), counter(t, obj, "ran"),
				counter(t, obj, "cookie")
			l := attached(t, p)
			if getpgid(10); *ran != 10*c.runs {
				t.Errorf("10 calls, %d runs", *ran)
			}
			closeLink(t, l)
			if getpgid(1); *ran != 10*c.runs {
				t.Error("it runs after it was detached")
			}
			var err error
			if c.attachType != "BPF_TRACE_FSESSION" {
				spec, specErr := kernel.Running().BTF()
				if specErr != nil {
					t.Fatal(specErr)
				}
				id, ok := spec.FindByName("find_task_by_vpid", btf.KindFunc)
				if !ok {
					t.Fatal("no find_task_by_vpid in the kernel's BTF")
				}
				l, err = p.AttachTracingList([]btf.ID{id}, []uint64{1<<40 + 7})
			} else {
				l, err = p.AttachTrace(&bpf.CookieOptions{Cookie: 1<<40 + 7})
			}
			if err != nil {
				t.Fatal(err)
			}
			defer closeLink(t, l)
			if getpgid(1); *cookie != 1<<40+7 {
				t.Errorf("cookie %#x", *cookie)
			}
		})
	}
}
