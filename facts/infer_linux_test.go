package facts_test

import (
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// TestInferRunning compares the features that the running kernel's BTF shows with the kernel's own
// answers. The oracle is the kernel.
func TestInferRunning(t *testing.T) {
	testkit.Root(t)
	testkit.SameArch(t)
	k := kernel.Running()
	s, err := k.BTF()
	if err != nil {
		testkit.Skip(t, "%v", err)
	}
	told := 0
	for f, answer := range facts.Infer(s) {
		f := facts.Feature(f)
		yes, err := k.Has(f)
		if answer == facts.Unknown || err != nil {
			t.Logf("%s: %s, %v", f, answer, err)
			continue
		}
		told++
		if yes != (answer == facts.Yes) {
			t.Errorf("%s: BTF says %s, the kernel %v", f, answer, yes)
		}
	}
	if told < 20 {
		t.Errorf("BTF shows only %d features", told)
	}
}

// TestInferDebian reads the BTF of Debian's kernels. The oracle is the release that each feature
// came with: these kernels have nothing newer.
func TestInferDebian(t *testing.T) {
	for _, meta := range []string{"linux-image-cloud-amd64", "linux-image-6.12-cloud-amd64"} {
		t.Run(meta, func(t *testing.T) {
			d := testkit.Debian(t, meta)
			s, err := btf.Parse(d.BTF, nil)
			if err != nil {
				t.Fatal(err)
			}
			upstream := facts.Upstream(d.Version)
			for f, answer := range facts.Infer(s) {
				if f := facts.Feature(f); answer != upstream[f] && answer != facts.Unknown {
					t.Errorf("%s %s (since %s): BTF says %s", d.Release, f, f.Since(), answer)
				} else if answer == facts.Unknown {
					t.Logf("%s: unknown", f)
				}
			}
		})
	}
}

// TestHasEnumerator looks for helpers that came in successive kernels. The oracle is their history.
func TestHasEnumerator(t *testing.T) {
	d := testkit.Debian(t, "linux-image-cloud-amd64")
	s, err := btf.Parse(d.BTF, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		enum, name string
		value      int64
		has, known bool
	}{
		{"bpf_func_id", "BPF_FUNC_user_ringbuf_drain", 209, true, true},
		{"bpf_func_id", "", 209, true, true},
		{"bpf_func_id", "BPF_FUNC_cgrp_storage_get", 210, false, true}, // 6.2
		{"bpf_prog_type", "", 31, true, true},                          // syscall, 5.14
		{"bpf_prog_type", "", 32, false, true},                         // netfilter, 6.4
		{"bpf_map_type", "", 31, true, true},                           // user ringbuf, 6.1
		{"bpf_map_type", "", 33, false, true},                          // arena, 6.9
		{"bpf_no_type", "", 1, false, false},
	} {
		if has, known := facts.HasEnumerator(s, row.enum, row.name, row.value); has != row.has ||
			known != row.known {
			t.Errorf("%s %s %d: %v, %v; want %v, %v", row.enum, row.name, row.value, has, known,
				row.has, row.known)
		}
	}
}

// TestInferUprobeMulti checks a kernel of 6.6 to 6.9, which has the link type but not the feature,
// which libbpf's probe finds from 6.10 on: only the absence of the type is evidence. The oracle is
// the kernel's history.
func TestInferUprobeMulti(t *testing.T) {
	for _, c := range []struct {
		name string
		want facts.Answer
	}{{"BPF_LINK_TYPE_UPROBE_MULTI", facts.Unknown}, {"BPF_LINK_TYPE_TCX", facts.No}} {
		b := btf.NewBuilder(nil)
		b.AddEnum("bpf_link_type", 4, false)
		b.AddEnumerator(c.name, 12)
		s, err := b.Spec()
		if err != nil {
			t.Fatal(err)
		}
		if got := facts.Infer(s)[facts.UprobeMultiLink]; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	for minor, want := range map[uint32]facts.Answer{5: facts.No, 6: facts.No, 9: facts.No,
		10: facts.Yes} {
		if got := facts.Upstream(6<<16 | minor<<8)[facts.UprobeMultiLink]; got != want {
			t.Errorf("6.%d: %v, want %v", minor, got, want)
		}
	}
}
