package main

import (
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// TestRelaxedMaps: a map definition with a field that nobody knows is refused, with the flag that
// ignores it. Oracle: libbpf's relaxed_maps, which does the same.
func TestRelaxedMaps(t *testing.T) {
	obj := testkit.Compile(t, `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __type(key, int);
	__type(value, int); __uint(pining, 1); } m SEC(".maps");
SEC("xdp") int x(void *c) { int key = 1; return bpf_map_lookup_elem(&m, &key) ? 2 : 1; }
char LICENSE[] SEC("license") = "GPL";
`)
	for _, args := range [][]string{
		{"run", obj}, {"attach", obj, "x", "xdp:lo"}, {"plan", obj}, {"check", obj},
	} {
		_, err := verb(args...)
		if err == nil {
			t.Errorf("%q took an unknown field", args)
			continue
		}
		for _, want := range []string{`"pining"`, "--relaxed-maps", "near: pinning"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %s", args, err, want)
			}
		}
	}
	testkit.Root(t)
	if out, err := verb("verify", obj); err == nil || !strings.Contains(out, `"pining"`) {
		t.Errorf("verify: %v\n%s", err, out)
	}
	if out, err := verb("verify", "--relaxed-maps", obj); err != nil {
		t.Errorf("verify --relaxed-maps: %v\n%s", err, out)
	}
	if out, err := verb("plan", "--relaxed-maps", obj); err != nil || !strings.Contains(out, "m ") {
		t.Errorf("with --relaxed-maps: %v\n%s", err, out)
	}
}
