package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// running is a bpf attach that has attached.
type running struct {
	cmd *exec.Cmd
	doc attachedDocument
}

// startAttach starts bpf attach and waits until it reports the attachment. The command ends with
// the test at the latest.
func startAttach(t *testing.T, args ...string) (*running, error) {
	t.Helper()
	r := &running{cmd: command(t, append([]string{"attach", "--json"}, args...)...)}
	var errs bytes.Buffer
	r.cmd.Stderr = &errs
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.cmd.Process.Kill(); r.cmd.Wait() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == io.EOF {
		err = fmt.Errorf("%w: %s", r.cmd.Wait(), errs.String())
	}
	if err == nil {
		err = json.Unmarshal(line, &r.doc)
	}
	return r, err
}

// stop makes it detach and end.
func (r *running) stop(t *testing.T) {
	t.Helper()
	r.cmd.Process.Signal(os.Interrupt)
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("%v: %v", r.cmd.Args, err)
	}
}

// shown queries an object in bpftool by its id: whether it exists, and its type.
func shown(t *testing.T, kind string, id uint32) (typ string, there bool) {
	t.Helper()
	out, err := exec.Command(testkit.Tool(t, "bpftool"), "-j", kind, "show", "id",
		strconv.Itoa(int(id))).Output()
	var doc struct{ Type any }
	if err != nil {
		return "", false
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatalf("bpftool %s show id %d: %v\n%s", kind, id, err, out)
	}
	return fmt.Sprint(doc.Type), true
}

// newLinks are types that a bpftool of 6.1 shows by their numbers in enum bpf_link_type.
var newLinks = map[string]string{"netfilter": "10", "tcx": "11", "uprobe_multi": "12",
	"sockmap": "14"}

// wantGone waits until the kernel has freed something: it takes a grace period.
func wantGone(t *testing.T, kind string, id uint32) {
	t.Helper()
	gone := testkit.Await(testkit.Patience(5*time.Second), func() bool {
		_, there := shown(t, kind, id)
		return !there
	})
	if !gone {
		t.Errorf("%s %d is still there", kind, id)
	}
}

// rowName returns a name without the paths that are made for the row, so that it is the same in
// every run.
func rowName(program, hook string) string {
	hook = regexp.MustCompile(`:/[^:,]+`).ReplaceAllString(hook, ":PATH")
	return program + " " + strings.ReplaceAll(hook, "/", "_")
}

// kindRow is a kind of hook, a program for it, and bpftool's name for its links: "" if it has none.
type kindRow struct {
	object, program, hook string
	link                  string
	lacks                 func(t *testing.T) bool // whether the kernel lacks it
}

func before(major, minor uint32) func(*testing.T) bool {
	return func(*testing.T) bool { return !fromVersion(major, minor) }
}

func without(option string) func(*testing.T) bool {
	return func(t *testing.T) bool { return !configured(t, option) }
}

// noTrampolines reports whether the kernel has no trampolines: some are built without, and some
// refuse such programs even to root, as they do LSM programs.
func noTrampolines(t *testing.T) bool {
	has, err := kernel.Running().HasProgType(uapi.ProgLSM)
	return err != nil || !has || !configured(t, "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS")
}

