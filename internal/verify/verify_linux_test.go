package verify

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const head = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
struct shape { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, int);
	__uint(max_entries, 1); };
#define MAP struct shape m SEC(".maps")
#define BEGIN SEC("syscall") int p(void *c)
#define ARENA int __attribute__((address_space(1))) g = 3
extern const void no_symbol __ksym, weak_symbol __ksym __weak;
extern const int no_variable __ksym, weak_variable __ksym __weak;
extern int no_function(int) __ksym;
extern int CONFIG_NO_SUCH __kconfig;
`

// TestErrnos loads objects with several faults, so that the order in which a loader comes to them
// decides. The oracle is C libbpf.
func TestErrnos(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	bodies := map[string]string{
		"arena variable without maps":     `ARENA; BEGIN { return g; }`,
		"arena variable without an arena": `ARENA; MAP; BEGIN { return g; }`,
		"unused arena variable":           `ARENA; BEGIN { return 0; }`,
		"typeless symbol":                 `BEGIN { return (long)&no_symbol; }`,
		"typed variable":                  `BEGIN { return no_variable; }`,
		"typeless symbol, typed variable": `BEGIN { return (long)&no_symbol + no_variable; }`,
		"typed variable, typeless symbol": `BEGIN { return no_variable + (long)&no_symbol; }`,
		"typeless symbol, kfunc":          `BEGIN { return (long)&no_symbol + no_function(1); }`,
		"option":                          `BEGIN { return CONFIG_NO_SUCH; }`,
		"option, typeless symbol":         `BEGIN { return CONFIG_NO_SUCH + (long)&no_symbol; }`,
		"option, typed variable":          `BEGIN { return CONFIG_NO_SUCH + no_variable; }`,
		"weak typed, typeless symbol":     `BEGIN { return (long)&weak_variable + (long)&no_symbol; }`,
		"weak symbols":                    `BEGIN { return !&weak_symbol + !&weak_variable; }`,
		"option, typed variable, no type": `SEC("no") int p(void *c) { return CONFIG_NO_SUCH + no_variable; }`,
		"symbol, map of maps without inner": `struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
			__type(key, int); __uint(max_entries, 1); } o SEC(".maps");
			BEGIN { return (long)&no_symbol; }`,
	}
	names := make([]string, 0, len(bodies))
	paths := make([]string, 0, len(bodies))
	for name, body := range bodies {
		names, paths = append(names, name), append(paths, testkit.Compile(t, head+body+"\n"))
	}
	for i, want := range testkit.Oracle(t, paths...) {
		got, err := One(paths[i], nil)
		if got.OK != want.OK || got.Stage != want.Stage || got.Errno != want.Errno {
			t.Errorf("%s: ok %v, stage %s, errno %d: %v; C libbpf has ok %v, stage %s, errno %d: %s",
				names[i], got.OK, got.Stage, got.Errno, err, want.OK, want.Stage, want.Errno,
				want.Error)
		}
	}
}

// TestJSON: a verdict prints every field, also where it is 0 or empty. The oracle is the definition
// of JSON's null and of an empty list.
func TestJSON(t *testing.T) {
	testkit.Root(t)
	path := testkit.Compile(t, head+`BEGIN { return 0; }`)
	for _, path := range []string{path, path + ".absent"} {
		v, _ := One(path, nil)
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"errno":`, `"program":""`, `"programs":[`, `"maps":[]`} {
			if !strings.Contains(string(line), want) {
				t.Errorf("no %s in %s", want, line)
			}
		}
		if strings.Contains(string(line), "null") {
			t.Errorf("null in %s", line)
		}
		if v.OK && !strings.Contains(string(line), `"maps":0,`) {
			t.Errorf("no number of maps of the program in %s", line)
		}
	}
}
