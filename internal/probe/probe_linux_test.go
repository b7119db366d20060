package probe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestParseLeftover: lines as kernels print them.
func TestParseLeftover(t *testing.T) {
	for line, want := range map[string]string{
		"p:kprobes/purebpf_12_3_do_unlinkat_0x0 do_unlinkat":                   "kprobes/purebpf_12_3_do_unlinkat_0x0 do_unlinkat 12",
		"r:kretprobes/libbpf_4711_0_do_unlinkat_0x0 do_unlinkat":               "kretprobes/libbpf_4711_0_do_unlinkat_0x0 do_unlinkat 4711",
		"r32:kretprobes/libbpf_4711_do_unlinkat_0x0_5 do_unlinkat+0":           "kretprobes/libbpf_4711_do_unlinkat_0x0_5 do_unlinkat+0 4711",
		"p:uprobes/libbpf_7_0__bin_sh_0x1234 /bin/sh:0x0000000000001234 a=%ax": "uprobes/libbpf_7_0__bin_sh_0x1234 /bin/sh:0x0000000000001234 7",
		"r:uretprobes/purebpf_7_0__bin_sh_0x1234 /bin/sh:0x0000000000001234":   "uretprobes/purebpf_7_0__bin_sh_0x1234 /bin/sh:0x0000000000001234 7",
		"p:kprobes/p_do_unlinkat_bcc_12 do_unlinkat":                           "",
		"p:kprobes/myprobe do_unlinkat":                                        "",
		"p:mine/libbpf_12_0_x do_unlinkat":                                     "",
		"p:kprobes/libbpf_x_0 do_unlinkat":                                     "",
		"p:kprobes/libbpf_12 do_unlinkat":                                      "",
		"p:kprobes/libbpf_0_0_x do_unlinkat":                                   "",
		"p:kprobes/libbpf_99999999999999999999_0_x do_unlinkat":                "",
		"e:eprobes/libbpf_12_0_x syscalls.sys_enter_openat":                    "",
		"":          "",
		"p:kprobes": "",
	} {
		e, ok := parseLeftover(line)
		got := ""
		if ok {
			got = fmt.Sprint(e, " ", e.PID)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// The oracle is MAX_EVENT_NAME_LEN (64 with the NUL) and the characters that tracefs takes in
// names.
func TestEventName(t *testing.T) {
	for want, got := range map[string]string{
		"purebpf_12_3_do_unlinkat_0x1f": eventName(12, 3,
			"do_unlinkat", 31),
		"purebpf_12_3_m_f_isra_0_0x0": eventName(12, 3,
			"m:f.isra.0", 0),
		"purebpf_4194304_4294967295__usr_lib_x86_64_linux_gnu_libc_so_6_": eventName(4194304,
			1<<32-1, "/usr/lib/x86_64-linux-gnu/libc.so.6", 0x123456),
	} {
		if got != want || len(got) > 63 {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestNameTaken: an event of another place has the name that would be next, as a leftover of an
// earlier process with our id may. The kernel would add our place to it, so the next name is taken.
// The oracle is the kernel's list.
func TestNameTaken(t *testing.T) {
	tracefs := testkit.Tracefs(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ kind, there, ours, target string }{
		{"kprobe", "find_task_by_vpid", "find_task_by_vpid", "find_task_by_vpid"},
		{"uprobe", self + ":0x1000", self + ":0x2000", filepath.Base(self)},
	} {
		t.Run(c.kind, func(t *testing.T) {
			file := c.kind + "_events"
			if _, err := os.Stat(tracefs + "/" + file); err != nil {
				testkit.Skip(t, "the kernel has no %s events: %v", c.kind, err)
			}
			taken := tracefsEvent{
				root: tracefs, file: file, group: c.kind + "s",
				name: eventName(os.Getpid(), count.Load(), c.target, 0x2000),
			}
			if err := taken.write("p:" + taken.group + "/" + taken.name + " " +
				c.there); err != nil {
				t.Fatal(err)
			}
			ours, err := define(tracefs, c.kind, false, c.ours, c.target, 0x2000)
			if err != nil {
				t.Fatal(err)
			}
			list := readFile(t, tracefs+"/"+file)
			if n := strings.Count(list, "/"+taken.name+" "); n != 1 || ours.name == taken.name {
				t.Errorf("%d probes are called %s, ours is called %s:\n%s", n, taken.name,
					ours.name, list)
			}
			if err := errors.Join(ours.remove(), taken.remove()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLeftoverFiles: a file that can't be read or written is an error, one that isn't there is not.
func TestLeftoverFiles(t *testing.T) {
	dir := t.TempDir()
	if list, err := Leftovers(dir, func(int) bool { return false }); err != nil || len(list) != 0 {
		t.Errorf("nothing there: %v %v", list, err)
	}
	writeFile(t, dir+"/kprobe_events", "p:kprobes/libbpf_5_0_f_0x0 f\np:kprobes/other f\n")
	removed, err := RemoveLeftovers(dir, func(pid int) bool { return pid != 5 })
	if err != nil || len(removed) != 1 ||
		!strings.HasSuffix(readFile(t, dir+"/kprobe_events"), "-:kprobes/libbpf_5_0_f_0x0") {
		t.Errorf("%v %v", removed, err)
	}
	if err := os.Mkdir(dir+"/uprobe_events", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := RemoveLeftovers(dir, func(int) bool { return false }); err == nil {
		t.Error(errors.New("a folder in place of the file is taken"))
	}
}
