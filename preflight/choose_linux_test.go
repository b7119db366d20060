package preflight_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/preflight"
)

// TestChoose's oracle is the set of features of this kernel. No kernel has the first map type or
// the first tracepoint; every kernel that these tests run on has ring buffers (5.8) and raw
// tracepoints (4.17). The tests of package bpf load the chosen ones of the same object.
func TestChoose(t *testing.T) {
	testkit.Root(t)
	source, err := os.ReadFile("testdata/alternatives.bpf.c")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(testkit.Compile(t, string(source)))
	if err != nil {
		t.Fatal(err)
	}
	o, err := object.Parse(raw, "alternatives")
	if err != nil {
		t.Fatal(err)
	}
	choices, err := preflight.Choose(o, kernel.Running(), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range choices {
		got[c.Name] = c.Chosen
		if len(c.Rejected) != 1 || c.Rejected[0].Reason == "" {
			t.Errorf("%s: rejected %v", c.Name, c.Rejected)
		}
	}
	if diff := cmp.Diff(map[string]string{"watch": "watch___good", "events": "events___ring"},
		got); diff != "" {
		t.Errorf("choices (-want +got):\n%s\n%v", diff, choices)
	}
	var on []string
	for _, p := range o.Programs {
		if p.Autoload {
			on = append(on, p.Name)
		}
	}
	for _, m := range o.Maps {
		if m.Autocreate && strings.Contains(m.Name, "events") {
			on = append(on, m.Name)
		}
	}
	for _, name := range []string{"events___ring_chosen", "events___perf_chosen"} {
		var chosen bool
		if err := o.Variable(name).Get(&chosen); err != nil {
			t.Fatal(err)
		}
		if chosen {
			on = append(on, name)
		}
	}
	if diff := cmp.Diff([]string{"watch___good", "events___ring", "events___ring_chosen"},
		on); diff != "" {
		t.Errorf("turned on (-want +got):\n%s", diff)
	}
}