// kindRows returns the kinds of hooks that need nothing but a kernel.
func kindRows(t *testing.T) []kindRow {
	testkit.Tracefs(t)
	kinds, cgroup, exe := compiled(t, "kinds"), testkit.Cgroup(t), victim(t)
	ops := compiled(t, "congestion")
	const links, iter, fentry, whole = "../../testdata/link.bpf.o", "../../testdata/iter.bpf.o",
		"../../testdata/fentry.bpf.o", "../../testdata/freplace_target.bpf.o"
	source, err := os.ReadFile("../../testdata/target.c")
	if err != nil {
		t.Fatal(err)
	}
	declares := testkit.Native(t, string(source), "-static")
	many := "uprobe_multi"
	if !fromVersion(6, 6) {
		many = "perf_event"
	}
	return []kindRow{
		{"../../testdata/usdt24.bpf.o", "any", "usdt:" + declares + ":target:guarded,cookie=9",
			many, nil},
		{links, "raw_tp", "auto", "raw_tracepoint", nil},
		{kinds, "on_xdp", "xdp:lo", "xdp", nil},
		{kinds, "on_xdp", "xdp:lo,mode=generic", "xdp", nil},
		{kinds, "on_xdp", "xdp-generic:lo", "xdp", nil},
		{kinds, "on_xdp", "xdp:lo,link=no", "", nil},
		{kinds, "on_xdp", "xdp-generic:lo,link=no", "", nil},
		{kinds, "on_tc", "tc-ingress:lo,handle=7,priority=9", "", nil},
		{kinds, "on_tc", "tc-egress:lo", "", nil},
		{kinds, "on_tc", "tcx-ingress:lo", "tcx", before(6, 6)},
		{kinds, "on_tc", "tcx-egress:lo,place=first", "tcx", before(6, 6)},
		{kinds, "on_tc", "tcx-egress:lo,link=no", "", before(6, 6)},
		{kinds, "on_netfilter", "netfilter:ip,input,-5", "netfilter", before(6, 4)},
		{kinds, "on_route", "lwt-out:192.0.2.0/24,dev=lo,metric=7",
			"", without("CONFIG_LWTUNNEL_BPF")},
		{kinds, "on_cgroup", "cgroup:" + cgroup, "cgroup", nil},
		{kinds, "on_skb", "cgroup:" + cgroup + ",type=cgroup_inet_egress", "cgroup", nil},
		{kinds, "on_cgroup", "cgroup:" + cgroup + ",link=no", "", nil},
		{kinds, "on_cgroup", "cgroup:" + cgroup + ",link=no,mode=override", "", nil},
		{kinds, "on_lookup", "netns:/proc/self/ns/net", "netns", nil},
		{kinds, "dissect", "netns:/proc/self/ns/net", "netns", nil},
		{kinds, "dissect", "flow_dissector", "", nil},
		{kinds, "verdict", "sockmap:sockets", "sockmap", before(6, 10)},
		{kinds, "verdict", "sockmap:sockets,link=no", "", nil},
		{kinds, "on_tp", "tp:sched/sched_switch,cookie=4", "perf_event", nil},
		{kinds, "on_raw_tp", "raw_tp:sched_switch", "raw_tracepoint", nil},
		{kinds, "on_perf", "perf:cpu-clock,period=1000000000", "perf_event", nil},
		{kinds, "on_perf", "perf:page-faults,frequency=1", "perf_event", nil},
		{kinds, "on_uprobe", "uprobe:" + exe + ":probed,cookie=5", "perf_event", nil},
		{kinds, "on_uprobe", "uprobe:" + exe + ":probed+4,mode=link", "perf_event", nil},
		{kinds, "on_uretprobe", "uretprobe:" + exe + ":probed", "perf_event", nil},
		{kinds, "on_uprobe", "uprobe.multi:" + exe + ":probed*", "uprobe_multi", before(6, 6)},
		{kinds, "on_uprobe", "uretprobe.multi:" + exe + ":probed*", "uprobe_multi", before(6, 6)},
		{kinds, "on_uprobe", "uprobe.session:" + exe + ":probed*", "uprobe_multi", before(6, 13)},
		{kinds, "on_kprobe", "kprobe:vfs_read,cookie=6",
			"perf_event", without("CONFIG_KPROBE_EVENTS")},
		{kinds, "on_kprobe", "kretprobe:vfs_read", "perf_event", without("CONFIG_KPROBE_EVENTS")},
		{kinds, "on_kprobe", "ksyscall:getppid", "perf_event", without("CONFIG_KPROBE_EVENTS")},
		{kinds, "on_kprobe", "kretsyscall:getppid", "perf_event", without("CONFIG_KPROBE_EVENTS")},
		{kinds, "on_kprobe", "kprobe.multi:vfs_rea*", "kprobe_multi", without("CONFIG_FPROBE")},
		{kinds, "on_kprobe", "kretprobe.multi:vfs_rea*", "kprobe_multi", without("CONFIG_FPROBE")},
		{kinds, "on_kprobe", "kprobe.session:vfs_rea*", "kprobe_multi", func(t *testing.T) bool {
			return !fromVersion(6, 10) || !configured(t, "CONFIG_FPROBE")
		}},
		{fentry, "on_entry", "trace", "tracing", noTrampolines},
		{fentry, "on_entry", "trace:find_task_by_vpid,cookie=7", "tracing", noTrampolines},
		{fentry, "deny", "lsm", "tracing", noTrampolines},
		{fentry, "sleepable", "lsm:file_open,cookie=8", "tracing", noTrampolines},
		{fentry, "on_bind", "cgroup:" + cgroup, "cgroup", noTrampolines},
		{fentry, "replacement", "freplace:TARGET:part", "tracing", noTrampolines},
		{iter, "tasks", "iter", "iter", nil},
		{ops, "linked", "struct_ops", "struct_ops", before(6, 4)},
		{ops, "linked", "auto", "struct_ops", before(6, 4)},
		{whole, "whole", "tc-ingress:lo", "", nil},
	}
}

