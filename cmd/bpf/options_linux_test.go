package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/internal/testkit"
)

// verb runs a verb in this process.
func verb(args ...string) (string, error) {
	var out bytes.Buffer
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.Execute()
	return out.String(), err
}

// TestPlanRecorded plans for kernels that are not running. The oracle is bpftool, which lists the
// ids of functions in the BTF of each.
func TestPlanRecorded(t *testing.T) {
	obj := testkit.CorpusObject(t, "tools/vfsstat.bpf.o")
	for _, meta := range []string{"linux-image-cloud-amd64", "linux-image-6.12-cloud-amd64"} {
		dir := debianFolder(t, meta)
		out, err := verb("plan", obj, "--btf", dir, "-j")
		if err != nil {
			t.Fatalf("%s: %v\n%s", dir, err, out)
		}
		var p struct {
			Programs []struct {
				Name, Error string
				Target      int `json:"attach_btf_id"`
			}
		}
		if err := json.Unmarshal([]byte(out), &p); err != nil {
			t.Fatal(err)
		}
		types := testkit.Run(t, "bpftool", "btf", "dump", "file", filepath.Join(dir, "vmlinux"))
		compared := 0
		for _, prog := range p.Programs {
			name, ok := strings.CutPrefix(prog.Name, "fentry_")
			if !ok {
				continue
			}
			m := regexp.MustCompile(`(?m)^\[(\d+)\] FUNC '` + name + `'`).FindSubmatch(types)
			if m == nil {
				t.Fatalf("bpftool has no %s", name)
			}
			if id, _ := strconv.Atoi(string(m[1])); id != prog.Target {
				t.Errorf("%s: %s is %d, bpftool says %d", dir, name, prog.Target, id)
			}
			compared++
		}
		if compared == 0 {
			t.Errorf("no program in\n%s", out)
		}
	}
	// The plan reports what is missing and goes on.
	out, err := verb("plan", testkit.CorpusObject(t, "tools/biosnoop.bpf.o"), "--btf",
		debianFolder(t, "linux-image-cloud-amd64"))
	if status, ok := err.(tool.ExitStatus); !ok || status != 1 ||
		!strings.Contains(out, "FUNC blk_account_io_start is not in the BTF") ||
		!strings.Contains(out, "block_rq_complete") {
		t.Errorf("biosnoop on 6.1: %v\n%s", err, out)
	}
}

const optionsSource = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
struct elsewhere { int field; } __attribute__((preserve_access_index));
extern int CONFIG_OF_THE_TEST __kconfig;
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, int);
	__type(value, int);
} options_pinned SEC(".maps");
SEC("raw_tp/sys_enter") int prog(struct elsewhere *ctx)
{
	return CONFIG_OF_THE_TEST + __builtin_preserve_field_info(ctx->field, BPF_FIELD_BYTE_OFFSET);
}
char _license[] SEC("license") = "GPL";
`

// TestOptions loads an object that needs a configuration and a type that no kernel has: with both
// in files it loads, without either it does not. The oracle is the kernel, bpftool for the pinned
// map, and for CO-RE the offset that this file declares.
func TestOptions(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	obj := testkit.Compile(t, optionsSource)
	types := testkit.Compile(t,
		`struct elsewhere { char pad[40]; int field; }; struct elsewhere e;`)
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("CONFIG_OF_THE_TEST=7\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	both := []string{"--kconfig", config, "--core-btf", types}
	for _, test := range []struct {
		args []string
		want string // part of the output on failure
	}{
		{both, ""},
		{both[:2], "elsewhere"},
		{both[2:], "CONFIG_OF_THE_TEST"},
		{[]string{"--kconfig", "/nonexistent"}, "no such file"},
		{[]string{"--core-btf", config},
			config + ": neither BTF nor ELF but a kernel configuration"},
	} {
		out, err := verb(append([]string{"verify", obj}, test.args...)...)
		if err != nil {
			out += err.Error()
		}
		if (err == nil) != (test.want == "") || !strings.Contains(out, test.want) {
			t.Errorf("verify %q: %v\n%s", test.args, err, out)
		}
	}
	if out, err := verb(append([]string{"check", obj}, both...)...); err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}

	pins := filepath.Join(testkit.BPFFS(t), "options")
	if err := os.Mkdir(pins, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(pins) })
	all := append(both, "--pin-root", pins)
	out, err := verb(append([]string{"plan", obj}, all...)...)
	if err != nil || !strings.Contains(out, pins+"/options_pinned") ||
		!strings.Contains(out, "40") {
		t.Errorf("plan: %v\n%s", err, out)
	}
	if out, err := verb(append([]string{"run", obj, "--for", "10ms"}, all...)...); err != nil {
		t.Errorf("run: %v\n%s", err, out)
	}
	if out, err := exec.Command(testkit.Tool(t, "bpftool"), "map", "show", "pinned",
		pins+"/options_pinned").CombinedOutput(); err != nil ||
		!bytes.Contains(out, []byte("options_pinned")) {
		t.Errorf("bpftool: %v\n%s", err, out)
	}
	if out, err := verb("verify", obj, "--token", "/proc"); err == nil ||
		!strings.Contains(out, "token") {
		t.Errorf("a token of /proc: %v\n%s", err, out)
	}
}
