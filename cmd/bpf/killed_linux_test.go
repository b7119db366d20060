package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// killedHead begins the objects of TestKilledRun. All their maps, programs and links are called
// killed_*.
const killedHead = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
char _license[] SEC("license") = "GPL";
`

const killedMaps = killedHead + `
struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, int);
};
struct inner killed_inner SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 1); __type(key, int);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__array(values, struct inner);
} killed_outer SEC(".maps") = { .values = { &killed_inner } };
struct {
	__uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 9); __type(key, int); __type(value, int);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} killed_hash SEC(".maps");
SEC("raw_tp/sys_enter") int killed_raw(void *ctx)
{
	int key = 0;
	bpf_map_lookup_elem(&killed_hash, &key);
	return bpf_map_lookup_elem(&killed_outer, &key) != 0;
}
`

const killedProbe = killedHead + `
SEC("uprobe") int killed_probe(void *ctx) { return 0; }
`

const killedKprobe = killedHead + `
SEC("kprobe") int killed_probe(void *ctx) { return 0; }
`

const killedLinks = killedHead + `
SEC("raw_tp/sys_enter") int killed_raw(void *ctx) { return 0; }
SEC("xdp") int killed_xdp(void *ctx) { return XDP_PASS; }
`

// killedThere lists the maps and programs called killed_* that bpftool shows.
func killedThere(t *testing.T) (list []string) {
	t.Helper()
	for _, kind := range []string{"map", "prog"} {
		var rows []struct{ Name string }
		out := testkit.Run(t, "bpftool", "-j", kind, "show")
		if err := json.Unmarshal(out, &rows); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		for _, row := range rows {
			if strings.HasPrefix(row.Name, "killed_") {
				list = append(list, kind+" "+row.Name)
			}
		}
	}
	slices.Sort(list)
	return list
}

// killedEvents returns the lines of tracefs about a file or a function of the kernel.
func killedEvents(t *testing.T, tracefs string, targets ...string) (list []string) {
	t.Helper()
	for _, kind := range []string{"/kprobe_events", "/uprobe_events"} {
		text, err := os.ReadFile(tracefs + kind)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			for _, target := range targets {
				if strings.Contains(line, " "+target) {
					list = append(list, line)
				}
			}
		}
	}
	return list
}

// TestKilledRun kills bpf run before each of its system calls that may leave something: while it
// pins maps, attaches through tracefs, pins links. The next run succeeds, or its error names the
// commands after which it does; it reports what a killed run left in tracefs, with the command that
// removes it. Then the same things exist as after a run that wasn't killed, once, and nothing else.
// Oracles: bpftool, the file system, tracefs.
func TestKilledRun(t *testing.T) {
	testkit.Root(t)
	testkit.Tool(t, "bpftool")
	testkit.Netns(t)
	tracefs := testkit.Tracefs(t)
	root := testkit.BPFFS(t)
	dir := root + "/new"
	program := testkit.Native(t, `
__attribute__((noinline)) void probed(void) { __asm__("nop"); }
int main(void) { probed(); return 0; }
`)
	const function = "do_unlinkat"
	probe := "killed_probe=uprobe:" + program + ":probed,mode=legacy"
	kprobe := "killed_probe=kprobe:" + function + ",mode=legacy"
	thereIs := func(name string) func() bool {
		return func() bool { _, err := os.Stat(tracefs + name); return err == nil }
	}
	for _, row := range []struct {
		name, source string
		args         []string
		pins         []string // that a run leaves
		there        []string // that bpftool shows then
		has          func() bool
	}{
		{"maps", killedMaps, []string{"--pin-root", dir}, []string{"killed_hash", "killed_outer"},
			// The program that fills the map of maps exists as long as it is in the map.
			[]string{"map killed_hash", "map killed_inner", "map killed_outer"}, nil},
		{"uprobe", killedProbe, []string{"--attach", probe}, nil, nil, thereIs("/uprobe_events")},
		{"kprobe", killedKprobe, []string{"--attach", kprobe}, nil, nil, thereIs("/kprobe_events")},
		{"links", killedLinks, []string{"--iface", "lo", "--pin", dir},
			[]string{"killed_raw", "killed_xdp"}, []string{"prog killed_raw", "prog killed_xdp"},
			nil},
	} {
		// on every host: machines without clang get it from one
		object := testkit.Compile(t, row.source)
		if row.has != nil && !row.has() {
			t.Logf("%s: the kernel has none", row.name)
			continue
		}
		args := append([]string{"run", object, "--for", "1ms"}, row.args...)
		pins := func() (names []string) {
			list, err := filepath.Glob(dir + "/*")
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range list {
				names = append(names, filepath.Base(path))
			}
			return names
		}
		clean := func(where string) {
			t.Helper()
			for _, name := range pins() {
				if err := os.Remove(dir + "/" + name); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Remove(dir); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			testkit.Until(t, where+": nothing is left", func() bool {
				return len(killedThere(t)) == 0
			})
		}
		calls := testkit.KillAt(t, command(t, args...), -1)
		if len(calls) < 10 || !slices.Equal(pins(), row.pins) {
			t.Fatalf("%s: %d calls, pinned %q", row.name, len(calls), pins())
		}
		clean(row.name)

		// Kills at a call with a lasting effect come first, so that a sample includes them.
		var at, others []int
		for n, call := range calls {
			if call.Lasts || n > 0 && calls[n-1].Lasts {
				at = append(at, n)
			} else {
				others = append(others, n)
			}
		}
		at = append(at, others...)
		events, helped := 0, 0
		for _, n := range at[:testkit.Sample(t, row.name+": system calls", len(at), 10)] {
			killed := testkit.KillAt(t, command(t, args...), n)
			if len(killed) <= n {
				t.Fatalf("%s: %d calls this time", row.name, len(killed))
			}
			where := fmt.Sprintf("%s, killed before call %d, %s", row.name, n, killed[n].Name)
			left := killedEvents(t, tracefs, program, function)
			events += len(left)
			out, err := command(t, args...).CombinedOutput()
			said := string(out)
			if told := strings.Contains(said, "bpf detach --stale"); told != (len(left) > 0) {
				t.Errorf("%s: left in tracefs: %q; told: %s", where, left, said)
			}
			if i := strings.LastIndex(said, "); "); err != nil && i >= 0 {
				said = said[i:] // the last command removes the pin too
			}
			follow(t, said)
			if err != nil {
				helped++
				if out, err := command(t, args...).CombinedOutput(); err != nil {
					t.Errorf("%s: after what %s says: %v: %s", where, said, err, out)
				}
			}
			if now := pins(); !slices.Equal(now, row.pins) {
				t.Errorf("%s: pinned is %q, want %q", where, now, row.pins)
			}
			testkit.Until(t, where+": there is what a run leaves, and nothing else", func() bool {
				return slices.Equal(killedThere(t), row.there)
			})
			if now := killedEvents(t, tracefs, program, function); len(now) > 0 {
				t.Errorf("%s: left in tracefs: %q", where, now)
			}
			clean(where)
		}
		if strings.HasSuffix(row.name, "probe") && events == 0 ||
			row.name == "links" && helped == 0 {
			t.Errorf("%s: %d events left, %d runs refused: nothing is shown",
				row.name, events, helped)
		}
		t.Logf("%s: %d calls, %d events left, %d runs refused at first",
			row.name, len(calls), events, helped)
	}
}
