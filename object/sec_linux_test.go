package object_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// newSections are the rows that C libbpf 1.5, the oracle, lacks: what they are without the row and
// what libbpf takes them for.
var newSections = []string{
	"uprobe.session+", "uprobe.session.s+", "tracepoint.s+", "tp.s+", "raw_tracepoint.s+",
	"raw_tp.s+", "tp_btf.s+",
	"fsession+", "fsession.s+", "fentry.multi+", "fentry.multi.s+", "fexit.multi+",
	"fexit.multi.s+", "fsession.multi+", "fsession.multi.s+",
}

// TestSecTable opens an object with a program for every row of the table, bare and with text after
// a slash, and for names that only resemble rows. The oracle is the type and attach type from C
// libbpf; rows newer than it must be unknown to it.
func TestSecTable(t *testing.T) {
	var secs []string
	fresh := map[string]bool{}
	for _, d := range object.SecTable {
		name := strings.TrimSuffix(d.Pattern, "+")
		for _, s := range []string{name, name + "/x", name + "/x/y:z", name + "x", "?" + name,
			name + "/"} {
			secs = append(secs, s)
			fresh[s] = slices.Contains(newSections, d.Pattern)
		}
	}
	secs = append(secs, "socket1", "cgroup/skb/x", "xdp.frags/foo", "kprobe.s/x", "maps/x",
		"struct_ops.s.x", "Kprobe/x")
	slices.Sort(secs)
	secs = slices.Compact(secs)
	var source strings.Builder
	for i, s := range secs {
		fmt.Fprintf(&source, "__attribute__((section(%q), used)) int p%d(void *c) { return 0; }\n",
			s, i)
	}
	path := testkit.Compile(t, source.String())
	want := libbpfOpen(t, path)[0]
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o, err := object.Parse(raw, path)
	if err != nil {
		t.Fatal(err)
	}
	got := describe(o)
	if len(want.Programs) != len(secs) || len(got.Programs) != len(secs) {
		t.Fatalf("%d sections: libbpf has %d programs, we have %d (errno %d)",
			len(secs), len(want.Programs), len(got.Programs), want.Errno)
	}
	known := 0
	for i, g := range got.Programs {
		w, p := want.Programs[i], o.Programs[i]
		if fresh[p.Section] && p.Def != nil {
			if w.Type != 0 {
				t.Errorf("SEC(%q): libbpf knows it: remove its row from the list of new ones",
					p.Section)
			}
			continue
		}
		if w != g {
			t.Errorf("SEC(%q): %+v, libbpf %+v", p.Section, g, w)
		}
		if p.Def != nil {
			known++
		}
	}
	t.Logf("%d section names, %d of them known", len(secs), known)
}

// TestSecFlags checks the table's flags against the conventions for section names. The oracle is
// libbpf's documentation of program types: names that end in ".s" and syscall are sleepable,
// xdp.frags has fragments, an automatic attachment needs something to attach to.
func TestSecFlags(t *testing.T) {
	for _, d := range object.SecTable {
		name := strings.TrimSuffix(d.Pattern, "+")
		if got, want := d.Flags&object.SecSleepable != 0, strings.HasSuffix(name, ".s") ||
			name == "syscall"; got != want {
			t.Errorf("%s: sleepable %v", d.Pattern, got)
		}
		if got, want := d.Flags&object.SecXDPFrags != 0,
			strings.HasPrefix(name, "xdp.frags"); got != want {
			t.Errorf("%s: fragments %v", d.Pattern, got)
		}
		if got, want := d.Flags&object.SecUSDT != 0, strings.HasPrefix(name, "usdt"); got != want {
			t.Errorf("%s: USDT %v", d.Pattern, got)
		}
		btf := d.Type == uapi.ProgLSM || d.Type == uapi.ProgExt ||
			d.Type == uapi.ProgTracing && !strings.Contains(name, ".multi")
		if got := d.Flags&object.SecAttachBTF != 0; got != btf {
			t.Errorf("%s: BTF target %v", d.Pattern, got)
		}
		if d.Auto != object.AutoNone && !strings.HasSuffix(d.Pattern, "+") {
			t.Errorf("%s attaches by itself and takes no target", d.Pattern)
		}
	}
}