// Oracle: bpftool, which shows each link with its type, or the program as long as it is attached,
// and nothing of it afterwards.
func TestAttachKinds(t *testing.T) {
	testkit.Root(t)
	bpffs := testkit.BPFFS(t)
	for i, row := range kindRows(t) {
		if testing.Short() && i%6 != 0 {
			continue // each is a process of its own
		}
		t.Run(rowName(row.program, row.hook), func(t *testing.T) {
			if row.lacks != nil && row.lacks(t) {
				testkit.Skip(t, "the kernel has no such hook")
			}
			testkit.Netns(t) // of this subtest, which has a thread of its own
			args := []string{row.object, row.program, row.hook}
			if strings.Contains(row.hook, "TARGET") {
				args[1], args[2] = replacement(t, args[1:])
			}
			// links are kept by a pin, or by the process
			if row.link == "iter" || row.link != "" && i%2 == 0 {
				attachPinned(t, row, args, filepath.Join(bpffs, strconv.Itoa(i)))
				return
			}
			r, err := startAttach(t, args...)
			if err != nil {
				t.Fatal(err)
			}
			if (len(r.doc.Links) > 0) != (row.link != "") || r.doc.Hook != args[2] {
				t.Errorf("says %+v", r.doc)
			}
			for _, l := range r.doc.Links {
				if typ, there := shown(t, "link", l.ID); !there ||
					typ != row.link && typ != newLinks[row.link] {
					t.Errorf("link %d: %v, of type %q", l.ID, there, typ)
				}
			}
			if r.doc.Map == "" {
				if _, there := shown(t, "prog", r.doc.ProgramID); !there {
					t.Errorf("program %d isn't there", r.doc.ProgramID)
				}
			}
			r.stop(t)
			for _, l := range r.doc.Links {
				wantGone(t, "link", l.ID)
			}
			if r.doc.Map == "" {
				wantGone(t, "prog", r.doc.ProgramID)
			}
			if out := testkit.Run(t, "tc", "qdisc", "show", "dev", "lo"); row.link == "" &&
				bytes.Contains(out, []byte("clsact")) {
				t.Errorf("clsact is left behind: %s", out)
			}
		})
	}
}

