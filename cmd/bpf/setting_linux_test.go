package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/testkit"
)

const settingSource = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
enum level { LOW, HIGH = 7 };
const volatile int number = 1;
const volatile enum level level = LOW;
volatile struct { int list[3]; char name[8]; } conf;
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, char[8]);
	__type(value, int[3]);
} sized SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
} ring SEC(".maps");
SEC("raw_tp/sys_enter") int count(void *ctx)
{
	int out[3] = {number, level, conf.list[2]};
	char name[8] = {};
	for (int i = 0; i < 8; i++)
		name[i] = conf.name[i];
	bpf_map_update_elem(&sized, name, out, 0);
	return 0;
}
SEC("uprobe/victim") int open(void *ctx) { return 0; }
SEC("kprobe/dummy_function_of_the_test") int dummy(void *ctx) { return 0; }
char _license[] SEC("license") = "GPL";
`

// TestRunSettings runs an object as its own loader would have set it up. The oracle is the program
// in the kernel, which copies what it sees into a map, and bpftool for the map's size.
func TestRunSettings(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	obj := testkit.Compile(t, settingSource)
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience(20*time.Second))
	defer cancel()
	want := regexp.MustCompile(`"sized","entries":\[\{"key":"eth0","value":\[-42,7,9\]`)
	out := &found{pattern: want, match: make(chan struct{})}
	var size struct {
		MaxEntries int `json:"max_entries"`
	}
	go func() {
		defer cancel()
		select {
		case <-out.match:
			if text, err := exec.Command("bpftool", "-j", "map", "show", "name",
				"sized").Output(); err == nil {
				json.Unmarshal(bytes.Trim(text, "[]\n"), &size)
			}
		case <-ctx.Done():
		}
	}()
	root := newRootCommand()
	root.SetArgs([]string{"run", obj, "--json", "--interval", "50ms", "--only", "co*",
		"--map", "sized:max_entries=77", "--map", "ring:max_entries=4096", "--set", "number=-42",
		"--set", "level=HIGH", "--set", "conf.list[2]=9", "--set", "conf.name=eth0"})
	root.SetOut(out)
	root.SetErr(out)
	if err := root.ExecuteContext(ctx); err != nil {
		t.Fatal(err)
	}
	if !want.MatchString(out.String()) {
		t.Fatalf("no map with the settings in\n%.2000s", out)
	}
	if _, err := exec.LookPath("bpftool"); err == nil && size.MaxEntries != 77 {
		t.Errorf("bpftool: the map has %d entries", size.MaxEntries)
	}
}

// TestRunRefusesSettings: wrong settings are refused before anything is loaded, in one line that
// names what would do. The oracle is the source of the object.
func TestRunRefusesSettings(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	obj := testkit.Compile(t, settingSource)
	sizes := []string{"--map", "sized:max_entries=77", "--map", "ring:max_entries=4096"}
	for _, x := range []struct {
		args []string
		says string
	}{
		{[]string{"--only", "count"}, "map sized needs max_entries, map ring needs max_entries: " +
			"--map sized:max_entries=10240 --map ring:max_entries=262144"},
		{append(sizes, "--only", "open"), `SEC("uprobe/victim"): want path:function: invalid ` +
			"argument; --exe FILE, or --attach open=uprobe:FILE:victim, completes it"},
		{sizes, `SEC("kprobe/dummy_function_of_the_test") is a placeholder: the object's own ` +
			"loader chooses the functions of dummy; name them (--attach dummy=kprobe:FUNC), or " +
			"leave programs out (--skip dummy)"},
		{[]string{"--set", "numbr=1"}, "has no variable numbr; near: number"},
		{[]string{"--set", "zzzzz=1"}, "has no variable zzzzz; it has number, level, conf"},
		{[]string{"--set", "number=0x80000000"}, "doesn't fit into volatile const int: "},
		{[]string{"--set", "level=HIGHER"}, `has no constant "HIGHER"; it has LOW, HIGH`},
		{[]string{"--set", "conf.name=abcdefghi"}, "has 9 bytes, char[8] has room for 8"},
		{[]string{"--set", "conf.lst[2]=9"}, `conf has no field "lst"; near: list`},
		{[]string{"--set", "conf.list[3]=9"}, "the array has 3 elements, 0 to 2"},
		{[]string{"--set", "number"}, "write VAR=VALUE"},
		{[]string{"--map", "szed:max_entries=1"}, "has no map szed; near: sized"},
		{[]string{"--map", "sized:max_entrys=1"}, `no attribute "max_entrys"; near: max_entries`},
		{[]string{"--map", "sized:type=1"}, "max_entries, value_size, key_size"},
		{[]string{"--map", "sized:max_entries=4294967296"}, "a number from 0 to 4294967295"},
		{[]string{"--map", "ring:value_size=4"}, "value_size 4"},
		{[]string{"--map", "sized"}, "write NAME:max_entries=N"},
		{[]string{"--skip", "cuont"}, "has no such program; near: count"},
		{[]string{"--only", "x*"}, "has no such program; it has count, open, dummy"},
		{[]string{"--skip", "open", "--attach", "open=uprobe:/bin/sh:main"},
			"--skip and --attach both name open"},
		{[]string{"--only", "count", "--pid", "1"}, "--pid: no program is attached to a process"},
		{[]string{"--pid", "-1"}, "a process id is positive"},
		{[]string{"--pid", "2147483647"}, "there is no such process"},
	} {
		out, err := verb(append([]string{"run", obj}, x.args...)...)
		if err == nil || !strings.Contains(err.Error(), x.says) ||
			strings.Contains(out, "attached") {
			t.Errorf("run %q: %v, not %q\n%s", x.args, err, x.says, out)
		}
	}
	// The other verbs take the same settings.
	for _, verbs := range [][]string{{"plan", obj}, {"check", obj},
		{"attach", obj, "count", "auto"}} {
		out, err := verb(append(verbs, "--set", "numbr=1")...)
		if err == nil || !strings.Contains(err.Error(), "near: number") {
			t.Errorf("%q: %v\n%s", verbs, err, out)
		}
	}
	if out, err := verb(append([]string{"run", obj, "--for", "50ms", "--keep-going"},
		sizes...)...); err != nil ||
		!strings.Contains(out, "left out, since the object's own loader chooses their functions: dummy") ||
		!strings.Contains(out, "attach program open: SEC") ||
		!strings.Contains(out, "attached count") {
		t.Errorf("--keep-going: %v\n%s", err, out)
	}
}

