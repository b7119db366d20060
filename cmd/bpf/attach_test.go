package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// Oracle: bpftool net show lists what is attached to the interface; the directory shows the pins.
func TestAttachDetach(t *testing.T) {
	testkit.Root(t)
	testkit.Netns(t)
	bpffs := testkit.BPFFS(t)
	dir := filepath.Join(bpffs, "purebpf-attach-test")
	defer os.RemoveAll(dir)
	object := filepath.Join(t.TempDir(), "counter.bpf.o")
	if err := os.WriteFile(object, counterObject, 0o644); err != nil {
		t.Fatal(err)
	}
	before := counterTraces(t)
	run := func(args ...string) (string, error) {
		out, err := command(t, args...).CombinedOutput()
		return string(out), err
	}
	attached := func() bool {
		return bytes.Contains(testkit.Run(t, "bpftool", "net", "show", "dev", "lo"),
			[]byte("generic id"))
	}

	pin := filepath.Join(dir, "count_packets")
	if out, err := run("attach", object, "count_packets", "xdp:lo", "--pin", dir); err != nil ||
		!strings.Contains(out, "pinned count_packets at "+pin) {
		t.Fatalf("attach: %v, %s", err, out)
	}
	if !attached() {
		t.Error("nothing is attached after attach --pin")
	}
	if out, err := run("attach", object, "count_packets", "xdp:lo"); err == nil ||
		!strings.Contains(out, "(count_packets) by link ") {
		t.Errorf("second attach: %v, %s", err, out)
	}
	if out, err := run("detach", pin); err != nil {
		t.Errorf("detach: %v, %s", err, out)
	}
	if _, err := os.Stat(pin); !os.IsNotExist(err) || attached() {
		t.Errorf("still there after detach: pin %v, attached %v", err, attached())
	}
	if out, err := run("run", "--pin", dir, "--for", "100ms"); err != nil || !attached() {
		t.Errorf("run --pin: %v, attached %v, %s", err, attached(), out)
	}
	if out, err := run("detach", pin); err != nil || attached() {
		t.Errorf("detach: %v, attached %v, %s", err, attached(), out)
	}
	waitForTraces(t, before)

	// The pin of another object stays.
	pinnedMap := filepath.Join(dir, "map")
	testkit.Run(t, "bpftool", "map", "create", pinnedMap, "type", "array", "key", "4", "value", "4",
		"entries", "1", "name", "not_a_link")
	if out, err := run("detach", pinnedMap); err == nil ||
		!strings.Contains(out, "it is a bpf-map, not a bpf-link") {
		t.Errorf("detach of a map: %v, %s", err, out)
	}
	if _, err := os.Stat(pinnedMap); err != nil {
		t.Error(err)
	}

	for _, bad := range [][]string{
		{"attach", object, "count_packets", "no-such-hook:lo"},
		{"attach", object, "no_such_program", "xdp:lo"},
		{"attach", object, "count_packets", "xdp:no-such-interface"},
		{"attach", object, "count_packets", "xdp"},
		{"attach", object, "count_packets", "xdp:lo", "--for", "-1ms"},
		{"attach", object, "count_packets", "tp:sched/sched_switch"},
		{"detach", pin},
		{"detach"},
		{"no-such-verb"},
		{"help", "no-such-verb"},
	} {
		if out, err := run(bad...); err == nil || !strings.HasPrefix(out, "bpf: ") {
			t.Errorf("%v: error %v, %q", bad, err, out)
		}
	}
	waitForTraces(t, before)
}

// Oracle: the kernel accepts each program at the hook that the command line names; bpftool's list
// of links or tc's of filters shows it meanwhile.
func TestAttachHooks(t *testing.T) {
	testkit.Root(t)
	testkit.Netns(t)
	cgroup := testkit.Cgroup(t)
	source, err := os.ReadFile("testdata/hooks.bpf.c")
	if err != nil {
		t.Fatal(err)
	}
	object := testkit.Compile(t, string(source))
	for _, row := range []struct{ program, hook, says, since string }{
		{"tc_pass", "tc-ingress:lo", "attached tc_pass to lo (tc ingress), handle 0x1", "4.5"},
		{"tc_pass", "tc-egress:lo", "attached tc_pass to lo (tc egress), handle 0x1", "4.5"},
		{"tc_pass", "tcx-ingress:lo", "attached tc_pass to lo (tcx_ingress)", "6.6"},
		{"cgroup_pass", "cgroup:" + cgroup, "attached cgroup_pass to cgroup " + cgroup, "5.7"},
		{"uprobe_count", "uprobe:libc.so.6:malloc", "attached uprobe_count to uprobe ", "4.17"},
		{"sample", "perf:cpu-clock", "attached sample to ", "4.9"},
	} {
		t.Run(row.hook[:strings.IndexByte(row.hook, ':')], func(t *testing.T) {
			testkit.Kernel(t, row.since)
			out, err := command(t, "attach", object, row.program, row.hook,
				"--for", "50ms").CombinedOutput()
			if err != nil || !strings.Contains(string(out), row.says) {
				t.Errorf("%s: error %v, %q doesn't say %q", row.hook, err, out, row.says)
			}
		})
	}
	if out := testkit.Run(t, "tc", "qdisc",
		"show", "dev", "lo"); bytes.Contains(out, []byte("clsact")) {
		t.Errorf("clsact is left behind: %s", out)
	}
}