// replacement loads the program whose function is replaced, and names it in the hook by its id.
func replacement(t *testing.T, args []string) (program, hook string) {
	t.Helper()
	r, err := startAttach(t, "../../testdata/freplace_target.bpf.o", "whole", "tc-ingress:lo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.stop(t) })
	return args[0], strings.Replace(args[1], "TARGET", strconv.Itoa(int(r.doc.ProgramID)), 1)
}

// attachPinned attaches with --pin, finds the links in bpftool, and detaches them by pin or id.
func attachPinned(t *testing.T, row kindRow, args []string, dir string) {
	t.Helper()
	out, err := command(t,
		append([]string{"attach", "--json", "--pin", dir}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var doc attachedDocument
	if err := json.Unmarshal(out, &doc); err != nil || len(doc.Links) == 0 {
		t.Fatalf("%v: %s", err, out)
	}
	for _, l := range doc.Links {
		if typ, there := shown(t, "link", l.ID); !there ||
			typ != row.link && typ != newLinks[row.link] {
			t.Errorf("link %d: %v, of type %q", l.ID, there, typ)
		}
		if out, err := command(t, "detach", l.Pin).CombinedOutput(); err != nil ||
			!strings.Contains(string(out), "detached "+l.Pin) {
			t.Errorf("detach: %v, %s", err, out)
		}
		wantGone(t, "link", l.ID)
	}
}

// Oracle: bpftool and the kernel's count of references. A program exists as long as it is attached,
// also after the command that attached it was killed, and is freed when detach has detached it, not
// before.
func TestDetachHook(t *testing.T) {
	testkit.Root(t)
	kinds, cgroup, bpffs := compiled(t, "kinds"), testkit.Cgroup(t), testkit.BPFFS(t)
	sockets := filepath.Join(bpffs, "sockets")
	testkit.Run(t, "bpftool", "map", "create", sockets, "type", "sockmap", "key", "4", "value", "4",
		"entries", "1", "name", "sockets")
	for _, row := range []struct {
		program, hook string
		lacks         func(*testing.T) bool
	}{
		{"on_tc", "tc-ingress:lo", nil},
		{"on_tc", "tc-egress:lo", nil},
		{"on_xdp", "xdp:lo,link=no", nil},
		{"on_xdp", "xdp-generic:lo,link=no", nil},
		{"on_tc", "tcx-ingress:lo,link=no", before(6, 6)},
		{"on_cgroup", "cgroup:" + cgroup + ",link=no", nil},
		{"on_cgroup", "cgroup:" + cgroup + ",link=no,mode=exclusive", nil},
		{"verdict", "sockmap:" + sockets + ",link=no", nil},
		{"dissect", "flow_dissector", nil},
	} {
		t.Run(rowName(row.program, row.hook), func(t *testing.T) {
			if row.lacks != nil && row.lacks(t) {
				testkit.Skip(t, "the kernel has no such hook")
			}
			testkit.Netns(t) // of this subtest, which has a thread of its own
			r, err := startAttach(t, kinds, row.program, row.hook)
			if err != nil {
				t.Fatal(err)
			}
			id := r.doc.ProgramID
			r.cmd.Process.Kill()
			r.cmd.Wait()
			wrong := strconv.Itoa(int(id) + 1_000_000)
			if out, err := command(t, "detach", row.hook,
				"--program-id", wrong).CombinedOutput(); err == nil ||
				!strings.Contains(string(out), fmt.Sprintf("attached there: program %d", id)) {
				t.Errorf("another program: %v, %s", err, out)
			}
			if out, err := command(t, "detach", row.hook).CombinedOutput(); err == nil ||
				!strings.Contains(string(out),
					fmt.Sprintf("add --program-id; attached there: program %d", id)) {
				t.Errorf("no program: %v, %s", err, out)
			}
			if _, there := shown(t, "prog", id); !there {
				t.Fatalf("program %d is gone", id)
			}
			if out, err := command(t, "detach", row.hook, "--program-id",
				strconv.Itoa(int(id))).CombinedOutput(); err != nil ||
				string(out) != fmt.Sprintf("detached program %d from %s\n", id, row.hook) {
				t.Errorf("detach: %v, %s", err, out)
			}
			wantGone(t, "prog", id)
			if out, err := command(t, "detach", row.hook, "--program-id",
				strconv.Itoa(int(id))).CombinedOutput(); err == nil ||
				!strings.Contains(string(out), "nothing is attached there without a link") {
				t.Errorf("again: %v, %s", err, out)
			}
		})
	}
	for _, bad := range []struct{ says, hook string }{
		{"by links alone", "kprobe:vfs_read"}, {"no such", "xdp:no-such-iface"},
		{"there is no hook", "nothing"},
	} {
		if out, err := command(t, "detach", bad.hook,
			"--program-id", "1").CombinedOutput(); err == nil ||
			!strings.Contains(string(out), bad.says) {
			t.Errorf("%s: %v, %s", bad.hook, err, out)
		}
	}
}

// Oracle: the kernel, which never detaches by hook a program that a link holds. The command names
// such a program with its link, doesn't offer to detach it by hook, and it stays until the link is
// detached.
func TestDetachHookOfLink(t *testing.T) {
	testkit.Root(t)
	kinds, cgroup, bpffs := compiled(t, "kinds"), testkit.Cgroup(t), testkit.BPFFS(t)
	sockets := filepath.Join(bpffs, "sockets-of-link")
	testkit.Run(t, "bpftool", "map", "create", sockets, "type", "sockmap", "key", "4", "value", "4",
		"entries", "1", "name", "sockets")
	detach := func(t *testing.T, says string, args ...string) {
		t.Helper()
		if out, err := command(t,
			append([]string{"detach"}, args...)...).CombinedOutput(); err == nil ||
			string(out) != "bpf: "+args[0]+": "+says+"\n" {
			t.Errorf("%v: %v, %sdoesn't say %s", args, err, out, says)
		}
	}
	for _, row := range []struct {
		program, hook, by string
		lacks             func(*testing.T) bool
	}{
		{"on_xdp", "xdp:lo", "xdp:lo", nil},
		{"on_xdp", "xdp:lo", "xdp:1", nil},
		{"on_tc", "tcx-ingress:lo", "tcx-ingress:lo", before(6, 6)},
		{"on_cgroup", "cgroup:" + cgroup, "cgroup:" + cgroup, nil},
		{"verdict", "sockmap:" + sockets, "sockmap:" + sockets, before(6, 10)},
		{"dissect", "netns:/proc/self/ns/net", "flow_dissector", nil},
	} {
		t.Run(rowName(row.program, row.by), func(t *testing.T) {
			if row.lacks != nil && row.lacks(t) {
				testkit.Skip(t, "the kernel has no such hook")
			}
			testkit.Netns(t) // of this subtest, which has a thread of its own
			r, err := startAttach(t, kinds, row.program, row.hook)
			if err != nil {
				t.Fatal(err)
			}
			there := fmt.Sprintf(
				"nothing is attached there without a link; with links, which bpf detach takes by their ids: program %d by link %d",
				r.doc.ProgramID, r.doc.Links[0].ID)
			detach(t, there, row.by)
			id, link := strconv.Itoa(int(r.doc.ProgramID)), strconv.Itoa(int(r.doc.Links[0].ID))
			detach(t, "can't detach program "+id+": "+there, row.by, "--program-id", id)
			if out, err := command(t, "detach", link).CombinedOutput(); err != nil {
				t.Errorf("%v, %s", err, out)
			}
			detach(t, "nothing is attached there without a link", row.by)
		})
	}
	t.Run("beside one without", func(t *testing.T) {
		hook := "cgroup:" + cgroup
		r, err := startAttach(t, kinds, "on_cgroup", hook+",link=no")
		if err != nil {
			t.Fatal(err)
		}
		id := strconv.Itoa(int(r.doc.ProgramID))
		var links []*running
		for range 2 { // links of the same program
			l, err := startAttach(t, "--program", id, hook+",type=cgroup_inet_egress")
			if err != nil {
				t.Fatal(err)
			}
			links = append(links, l)
		}
		detach(t, fmt.Sprintf("add --program-id; attached there: program %s; with links, which bpf detach takes by their ids: program %s by link %d, program %s by link %d",
			id, id, links[0].doc.Links[0].ID, id, links[1].doc.Links[0].ID), hook)
		if out, err := command(t, "detach", hook,
			"--program-id", id).CombinedOutput(); err != nil ||
			string(out) != "detached program "+id+" from "+hook+"\n" {
			t.Errorf("%v, %s", err, out)
		}
		if there, err := inspect.Cgroup(cgroup, uapi.AttachCgroupInetEgress); err != nil ||
			len(there.Programs) != 2 {
			t.Errorf("%+v, %v", there, err)
		}
	})
	// A link to an interface with the same index in another network namespace doesn't count here.
	t.Run("another namespace", func(t *testing.T) {
		testkit.Netns(t)
		far, err := startAttach(t, kinds, "on_xdp", "xdp:lo")
		if err != nil {
			t.Fatal(err)
		}
		id := strconv.Itoa(int(far.doc.ProgramID))
		t.Run("here", func(t *testing.T) {
			testkit.Netns(t)
			set, err := startAttach(t, "--program", id, "xdp:lo,link=no")
			if err != nil {
				t.Fatal(err)
			}
			detach(t, "add --program-id; attached there: program "+id, "xdp:lo")
			set.stop(t)
			near, err := startAttach(t, "--program", id, "xdp:lo")
			if err != nil {
				t.Fatal(err)
			}
			detach(t, fmt.Sprintf("nothing is attached there without a link; with links, which bpf detach takes by their ids: program %s by link %d or %d",
				id, far.doc.Links[0].ID, near.doc.Links[0].ID), "xdp:lo")
		})
	})
}

// Oracle: the kernel's list of a cgroup, and failures that the test causes. A program that can't be
// detached doesn't keep the others attached.
func TestDetachGoesOn(t *testing.T) {
	var out bytes.Buffer
	d := detacher{program: 7, out: &out}
	fails := errors.New("fails")
	gone := 0
	list := []attachment{
		{program: 7, detach: func() error { return fails }},
		{program: 7, detach: func() error { gone++; return nil }},
		{program: 7, links: []uint32{1},
			detach: func() error { t.Error("it has a link"); return nil }},
		{program: 8, detach: func() error { t.Error("another program"); return nil }},
	}
	if err := d.fromList("here", list); !errors.Is(err, fails) || gone != 1 ||
		out.String() != "detached program 7 from here\n" {
		t.Errorf("%v, %d detached, says %q", err, gone, &out)
	}

	testkit.Root(t)
	kinds, cgroup := compiled(t, "kinds"), testkit.Cgroup(t)
	r, err := startAttach(t, kinds, "on_cgroup", "cgroup:"+cgroup)
	if err != nil {
		t.Fatal(err)
	}
	link := strconv.Itoa(int(r.doc.Links[0].ID))
	// The pin is not the only holder of this link.
	pin := filepath.Join(testkit.BPFFS(t), "held")
	testkit.Run(t, "bpftool", "link", "pin", "id", link, pin)
	if out, err := command(t, "detach", pin).CombinedOutput(); err == nil ||
		!strings.Contains(string(out), pin+" is removed, but others hold the link too: bpf detach "+
			link) {
		t.Errorf("%v, %s", err, out)
	}
	all, err := command(t, "detach", "/no/such/pin", "4294967295", link).CombinedOutput()
	if err == nil || !strings.Contains(string(all), "/no/such/pin") ||
		!strings.Contains(string(all), "4294967295") ||
		!strings.Contains(string(all), "detached "+link+"\n") {
		t.Errorf("%v, %s", err, all)
	}
	if there, err := inspect.Cgroup(cgroup, uapi.AttachCgroupInetEgress); err != nil ||
		len(there.Programs) != 0 {
		t.Errorf("%+v, %v", there, err)
	}
}

// Oracle: ip route, which shows the route that a killed command leaves, until detach gets the
// program of the route.
func TestDetachRoute(t *testing.T) {
	testkit.Root(t)
	if !configured(t, "CONFIG_LWTUNNEL_BPF") {
		testkit.Skip(t, "the kernel was built without CONFIG_LWTUNNEL_BPF")
	}
	testkit.Netns(t)
	const hook = "lwt-out:192.0.2.0/24,dev=lo,metric=7"
	kinds := compiled(t, "kinds")
	r, err := startAttach(t, kinds, "on_route", hook)
	if err != nil {
		t.Fatal(err)
	}
	other, err := startAttach(t, kinds, "on_route", "lwt-out:198.51.100.0/24,dev=lo")
	if err != nil {
		t.Fatal(err)
	}
	r.cmd.Process.Kill()
	r.cmd.Wait()
	there := func() bool {
		return bytes.Contains(testkit.Run(t, "ip", "route", "show"), []byte("192.0.2.0/24"))
	}
	detach := func(args ...string) (string, error) {
		out, err := command(t, append([]string{"detach", hook}, args...)...).CombinedOutput()
		return string(out), err
	}
	if out, err := detach("--program-id", strconv.Itoa(int(other.doc.ProgramID))); err == nil ||
		!there() {
		t.Errorf("another program: %v, %s", err, out)
	}
	if out, err := detach(); err == nil || !strings.Contains(out, "add --program-id") || !there() {
		t.Errorf("no program: %v, %s", err, out)
	}
	id := strconv.Itoa(int(r.doc.ProgramID))
	if out, err := detach("--program-id", id); err != nil ||
		out != "detached program "+id+" from "+hook+"\n" || there() {
		t.Errorf("detach: %v, %s", err, out)
	}
	wantGone(t, "prog", r.doc.ProgramID)
	other.stop(t)
}

// Oracle: bpftool's list of registered struct_ops maps. A map without a link stays when the command
// that registered it is killed.
func TestDetachStructOps(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	r, err := startAttach(t, compiled(t, "congestion"), "plain", "struct_ops")
	if err != nil {
		t.Fatal(err)
	}
	r.cmd.Process.Kill()
	r.cmd.Wait()
	id := strconv.Itoa(int(r.doc.MapID))
	registered := func() bool {
		return bytes.Contains(testkit.Run(t, "bpftool", "struct_ops", "list"), []byte(id+": plain"))
	}
	if !registered() {
		t.Fatalf("map %s is not registered", id)
	}
	if out, err := command(t, "detach", "struct_ops").CombinedOutput(); err == nil ||
		!strings.Contains(string(out), "add --map-id; registered: ") ||
		!strings.Contains(string(out), "map "+id+" (plain) without a link") || !registered() {
		t.Errorf("without an id: %v, %s", err, out)
	}
	if out, err := command(t, "detach", "struct_ops",
		"--map-id", id).CombinedOutput(); err != nil ||
		string(out) != "detached map "+id+" from struct_ops\n" {
		t.Errorf("detach: %v, %s", err, out)
	}
	wantGone(t, "map", r.doc.MapID)
	if registered() {
		t.Error("still registered")
	}
	if !fromVersion(6, 4) {
		return
	}
	linked, err := startAttach(t, compiled(t, "congestion"), "linked", "struct_ops")
	if err != nil {
		t.Fatal(err)
	}
	says := fmt.Sprintf("by link %d", linked.doc.Links[0].ID)
	for _, args := range [][]string{{"detach", "struct_ops"},
		{"detach", "struct_ops", "--map-id", strconv.Itoa(int(linked.doc.MapID))}} {
		if out, err := command(t, args...).CombinedOutput(); err == nil ||
			!strings.Contains(string(out), says) {
			t.Errorf("%v: %v, %sdoesn't say %s", args, err, out, says)
		}
	}
	linked.stop(t)
}

// Oracle: the choice that run reports, which TestAlternatives of package bpf compares with the
// kernel; attach makes the same choice.
func TestAlternatives(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	source, err := os.ReadFile("../../testdata/alternatives.bpf.c")
	if err != nil {
		t.Fatal(err)
	}
	object := testkit.Compile(t, string(source))
	out, err := command(t, "run", object, "--for", "20ms").CombinedOutput()
	if err != nil {
		t.Fatalf("run: %v, %s", err, out)
	}
	_, rest, _ := strings.Cut(string(out), "chosen watch: ")
	chosen := rest[:strings.IndexAny(rest, ";\n")]
	if !strings.HasPrefix(chosen, "watch___") ||
		!strings.Contains(string(out), "attached "+chosen+" to ") ||
		strings.Contains(string(out), "not attached") ||
		!strings.Contains(string(out), "chosen events: events___ring\n") {
		t.Errorf("run says %s", out)
	}
	r, err := startAttach(t, object, "watch", "auto")
	if err != nil {
		t.Fatal(err)
	}
	if r.doc.Program != chosen {
		t.Errorf("attached %s, not %s", r.doc.Program, chosen)
	}
	r.stop(t)
	// A program that is named in full is used.
	const named = "watch___tp"
	out, err = command(t, "run", object, "--for", "20ms", "--attach",
		named+"=tp:syscalls/sys_enter_getppid").CombinedOutput()
	if err != nil || !strings.Contains(string(out),
		"attached "+named+" to tracepoint syscalls:sys_enter_getppid") ||
		strings.Contains(string(out), "chosen watch") {
		t.Errorf("%s: %v, %s", named, err, out)
	}
	out, err = command(t, "run", object, "--for", "20ms", "--attach", "watch=auto").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "attached "+chosen+" to ") {
		t.Errorf("by the shared name: %v, %s", err, out)
	}
}

// Oracle: the kernel's order of programs, as BPF_PROG_QUERY tells it.
func TestAttachPlaces(t *testing.T) {
	testkit.Root(t)
	if !fromVersion(6, 6) {
		testkit.Skip(t, "tcx came with Linux 6.6")
	}
	testkit.Netns(t)
	kinds := compiled(t, "kinds")
	attach := func(program, hook string) *running {
		t.Helper()
		r, err := startAttach(t, kinds, program, hook)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a := attach("on_tc", "tcx-egress:lo")
	b := attach("on_tc", fmt.Sprintf("tcx-egress:lo,place=before:%d", a.doc.ProgramID))
	c := attach("on_egress", fmt.Sprintf("tcx-egress:lo,place=after-link:%d", b.doc.Links[0].ID))
	d := attach("on_egress", "tcx-egress:lo,link=no,place=first")
	hook, err := inspect.Interface("lo", uapi.AttachTCXEgress)
	if err != nil {
		t.Fatal(err)
	}
	var order []uint32
	for _, p := range hook.Programs {
		order = append(order, p.ProgramID)
	}
	want := []uint32{d.doc.ProgramID, b.doc.ProgramID, c.doc.ProgramID, a.doc.ProgramID}
	if fmt.Sprint(order) != fmt.Sprint(want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if _, err := startAttach(t, kinds, "on_tc", "tcx-egress:lo,revision=1"); err == nil ||
		!strings.Contains(err.Error(), "revision") {
		t.Errorf("old revision: %v", err)
	}
	for _, r := range []*running{a, b, c, d} {
		r.stop(t)
	}
}
