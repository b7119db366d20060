package feature_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/purebpf/bpf/cmd/bpf/internal/feature"
	"github.com/purebpf/bpf/cmd/bpf/internal/zoo"
	"github.com/purebpf/bpf/internal/testkit"
)

// gone are options that kernels had when bpftool 7.1 was written.
var gone = map[string]bool{"CONFIG_BPFILTER": true, "CONFIG_BPFILTER_UMH": true}

// TestProbe compares what a kernel can do with what bpftool finds. It takes every helper for
// available where the kernel refuses with words that are newer than bpftool 7.1.
func TestProbe(t *testing.T) {
	testkit.Root(t)
	got := zoo.JSON(t, feature.Command(), "probe").(map[string]any)
	want := zoo.Parse(t, zoo.Bpftool(t, "-j", "feature", "probe")).(map[string]any)
	for section, entries := range want {
		ours, ok := got[section].(map[string]any)
		if !ok {
			t.Errorf("%s is missing", section)
			continue
		}
		for key, theirs := range entries.(map[string]any) {
			if list, ok := theirs.([]any); gone[key] || ok && len(list) > 200 {
				continue
			}
			if !reflect.DeepEqual(ours[key], theirs) {
				t.Errorf("%s %s: %v, bpftool says %v", section, key, ours[key], theirs)
			}
		}
	}
}

// TestMacros compares the header for C with that of bpftool: every line of its about types is in
// ours.
func TestMacros(t *testing.T) {
	testkit.Root(t)
	out, err := zoo.Run(t, feature.Command(), "probe", "kernel", "macros", "prefix", "X_")
	if err != nil {
		t.Fatal(err)
	}
	ours := map[string]bool{}
	for line := range strings.Lines(out) {
		ours[line] = true
	}
	for line := range strings.Lines(
		zoo.Bpftool(t, "feature", "probe", "kernel", "macros", "prefix", "X_")) {
		if !strings.Contains(line, "BPF__PROG_TYPE_") && !ours[line] {
			t.Errorf("%q is missing", line)
		}
	}
}

// TestBuiltins: every name that bpftool lists is listed.
func TestBuiltins(t *testing.T) {
	for _, group := range []string{"prog_types", "map_types", "attach_types", "link_types",
		"helpers"} {
		out, err := zoo.Run(t, feature.Command(), "list_builtins", group)
		if err != nil {
			t.Fatal(err)
		}
		if want := zoo.Bpftool(t, "feature", "list_builtins",
			group); !strings.HasPrefix(out, want) {
			t.Errorf("%s: %s\nbpftool:\n%s", group, out, want)
		}
	}
	for _, test := range []struct{ line, want string }{
		{"list_builtins", "a word is missing"},
		{"list_builtins maptypes", "near: map_types"},
		{"probe dev lo", "not probed"},
		{"probe macros -j", ""},
	} {
		if out, err := zoo.Run(t, feature.Command(), strings.Fields(test.line)...); err == nil ||
			!strings.Contains(err.Error()+out, test.want) {
			t.Errorf("%s: %v", test.line, err)
		}
	}
}