// TestOwnSections tries an application's own rows. The oracle is libbpf's rules for registered
// handlers: they come first, in order, and one without a name takes the rest.
func TestOwnSections(t *testing.T) {
	raw, err := os.ReadFile(testkit.Compile(t, `
		__attribute__((section("mine/a"), used)) int a(void *c) { return 0; }
		__attribute__((section("mine"), used)) int b(void *c) { return 0; }
		__attribute__((section("?xdp"), used)) int c(void *c) { return 0; }
		__attribute__((section("kprobe/x"), used)) int d(void *c) { return 0; }`))
	if err != nil {
		t.Fatal(err)
	}
	own := []object.SecDef{
		{Pattern: "", Type: uapi.ProgSyscall},
		{Pattern: "xdp", Type: uapi.ProgXDP, Attach: uapi.AttachXDPCPUMap},
		{Pattern: "mine/", Type: uapi.ProgSocketFilter},
		{Pattern: "mine+", Type: uapi.ProgTracepoint},
	}
	o, err := (&object.Options{Sections: own}).Parse(raw, "own")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]*object.SecDef{"a": &own[2], "b": &own[3], "c": &own[1],
		"d": object.MatchSec("kprobe/x")} {
		if p := o.Program(name); p.Def != want || p.Type != want.Type ||
			p.ExpectedAttachType != want.Attach {
			t.Errorf("%s: %+v", name, p.Def)
		}
	}
	own = own[:1]
	if o, err = (&object.Options{Sections: own}).Parse(raw, "own"); err != nil ||
		o.Program("a").Def != &own[0] || o.Program("c").Type != uapi.ProgXDP {
		t.Errorf("row for the rest: %v, %+v", err, o.Program("a").Def)
	}
}

// TestAttachTarget takes BTF targets from section names. The oracle is libbpf: the text after the
// first slash, where a BTF target is needed.
func TestAttachTarget(t *testing.T) {
	raw, err := os.ReadFile(testkit.Compile(t, `
		__attribute__((section("fentry/vfs_read"), used)) int a(void *c) { return 0; }
		__attribute__((section("fexit.s/mod:func"), used)) int b(void *c) { return 0; }
		__attribute__((section("fentry"), used)) int c(void *c) { return 0; }
		__attribute__((section("kprobe/vfs_read"), used)) int d(void *c) { return 0; }
		__attribute__((section("lsm_cgroup/socket_bind"), used)) int e(void *c) { return 0; }
		__attribute__((section("fentry.multi/vfs_*"), used)) int f(void *c) { return 0; }`))
	if err != nil {
		t.Fatal(err)
	}
	o, err := object.Parse(raw, "targets")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": "vfs_read", "b": "mod:func", "c": "", "d": "",
		"e": "socket_bind", "f": ""} {
		if p := o.Program(name); p.AttachTarget != want {
			t.Errorf("%s: target %q, want %q", p.Sec, p.AttachTarget, want)
		}
	}
}

// TestNearSec checks that libbpf's section names with two letters swapped are proposed.
func TestNearSec(t *testing.T) {
	for i := range object.SecTable {
		name := strings.TrimSuffix(object.SecTable[i].Pattern, "+")
		if len(name) < 3 || name[0] == name[1] {
			continue
		}
		typo := name[1:2] + name[:1] + name[2:]
		if object.MatchSec(typo) != nil {
			continue
		}
		if near := object.NearSec(typo); !strings.Contains(near, name) {
			t.Errorf("%s: %q", typo, near)
		}
	}
	if near := object.NearSec("krpobe/vfs_read"); near != "near: kprobe" {
		t.Errorf("%q", near)
	}
	if near := object.NearSec("nothing/like/it"); near != "" {
		t.Errorf("%q", near)
	}
}
