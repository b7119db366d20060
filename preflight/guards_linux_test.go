package preflight

import (
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
)

// only leaves autoload on for one program.
func only(o *object.Object, name string) {
	for _, p := range o.Programs {
		p.Autoload = p.Name == name
	}
}

// TestGuards predicts for each program of guards.bpf.c whether it loads. The oracle is the running
// kernel, which is asked to load it.
func TestGuards(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.1")
	k := kernel.Running()
	var names []string
	for _, p := range readObject(t, guards).Programs {
		names = append(names, p.Name)
	}
	if len(names) < 20 {
		t.Fatalf("%d programs", len(names))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			o := readObject(t, guards)
			only(o, name)
			r := Check(o, k, nil)
			loaded, err := bpf.Load(o, nil)
			if err == nil {
				loaded.Close()
			}
			if want := strings.HasPrefix(name, "ok_"); want != (err == nil) {
				t.Errorf("the kernel says %v", err)
			}
			if (r.Loads == facts.Yes) != (err == nil) {
				t.Errorf("predicted %s %q, the kernel says %v", r.Loads, r.Reasons, err)
			}
		})
	}
}

// TestLicense predicts whether the programs of some objects load under a license that is not
// compatible with the GPL. The oracle is the running kernel, which is asked to load each by itself.
func TestLicense(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.1")
	k := kernel.Running()
	yes, no := 0, 0
	for _, path := range []string{guards, "../testdata/maps.bpf.o", "../testdata/net.bpf.o",
		"../testdata/structops.bpf.o", "../testdata/allocated.bpf.o",
		"../testdata/kprobe.bpf.o", "../testdata/iter.bpf.o"} {
		for i, p := range readObject(t, path).Programs {
			o := readObject(t, path)
			for j, q := range o.Programs {
				q.Autoload = i == j
			}
			o.License = "Proprietary"
			r := Check(o, k, nil)
			loaded, err := bpf.Load(o, &bpf.LoadOptions{SkipPins: true})
			if err == nil {
				loaded.Close()
				yes++
			} else if strings.Contains(err.Error(), "GPL") {
				no++
				if r.Loads != facts.No || !slices.ContainsFunc(r.Reasons, func(s string) bool {
					return strings.Contains(s, "GPL")
				}) {
					t.Errorf("%s: %s: predicted %s %q, the kernel says %v", path, p.Name, r.Loads,
						r.Reasons, err)
				}
				continue
			}
			if slices.ContainsFunc(r.Needs, func(n Need) bool {
				return n.Kind == NeedLicense &&
					n.Answer == facts.No
			}) && err == nil {
				t.Errorf("%s: %s: predicted %s %q, the kernel loads it", path, p.Name, r.Loads,
					r.Reasons)
			}
		}
	}
	if yes < 10 || no < 10 {
		t.Errorf("the kernel accepted %d programs and refused %d for their license", yes, no)
	}
}

// TestHelpersByAttach predicts whether cgroup programs that call bpf_get_retval load. Only some
// attach types allow it. The oracle is the running kernel, which is asked to load each by itself.
func TestHelpersByAttach(t *testing.T) {
	testkit.Root(t)
	k := kernel.Running()
	path := testkit.CorpusObject(t, "selftests/cgroup_getset_retval_hooks.bpf.o")
	yes, no := 0, 0
	for _, p := range readObject(t, path).Programs {
		o := readObject(t, path)
		only(o, p.Name)
		r := Check(o, k, nil)
		loaded, err := bpf.Load(o, nil)
		if err == nil {
			loaded.Close()
			yes++
		} else {
			no++
		}
		if r.Loads == facts.Unknown || (r.Loads == facts.Yes) != (err == nil) {
			t.Errorf("%s: predicted %s %q, the kernel says %v", p.Name, r.Loads, r.Reasons, err)
		}
	}
	if yes == 0 || no == 0 {
		t.Errorf("the kernel accepted %d programs and refused %d", yes, no)
	}
}

// TestLocks predicts whether programs that use maps with a lock or a timer load. The oracle is the
// running kernel, which is asked to load each by itself.
func TestLocks(t *testing.T) {
	testkit.Root(t)
	k := kernel.Running()
	yes, no := 0, 0
	for _, path := range []string{testkit.CorpusObject(t, "selftests/test_helper_restricted.bpf.o"),
		"../testdata/allocated.bpf.o", "../object/testdata/maps.o"} {
		for _, p := range readObject(t, path).Programs {
			o := readObject(t, path)
			only(o, p.Name)
			r := Check(o, k, nil)
			loaded, err := bpf.Load(o, nil)
			switch {
			case err == nil:
				loaded.Close()
				yes++
			case strings.Contains(err.Error(), "cannot use bpf_"):
				no++
			default:
				continue
			}
			if r.Loads == facts.Unknown && !facts.AtLeast(k.Version(), "6.19") ||
				r.Loads == facts.Yes && err != nil || r.Loads == facts.No && err == nil {
				t.Errorf("%s: %s: predicted %s %q, the kernel says %v", path, p.Name, r.Loads,
					r.Reasons, err)
			}
		}
	}
	if yes == 0 || no == 0 && !facts.AtLeast(k.Version(), "6.19") {
		t.Errorf("the kernel accepted %d programs and refused %d for their maps", yes, no)
	}
}

// TestGuardsRecorded predicts the same for kernels that are not running: these programs use things
// that no kernel has. The oracle is their names.
func TestGuardsRecorded(t *testing.T) {
	for _, meta := range []string{"linux-image-cloud-amd64", "linux-image-6.12-cloud-amd64"} {
		d := testkit.Debian(t, meta)
		full := facts.NewRecorded(facts.Recording{Version: d.Version, BTF: d.BTF,
			Kconfig: d.Kconfig, Features: facts.Upstream(d.Version)})
		bare := facts.NewRecorded(facts.Recording{BTF: d.BTF})
		for _, p := range readObject(t, guards).Programs {
			o := readObject(t, guards)
			only(o, p.Name)
			want := facts.Yes
			// BTF does not say which types may call it
			if strings.HasPrefix(p.Name, "bad_") && p.Name != "bad_helper_type" {
				want = facts.No
			}
			if r := Check(o, full, nil); r.Loads != want {
				t.Errorf("%s: %s: loads: %s %q, want %s", d.Release, p.Name, r.Loads, r.Reasons,
					want)
			}
			// Without a version and a configuration, the checks that ask for them cannot be
			// decided: the code behind them counts as reachable.
			if slices.Contains([]string{"ok_version", "ok_kconfig"}, p.Name) {
				want = facts.No
			}
			if r := Check(o, bare, nil); r.Loads != want {
				t.Errorf("%s, BTF only: %s: loads: %s %q, want %s", d.Release, p.Name, r.Loads,
					r.Reasons, want)
			}
		}
	}
}
