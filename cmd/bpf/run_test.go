package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// TestMain runs the command itself if the test binary is started under another name: tests of exit
// statuses and privileges need a process.
func TestMain(m *testing.M) {
	if os.Getenv("BPF_RUN_MAIN") == "1" {
		main()
		os.Exit(0)
	}
	testkit.Main(m)
}

// command returns the bpf command line as a process.
func command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), "BPF_RUN_MAIN=1")
	return cmd
}

// counterTraces lists the packet counter's program, map and links in the kernel, from bpftool.
// Tests of other packages run meanwhile, so other objects prove nothing.
func counterTraces(t *testing.T) []string {
	t.Helper()
	type row struct {
		ID     int    `json:"id"`
		Name   string `json:"name"`
		ProgID int    `json:"prog_id"`
	}
	show := func(kind string) (rows []row) {
		out := testkit.Run(t, "bpftool", "-j", kind, "show")
		if len(bytes.TrimSpace(out)) == 0 {
			return nil
		}
		if err := json.Unmarshal(out, &rows); err != nil {
			t.Fatalf("bpftool %s show: %v\n%s", kind, err, out)
		}
		return rows
	}
	var traces []string
	programs := map[int]bool{}
	for _, p := range show("prog") {
		if p.Name == "count_packets" {
			programs[p.ID] = true
			traces = append(traces, fmt.Sprintf("program %d", p.ID))
		}
	}
	for _, m := range show("map") {
		if m.Name == "packets" {
			traces = append(traces, fmt.Sprintf("map %d", m.ID))
		}
	}
	for _, l := range show("link") {
		if programs[l.ProgID] {
			traces = append(traces, fmt.Sprintf("link %d", l.ID))
		}
	}
	return traces
}

// waitForTraces waits until the kernel holds what it held before: it frees programs after a grace
// period.
func waitForTraces(t *testing.T, before []string) {
	t.Helper()
	var now []string
	gone := testkit.Await(testkit.Patience(10*time.Second), func() bool {
		now = counterTraces(t)
		return !slices.ContainsFunc(now, func(s string) bool { return !slices.Contains(before, s) })
	})
	if !gone {
		t.Errorf("the kernel holds\n%s\nbefore it held\n%s",
			strings.Join(now, "\n"), strings.Join(before, "\n"))
	}
}

// Oracle: the traffic that --demo makes, and bpftool for what stays in the kernel. The counter
// counts at least what demo sent.
func TestRunCounter(t *testing.T) {
	testkit.Root(t)
	testkit.Netns(t)
	before := counterTraces(t)
	var out, errs bytes.Buffer
	cmd := command(t, "run", "--for", "1500ms", "--interval", "500ms", "--demo", "--json")
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	packets := map[string]float64{}
	docs := 0
	for dec := json.NewDecoder(&out); ; docs++ {
		var doc mapDocument
		if err := dec.Decode(&doc); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if doc.Map != "packets" {
			t.Errorf("document about map %q", doc.Map)
		}
		clear(packets)
		for _, e := range doc.Entries {
			var protocol string
			if err := json.Unmarshal(e.Key, &protocol); err != nil {
				t.Fatalf("key %s: %v", e.Key, err)
			}
			for _, v := range e.Values {
				var traffic struct{ Packets, Bytes float64 }
				if err := json.Unmarshal(v, &traffic); err != nil {
					t.Fatalf("value %s: %v", v, err)
				}
				packets[protocol] += traffic.Packets
			}
		}
	}
	// 1.5 s of a datagram and a connection each 20 ms: 75 at best; a busy machine makes fewer.
	if docs < 3 || packets["udp"] < 10 || packets["tcp"] < 50 {
		t.Errorf("%d documents, packets %v; stderr %s", docs, packets, errs.String())
	}
	if want := "attached count_packets to lo"; !strings.Contains(errs.String(), want) {
		t.Errorf("stderr %q doesn't say %q", errs.String(), want)
	}
	waitForTraces(t, before)
}

// Oracle: bpftool for what stays after an interrupt, and after a failure halfway.
func TestRunEnds(t *testing.T) {
	testkit.Root(t)
	testkit.Netns(t)
	before := counterTraces(t)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r := runner{iface: "lo", interval: time.Hour, out: io.Discard, errOut: io.Discard}
	o, err := r.openRun(nil)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, cancel)
	if err := r.run(ctx, o); err != nil {
		t.Errorf("interrupted: %v", err)
	}
	waitForTraces(t, before)

	r = runner{iface: "no-such-iface", interval: time.Second, out: io.Discard, errOut: io.Discard}
	if err := r.run(context.Background(), o); err == nil ||
		!strings.Contains(err.Error(), "no-such-iface") {
		t.Errorf("missing interface: %v", err)
	}
	waitForTraces(t, before)
}

// Oracle: the record that testdata/ring.bpf.c sends for each getppid(2), which this test calls.
func TestRunDecodesRing(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	source, err := os.ReadFile("testdata/ring.bpf.c")
	if err != nil {
		t.Fatal(err)
	}
	object := testkit.Compile(t, string(source))
	var out, errs bytes.Buffer
	root := newRootCommand()
	root.SetArgs([]string{"run", object, "--for", "1s"})
	root.SetOut(&out)
	root.SetErr(&errs)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				syscall.Getppid()
			}
		}
	}()
	err = root.Execute()
	close(stop)
	<-done
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	if want := `events answer 42  name "purebpf"  mood busy`; !strings.Contains(out.String(), want) {
		t.Errorf("no record with %s in\n%s\n%s", want, out.String(), errs.String())
	}
}

