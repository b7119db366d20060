package e2e

import (
	"github.com/purebpf/bpf"

	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// killedKinds attach a program by each kind of link to a target that outlives the process. A kind
// is available if its conditions hold.
var killedKinds = []struct {
	kind   string
	min    string                  // kernel version
	config string                  // of the kernel, if its version does not decide
	has    func(t testing.TB) bool // other conditions of the kernel, nil for none
	attach func(t *testing.T, cgroup string) (*bpf.Link, error)
}{
	{"raw tracepoint", "", "", nil,
		func(t *testing.T, _ string) (*bpf.Link, error) {
			return killedProgram(t,
				"raw_tp").Attach()
		}},
	{"tracepoint", "", "", nil,
		func(t *testing.T, _ string) (*bpf.Link, error) { return killedProgram(t, "tp").Attach() }},
	{"perf event", "", "", nil, func(t *testing.T, _ string) (*bpf.Link, error) {
		links, err := killedProgram(t, "event").AttachPerfEvent(
			bpf.PerfEvent{Type: sys.PerfTypeSoftware,
				Config: unix.PERF_COUNT_SW_PAGE_FAULTS, Period: 1e9}, nil)
		if err != nil {
			return nil, err
		}
		return links[0], nil
	}},
	{"kprobe", "", "CONFIG_KPROBE_EVENTS", nil, func(t *testing.T, _ string) (*bpf.Link, error) {
		return killedProgram(t, "probe").AttachKprobe("find_task_by_vpid", nil)
	}},
	{"kprobe in tracefs", "", "CONFIG_KPROBE_EVENTS", nil,
		func(t *testing.T, _ string) (*bpf.Link, error) {
			return killedProgram(t, "probe").AttachKprobe(
				"find_task_by_vpid", &bpf.KprobeOptions{Mode: bpf.ProbeLegacy})
		}},
	{"kprobe.multi", "", "CONFIG_FPROBE", nil, func(t *testing.T, _ string) (*bpf.Link, error) {
		return killedProgram(t, "probes").AttachKprobeList(
			bpf.KprobeList{Symbols: []string{"find_task_by_vpid"}})
	}},
	{"kprobe.session", "6.10", "CONFIG_FPROBE", hasBTF,
		func(t *testing.T, _ string) (*bpf.Link, error) {
			return load(t, open(t, "kprobe_session"), nil).Program("session").Attach()
		}},
	{"uprobe", "", "CONFIG_UPROBE_EVENTS", nil, func(t *testing.T, _ string) (*bpf.Link, error) {
		return killedProgram(t, "probe").AttachUprobe(os.Args[0], "",
			&bpf.UprobeOptions{Offset: 0x1000})
	}},
	{"uprobe in tracefs", "", "CONFIG_UPROBE_EVENTS", nil,
		func(t *testing.T, _ string) (*bpf.Link, error) {
			return killedProgram(t, "probe").AttachUprobe(os.Args[0], "",
				&bpf.UprobeOptions{Offset: 0x1000, Mode: bpf.ProbeLegacy})
		}},
	{"uprobe.multi", "6.6", "", nil, func(t *testing.T, _ string) (*bpf.Link, error) {
		return killedProgram(t, "uprobes").AttachUprobeList(os.Args[0],
			bpf.UprobeList{Offsets: []uint64{0x1000}})
	}},
	{"uprobe.session", "6.13", "", hasBTF, func(t *testing.T, _ string) (*bpf.Link, error) {
		p := load(t, open(t, "uprobe_session"), nil).Program("session")
		return p.AttachUprobeList(os.Args[0],
			bpf.UprobeList{Offsets: []uint64{0x1000}, When: bpf.InSession})
	}},
	{"USDT by one link", "6.6", "", testkit.RunsPatchedCode,
		func(t *testing.T, _ string) (*bpf.Link, error) { return killedUSDT(t, "any") }},
	{"USDT by a link for each place", "", "CONFIG_UPROBE_EVENTS", testkit.RunsPatchedCode,
		func(t *testing.T, _ string) (*bpf.Link, error) {
			return killedUSDT(t, "single")
		}},
	{"XDP", "", "", nil, func(t *testing.T, _ string) (*bpf.Link, error) {
		return killedProgram(t,
			"xdp").AttachXDP("lo", nil)
	}},
	{"tcx", "6.6", "", nil, func(t *testing.T, _ string) (*bpf.Link, error) {
		return killedProgram(t, "tcx").AttachTCX("lo", uapi.AttachTCXIngress, nil)
	}},
	{"netkit", "6.7", "CONFIG_NETKIT", nil, func(t *testing.T, _ string) (*bpf.Link, error) {
		devicePair(t, "netkit", "k0", "k1")
		return load(t, only(open(t, "net"), "nk_primary"), nil).Program("nk_primary").AttachNetkit(
			"k0", uapi.AttachNetkitPrimary, nil)
	}},
	{"netfilter", "6.4", "", nil, func(t *testing.T, _ string) (*bpf.Link, error) {
		return killedProgram(t, "netfilter").AttachNetfilter(
			uapi.NetfilterIPv4, uapi.NetfilterLocalIn, &bpf.NetfilterOptions{Priority: -77})
	}},
	{"network namespace", "", "", nil, func(t *testing.T, _ string) (*bpf.Link, error) {
		return killedProgram(t, "dissector").AttachNetns("/proc/thread-self/ns/net")
	}},
	{"sk_lookup", "", "", nil, func(t *testing.T, _ string) (*bpf.Link, error) {
		return load(t, only(open(t, "net"), "lookup"), nil).Program("lookup").AttachNetns(
			kernel.ThreadNetns)
	}},
	{"cgroup", "", "", nil, func(t *testing.T, cgroup string) (*bpf.Link, error) {
		return killedProgram(t, "ingress").AttachCgroup(cgroup, nil)
	}},
	{"sockmap", "6.10", "", nil, func(t *testing.T, _ string) (*bpf.Link, error) {
		obj := load(t, only(open(t, "link"), "verdict"), nil)
		return obj.Program("verdict").AttachSockMap(obj.Map("sockets"), nil)
	}},
	{"iterator", "", "", hasBTF, func(t *testing.T, _ string) (*bpf.Link, error) {
		_, p := iterProgram(t, "tasks")
		return p.Attach()
	}},
	{"fentry", "", "", hasTrampolines,
		func(t *testing.T, _ string) (*bpf.Link, error) {
			return killedAt(t,
				"on_entry").Attach()
		}},
	{"fexit", "", "", hasTrampolines,
		func(t *testing.T, _ string) (*bpf.Link, error) { return killedAt(t, "on_exit").Attach() }},
	{"fmod_ret", "", "", hasTrampolines,
		func(t *testing.T, _ string) (*bpf.Link, error) {
			return killedAt(t,
				"on_modify").Attach()
		}},
	{"LSM", "", "", asksLSM, func(t *testing.T, _ string) (*bpf.Link, error) {
		return killedAt(t,
			"deny").AttachLSM(nil)
	}},
	{"lsm_cgroup", "6.0", "", asksLSM, func(t *testing.T, cgroup string) (*bpf.Link, error) {
		return killedAt(t, "on_bind").AttachCgroup(cgroup, nil)
	}},
	{"freplace", "", "", hasTrampolines, func(t *testing.T, _ string) (*bpf.Link, error) {
		target, _ := freplaceTarget(t)
		return load(t, forTarget(open(t, "fentry"), target,
			"replacement"), nil).Program("replacement").Attach()
	}},
	{"struct_ops", "6.4", "", hasBTF, func(t *testing.T, _ string) (*bpf.Link, error) {
		o := open(t, "structops")
		for _, m := range o.Maps {
			if m.Name == "plain" {
				m.Autocreate = false
			}
		}
		return load(t, o, nil).Map("linked").AttachStructOps()
	}},
}

func killedProgram(t *testing.T, name string) *bpf.Program {
	return load(t, only(open(t, "link"), name), nil).Program(name)
}

// killedAt loads a program for kernel functions.
func killedAt(t *testing.T, name string) *bpf.Program {
	return load(t, only(open(t, "fentry"), name), nil).Program(name)
}

// killedUSDT attaches to a probe that is in three places.
func killedUSDT(t *testing.T, name string) (*bpf.Link, error) {
	return usdtObject(t, newestUSDT(), 0, nil, name).Program(name).AttachUSDT(target(t), "target",
		"spread", nil)
}

// asksLSM reports whether the kernel runs LSM programs.
func asksLSM(t testing.TB) bool { return hasTrampolines(t) && kernel.Running().RunsLSM("bpf") }

// TestKilledChild attaches by every kind of link, pins the first, prints the ids from the kernel,
// and waits to be killed. It is a child of TestKilled.
func TestKilledChild(t *testing.T) {
	cgroup, pin, ok := strings.Cut(os.Getenv("PUREBPF_KILLED_CHILD"), ":")
	if !ok {
		return
	}
	for _, k := range killedKinds {
		if k.min != "" && !kernelAtLeast(t, k.min) || k.config != "" && !configured(t, k.config) ||
			k.has != nil && !k.has(t) {
			continue
		}
		l, err := k.attach(t, cgroup)
		if err != nil {
			t.Fatalf("%s: %v", k.kind, err)
		}
		id := uint32(0)
		if l.FD() >= 0 {
			info, err := sys.LinkInfoByFD(l.FD())
			if err != nil {
				t.Fatal(err)
			}
			id = info.ID
		}
		if k.kind == "raw tracepoint" {
			if err := l.Pin(pin); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Printf("link %d %s\n", id, k.kind)
	}
	fmt.Println("attached")
	time.Sleep(time.Hour)
}

// numbered lists the ids of the links, programs or maps that bpftool finds.
func numbered(t *testing.T, kind string) (ids []uint32) {
	t.Helper()
	var list []struct{ ID uint32 }
	out := testkit.Run(t, "bpftool", "-j", kind, "show")
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for _, e := range list {
		ids = append(ids, e.ID)
	}
	return ids
}

// fdInfoIDs returns the ids of the links, programs and maps that a process has open, as the kernel
// shows them in fdinfo.
func fdInfoIDs(t *testing.T, pid int, field string) (ids []uint32) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fdinfo", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(dir + "/" + e.Name())
		if err != nil {
			continue // closed meanwhile
		}
		for line := range strings.Lines(string(text)) {
			var id uint32
			if name, value, _ := strings.Cut(line, ":"); name == field {
				if _, err := fmt.Sscan(value, &id); err != nil {
					t.Fatal(err)
				}
				if field == "prog_id" && strings.Contains(string(text), "link_id:") ||
					slices.Contains(ids, id) {
					continue // a link shows its program too
				}
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// TestKilled kills a process that attached by every kind of link, one of them pinned: the pinned
// one stays attached with its program, nothing else does, and events in tracefs are found and
// removed. Oracles: the kernel's fdinfo of the process before, bpftool afterwards.
func TestKilled(t *testing.T) {
	testkit.Root(t)
	testkit.Tool(t, "bpftool")
	tracefs := testkit.Tracefs(t)
	testkit.Netns(t)
	cgroup, pin := testkit.Cgroup(t), testkit.BPFFS(t)+"/kept"
	child := exec.Command(os.Args[0], "-test.run=^TestKilledChild$", "-test.v")
	child.Env = append(os.Environ(), "PUREBPF_KILLED_CHILD="+cgroup+":"+pin)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var attached []string
	ready, pinned := false, uint32(0)
	for lines := bufio.NewScanner(out); !ready && lines.Scan(); {
		line := lines.Text()
		ready = line == "attached"
		if kind, ok := strings.CutPrefix(line, "link "); ok {
			attached = append(attached, kind)
			if pinned == 0 {
				fmt.Sscan(kind, &pinned)
			}
		} else {
			t.Log(line)
		}
	}
	pid := child.Process.Pid
	had := map[string][]uint32{}
	if ready {
		had["link"], had["prog"], had["map"] = fdInfoIDs(t, pid, "link_id"),
			fdInfoIDs(t, pid, "prog_id"), fdInfoIDs(t, pid, "map_id")
	}
	child.Process.Kill()
	child.Wait()
	if !ready || len(attached) < 6 || pinned == 0 {
		t.Fatalf("the child attached %q", attached)
	}
	t.Logf("%d kinds: %s", len(attached), strings.Join(attached, ", "))
	if len(had["link"]) < 6 || len(had["prog"]) < 6 {
		t.Errorf("it had %v", had)
	}
	l, err := bpf.OpenLink(pin)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := l.Info()
	if err != nil || info.ID != pinned {
		t.Errorf("pinned: %+v %v, want link %d", info, err, pinned)
	}
	stays := map[string][]uint32{"link": {pinned}, "prog": {info.ProgramID}}
	for kind, ids := range had {
		var left []uint32
		testkit.Await(testkit.Patience(10*time.Second), func() bool {
			now := numbered(t, kind)
			left = slices.DeleteFunc(slices.Clone(ids), func(id uint32) bool {
				return !slices.Contains(now, id)
			})
			return len(left) <= len(stays[kind])
		})
		if !slices.Equal(left, stays[kind]) {
			t.Errorf("%s: %v are left of %v, want %v", kind, left, ids, stays[kind])
		}
	}
	leftovers := func() (n int) {
		for _, file := range []string{"kprobe_events", "uprobe_events"} {
			text, _ := os.ReadFile(tracefs + "/" + file)
			n += strings.Count(string(text), fmt.Sprintf("purebpf_%d_", pid))
		}
		return n
	}
	made := 0
	for _, kind := range attached {
		if strings.HasSuffix(kind, "in tracefs") {
			made++
		}
	}
	list, err := probe.Leftovers(tracefs, probe.ProcessExists)
	list = slices.DeleteFunc(list, func(e probe.Leftover) bool { return e.PID != pid })
	if err != nil || len(list) != made || leftovers() != made {
		t.Errorf("%d events are left in tracefs, reported %v (%v), made %d",
			leftovers(), list, err, made)
	}
	testkit.Await(testkit.Patience(5*time.Second), func() bool {
		if _, err := probe.RemoveLeftovers(tracefs, probe.ProcessExists); err != nil {
			t.Fatal(err)
		}
		return leftovers() == 0
	})
	if n := leftovers(); n != 0 {
		t.Errorf("%d events are left in tracefs after cleaning", n)
	}
	if err := os.Remove(pin); err != nil {
		t.Fatal(err)
	}
}