// Oracle: the kernel, which lists the programs of a network namespace; and that a tracing program
// in the kernel has only the target that it was loaded for, whatever target is requested.
func TestAttachLoaded(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	testkit.Netns(t)
	load := func(object string, names ...string) *bpf.Object {
		o, err := bpf.Open(object, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range o.Programs {
			p.Autoload = slices.Contains(names, p.Name)
		}
		obj, err := bpf.Load(o, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { obj.Close() })
		return obj
	}
	id := func(p *bpf.Program) string {
		info, err := p.Info()
		if err != nil {
			t.Fatal(err)
		}
		return strconv.Itoa(int(info.ID))
	}
	traced := id(load("../../testdata/trace.bpf.o", "on_sys_enter").Program("on_sys_enter"))
	for _, hook := range []string{"trace:sched_switch", "trace:no_such_target"} {
		if out, err := command(t, "attach", "--program", traced, hook,
			"--for", "1ms").CombinedOutput(); err == nil ||
			!strings.Contains(string(out), "write trace") {
			t.Errorf("%s: %v, %s", hook, err, out)
		}
	}
	if out, err := command(t, "attach", "--program", traced, "trace",
		"--for", "1ms").CombinedOutput(); err != nil {
		t.Errorf("%v, %s", err, out)
	}
	sockets := load("../../testdata/net.bpf.o", "verdict")
	m, verdict := sockets.Map("sockets"), id(sockets.Program("verdict"))
	info, err := m.Info()
	if err != nil {
		t.Fatal(err)
	}
	hook := fmt.Sprintf("sockmap:%d", info.ID)
	for _, ask := range []struct{ hook, says string }{{hook, "parser or a verdict"},
		{hook + ",type=sk_msg_verdict", "have no attach type sk_msg_verdict"}} {
		if out, err := command(t, "attach", "--program", verdict, ask.hook+",link=no",
			"--for", "1ms").CombinedOutput(); err == nil ||
			!strings.Contains(string(out), ask.says) {
			t.Errorf("%s: %v, %s", ask.hook, err, out)
		}
	}
	for _, link := range []string{"no", "yes"} {
		if link == "yes" && !fromVersion(6, 10) {
			continue
		}
		for _, where := range []uapi.AttachType{uapi.AttachSKSKBStreamParser,
			uapi.AttachSKSKBStreamVerdict, uapi.AttachSKSKBVerdict} {
			r, err := startAttach(t, "--program", verdict,
				fmt.Sprintf("%s,type=%v,link=%s", hook, where, link))
			if err != nil {
				t.Error(err)
				continue
			}
			if there, err := inspect.SockMap(m, where); err != nil || len(there.Programs) != 1 {
				t.Errorf("%v: %+v, %v", where, there, err)
			}
			r.stop(t)
			if there, err := inspect.SockMap(m, where); err != nil || len(there.Programs) != 0 {
				t.Errorf("%v: %+v, %v", where, there, err)
			}
		}
	}
	lookup := load("../../testdata/net.bpf.o", "lookup").Program("lookup")
	r, err := startAttach(t, "--program", id(lookup), "netns:"+kernel.ThreadNetns)
	if err != nil {
		t.Fatal(err)
	}
	if there, err := inspect.Netns(kernel.ThreadNetns, uapi.AttachSKLookup); err != nil ||
		len(there.Programs) != 1 || strconv.Itoa(int(there.Programs[0].ProgramID)) != id(lookup) {
		t.Errorf("%+v, %v", there, err)
	}
	r.stop(t)
}

// TestAttachExclusive: an option that has no effect beside another is an error. The oracle is the
// help text.
func TestAttachExclusive(t *testing.T) {
	for _, args := range [][]string{
		{"--program", "1", "--kconfig", "x"}, {"--program", "1", "--core-btf", "x"},
		{"--program", "1", "--pin-root", "x"}, {"--program", "1", "--token", "x"},
		{"--program", "1", "--pin", "x", "--for", "1s"},
	} {
		out, err := command(t, append([]string{"attach", "xdp:lo"}, args...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "none of the others can be") {
			t.Errorf("%v: %v, %s", args, err, out)
		}
	}
}