// TestRunPID attaches uprobes by their section, the file and process given on the command line. The
// oracle is the process, which calls the function, and one that doesn't.
func TestRunPID(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	obj := testkit.Compile(t, `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, int);
} hits SEC(".maps");
SEC("uprobe/probed") int hit(void *ctx)
{
	int key = 0, *n = bpf_map_lookup_elem(&hits, &key);
	if (n)
		*n = 1;
	return 0;
}
char _license[] SEC("license") = "GPL";
`)
	path, pid := startVictim(t)
	for _, x := range []struct {
		args []string
		hits bool
	}{
		{[]string{"--exe", path}, true},
		{[]string{"--pid", strconv.Itoa(pid)}, true},
		{[]string{"--exe", path, "--pid", strconv.Itoa(pid)}, true},
		{[]string{"--exe", path, "--pid", strconv.Itoa(syscall.Getpid())}, false},
	} {
		out, err := verb(append([]string{"run", obj, "--json", "--for", "300ms"}, x.args...)...)
		if err != nil {
			t.Errorf("%q: %v", x.args, err)
		} else if hit := strings.Contains(out, `"value":1`); hit != x.hits {
			t.Errorf("%q: hit %v\n%s", x.args, hit, out)
		}
	}
}

// TestVerifySettings: verify loads an object as --set and --map make it. Oracle: the kernel, which
// refuses the map without a size, and the program unless it knows that the index fits.
func TestVerifySettings(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	obj := testkit.Compile(t, `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
const volatile __u32 at = 100;
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, __u32); __type(value, __u64[4]);
} sized SEC(".maps");
SEC("xdp") int x(struct xdp_md *c)
{
	__u32 key = 1;
	__u64 *v = bpf_map_lookup_elem(&sized, &key);
	if (v)
		v[at] = 1;
	return 2;
}
char LICENSE[] SEC("license") = "GPL";
`)
	for _, row := range []struct {
		flags []string
		want  string
	}{
		{nil, "max_entries is 0"},
		{[]string{"--map", "sized:max_entries=4"}, "invalid access to map value"},
		{[]string{"--map", "sized:max_entries=4", "--set", "at=4"}, "invalid access to map value"},
		{[]string{"--map", "sized:max_entries=4", "--set", "at=3"}, ""},
		{[]string{"--map", "sized:max_entries=4", "--set", "att=3"}, "near: at"},
	} {
		out, err := verb(append([]string{"verify", obj}, row.flags...)...)
		if (err == nil) != (row.want == "") || !strings.Contains(out, row.want) {
			t.Errorf("%q: %v\n%s\nwant %q", row.flags, err, out, row.want)
		}
	}
}