// Oracle: the kernel, which refuses, and the clock. Without privileges every command that needs
// some reports which in time, or whose file it can't read.
func TestUnprivileged(t *testing.T) {
	testkit.Root(t)
	dir, err := os.MkdirTemp("", "bpf")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	object := dir + "/counter.bpf.o"
	if err := os.WriteFile(object, counterObject, 0o644); err != nil {
		t.Fatal(err)
	}
	exe, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/bpf", exe, 0o755); err != nil {
		t.Fatal(err)
	}
	hidden := filepath.Join(dir, "hidden")
	if err := os.Mkdir(hidden, 0o700); err != nil {
		t.Fatal(err)
	}
	file := hidden + "/file"
	pins := testkit.BPFFS(t)
	if err := os.Chmod(pins, 0o700); err != nil {
		t.Fatal(err)
	}
	pin := pins + "/pin"
	maps := dir + "/maps.bpf.o" // pins a map by its name
	if data, err := os.ReadFile("../../testdata/maps.bpf.o"); err != nil {
		t.Fatal(err)
	} else if err := os.WriteFile(maps, data, 0o644); err != nil {
		t.Fatal(err)
	}
	const loading = 1<<kernel.CapBPF | 1<<kernel.CapNetAdmin | 1<<kernel.CapPerfmon
	const setcap = "sudo setcap"
	ofFile := []string{hidden, "belongs to root and has mode 0700: run it with sudo"}
	ofPin := []string{pins, "belongs to root and has mode 0700: run it with sudo"}
	for _, x := range []struct {
		caps uint64
		args []string
		says []string
	}{
		{0, []string{"run"}, []string{"CAP_BPF", setcap}},
		{0, []string{"run", object}, []string{"CAP_BPF", setcap}},
		{0, []string{"verify", object}, []string{"CAP_BPF", setcap}},
		{0, []string{"plan", object}, []string{"CAP_BPF", setcap}},
		{0, []string{"attach", object, "count_packets", "xdp:lo"}, []string{"CAP_BPF", setcap}},
		{0, []string{"attach", "--program", "1", "xdp:lo"}, []string{"CAP_SYS_ADMIN", setcap}},
		{0, []string{"attach", "--program", pin, "xdp:lo"}, ofPin},
		{0, []string{"detach", "1"}, []string{"CAP_SYS_ADMIN", setcap}},
		{0, []string{"detach", pin}, ofPin},
		{0, []string{"detach", "struct_ops", "--map-id", "1"}, []string{"CAP_SYS_ADMIN", setcap}},
		{0, []string{"detach", "tcx-ingress:lo"}, []string{"CAP_NET_ADMIN", setcap}},
		{0, []string{"objdump", file}, ofFile},
		{0, []string{"check", file}, ofFile},
		{0, []string{"check", object, "--btf", file}, ofFile},
		{0, []string{"plan", object, "--btf", hidden}, ofFile},
		{0, []string{"run", object, "--token", hidden}, ofFile},
		{loading, []string{"run", "--pin", pins}, ofPin},
		{loading, []string{"run", "--pin", pins + "/below"}, ofPin},
		{loading, []string{"run", maps, "--pin-root", pins}, ofPin},
		{loading, []string{"run", object, "--kconfig", file}, ofFile},
		{loading, []string{"run", object, "--core-btf", file}, ofFile},
		{loading, []string{"verify", file}, ofFile},
		{loading, []string{"verify", object, "--token", pins}, ofPin},
		{loading, []string{"attach", object, "count_packets", "xdp:lo", "--pin", pins}, ofPin},
		{1<<kernel.CapBPF | 1<<kernel.CapSysAdmin, []string{
			"attach", object, "count_packets", "xdp:lo,link=no",
		}, []string{"CAP_NET_ADMIN", setcap}},
	} {
		cmd := exec.Command(dir+"/bpf", x.args...)
		cmd.Env = append(os.Environ(), "BPF_RUN_MAIN=1")
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Credential: &syscall.Credential{Uid: 65534, Gid: 65534},
			Cloneflags: syscall.CLONE_NEWNET,
		}
		for c := range 64 {
			if x.caps>>c&1 != 0 {
				cmd.SysProcAttr.AmbientCaps = append(cmd.SysProcAttr.AmbientCaps, uintptr(c))
			}
		}
		start := time.Now()
		out, err := cmd.CombinedOutput()
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%v took %v", x.args, took)
		}
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("%v: %v, %q", x.args, err, out)
		}
		for _, says := range x.says {
			if !strings.Contains(string(out), says) {
				t.Errorf("%v doesn't say %q: %s", x.args, says, out)
			}
		}
	}
	// A command that needs no privileges works.
	cmd := command(t, "objdump", object)
	if out, err := cmd.CombinedOutput(); err != nil ||
		!bytes.Contains(out, []byte("<count_packets>:")) {
		t.Errorf("objdump: %v, %s", err, out)
	}
}
