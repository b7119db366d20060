package link

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/zoo"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/uapi"
)

// links makes links of the types that this kernel takes, in a network namespace of its own.
func links(t *testing.T) map[string]*bpf.Link {
	t.Helper()
	testkit.Netns(t)
	cgroup := testkit.Cgroup(t)
	list := map[string]*bpf.Link{}
	for _, p := range zoo.Programs(t) {
		var l *bpf.Link
		var err error
		switch p.Type() {
		case uapi.ProgXDP:
			l, err = p.AttachXDP("lo", nil)
		case uapi.ProgCgroupSKB, uapi.ProgCgroupSock, uapi.ProgCgroupSysctl,
			uapi.ProgCgroupDevice, uapi.ProgSockOps:
			l, err = p.AttachCgroup(cgroup, nil)
		case uapi.ProgFlowDissector, uapi.ProgSKLookup:
			l, err = p.AttachNetns("/proc/thread-self/ns/net")
		case uapi.ProgSchedCls:
			l, err = p.AttachTCX("lo", uapi.AttachTCXIngress, nil)
		case uapi.ProgRawTracepoint:
			l, err = p.AttachRawTracepoint("sys_enter", nil)
		case uapi.ProgTracepoint:
			l, err = p.AttachTracepoint("syscalls", "sys_enter_getpid", nil)
		case uapi.ProgNetfilter:
			l, err = p.AttachNetfilter(uapi.NetfilterIPv4, uapi.NetfilterHook(1),
				&bpf.NetfilterOptions{Priority: -42})
		default:
			continue
		}
		name := p.Type().String()
		if err != nil {
			t.Logf("no link of a %s program: %v", name, err)
			continue
		}
		t.Cleanup(func() { l.Close() })
		if l.FD() >= 0 {
			list[name] = l
		}
	}
	return list
}

// newer are keys that Debian's bpftool 7.1 does not write; it knows nothing but the program of
// types newer than itself, and of perf events.
var newer = []string{"pids", "cookie"}

// TestShow: the oracle is Debian's bpftool, field by field, and our own statement of what it does
// not know yet.
func TestShow(t *testing.T) {
	testkit.Root(t)
	dir := testkit.BPFFS(t)
	testkit.Tool(t, "bpftool")
	all := links(t)
	if len(all) < 6 {
		t.Fatalf("only %d links", len(all))
	}
	pin := filepath.Join(dir, "link")
	if err := all["xdp"].Pin(pin); err != nil {
		t.Fatal(err)
	}
	listing := map[string]any{}
	for _, l := range zoo.JSON(t, Command(), "show", "-f").([]any) {
		listing[fmt.Sprint(l.(map[string]any)["id"])] = l
	}
	for name, l := range all {
		info, err := l.Info()
		if err != nil {
			t.Fatal(err)
		}
		id := strconv.FormatUint(uint64(info.ID), 10)
		got := zoo.JSON(t, Command(), "show", "id", id, "-f").(map[string]any)
		// Processes that list links have each open for a moment.
		for _, object := range []any{listing[id], any(got)} {
			if !zoo.Owned(object) {
				t.Errorf("%s isn't said to be of this process: %v", name, object)
			}
		}
		if diff := cmp.Diff(listing[id], any(got)); diff != "" {
			t.Errorf("%s in the listing and alone: %s", name, diff)
		}
		want := zoo.Parse(t, zoo.Bpftool(t, "-jf", "link", "show", "id", id)).(map[string]any)
		for _, key := range newer {
			delete(got, key)
		}
		unknown(name, got, want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -bpftool +bpf:\n%s", name, diff)
		}
		text, err := zoo.Run(t, Command(), "show", "id", id, "-f", "--no-owners")
		if err != nil {
			t.Error(err)
		}
		if old := zoo.Bpftool(t, "-f", "link", "show", "id", id); !sameText(name, old, text) {
			t.Errorf("%s: bpftool: %q, bpf: %q", name, old, text)
		}
	}
	if got := zoo.JSON(t, Command(), "show", "pinned", pin, "-f").(map[string]any); fmt.Sprint(
		got["pinned"]) != "["+pin+"]" {
		t.Errorf("pinned: %v", got)
	}
}

// unknown checks and removes what bpftool 7.1 doesn't know about links of newer types.
func unknown(name string, got, want map[string]any) {
	remove := func(keys ...string) {
		for _, k := range keys {
			delete(got, k)
		}
	}
	switch name {
	case "xdp":
		if got["devname"] == "lo" && got["ifindex"] == json.Number("1") {
			remove("devname", "ifindex")
		}
	case "sched_cls":
		if got["devname"] == "lo" && got["attach_type"] == "tcx_ingress" && got["type"] == "tcx" {
			remove("devname", "ifindex", "attach_type")
			got["type"] = want["type"]
		}
	case "netfilter":
		if fmt.Sprintln(got["pf"], got["hook"], got["prio"], got["flags"], got["type"]) ==
			"2 1 -42 0 netfilter\n" {
			remove("pf", "hook", "prio", "flags")
			got["type"] = want["type"]
		}
	case "tracepoint":
		if got["tracepoint"] == "sys_enter_getpid" || got["tracepoint"] == nil {
			remove("tracepoint")
		}
	}
}

// spaces matches the spaces between fields.
var spaces = regexp.MustCompile(`[ \n\t]+`)

func sameText(name, old, text string) bool {
	words := func(s string) string {
		return strings.TrimSpace(spaces.ReplaceAllString(s, " "))
	}
	old, text = words(old), words(text)
	switch name {
	case "xdp":
		old = strings.Replace(old, " pinned", " ifindex lo(1) pinned", 1)
	case "sched_cls":
		old = strings.Replace(old, "type 11", "tcx", 1) + " ifindex lo(1) attach_type tcx_ingress"
	case "netfilter":
		old = strings.Replace(old, "type 10", "netfilter", 1) + " ip input prio -42"
	case "tracepoint":
		text, _, _ = strings.Cut(text, " tracepoint ")
	}
	return old == text
}

// TestPinDetach: the oracle is bpftool, which finds the pin and sees what is detached.
func TestPinDetach(t *testing.T) {
	testkit.Root(t)
	dir := testkit.BPFFS(t)
	l := links(t)["cgroup_skb"]
	if l == nil {
		t.Fatal("no link")
	}
	info, err := l.Info()
	if err != nil {
		t.Fatal(err)
	}
	id, pin := strconv.FormatUint(uint64(info.ID), 10), filepath.Join(dir, "link")
	if got := zoo.JSON(t, Command(), "pin", "id", id, pin); got != nil {
		t.Errorf("pin prints %v", got)
	}
	if out, err := zoo.Run(t, Command(), "pin", "id", id, pin); err == nil {
		t.Errorf("pinned twice: %s", out)
	}
	if got := zoo.JSON(t, Command(), "detach", "pinned", pin); got != nil {
		t.Errorf("detach prints %v", got)
	}
	shown := zoo.Parse(t, zoo.Bpftool(t, "-j", "link", "show", "pinned", pin)).(map[string]any)
	if fmt.Sprintln(shown["id"], shown["cgroup_id"]) != id+" 0\n" {
		t.Errorf("after detach: %v", shown)
	}
	for words, want := range map[string]string{
		"detach id 4294967295":     "no such file",
		"pin id " + id:             "path of the file is missing",
		"show id " + id + " x":     `"x" is not expected here`,
		"show pinned " + pin + "x": pin + "x",
	} {
		if out, err := zoo.Run(t, Command(), strings.Fields(words)...); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v: %s", words, err, out)
		}
	}
}
