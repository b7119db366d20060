package e2e

import (
	"github.com/purebpf/bpf"

	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// bpftoolLink returns what bpftool prints of a link, as far as this version knows it.
func bpftoolLink(t testing.TB, id uint32) map[string]any {
	t.Helper()
	var got map[string]any
	d := json.NewDecoder(
		bytes.NewReader(testkit.Run(t, "bpftool", "-j", "link", "show", "id", fmt.Sprint(id))))
	d.UseNumber() // inodes and cookies don't fit a float
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

// sameAsBpftool compares the parts of a link that bpftool prints with those that the test expects.
func sameAsBpftool(t testing.TB, info *linkinfo.Info, want map[string]any) {
	t.Helper()
	got := bpftoolLink(t, info.ID)
	want["prog_id"] = info.ProgramID
	// a number if it is too new
	if typ := fmt.Sprint(got["type"]); typ != info.Type.String() &&
		typ != fmt.Sprint(uint32(info.Type)) {
		t.Errorf("type %v, bpftool says %s", info.Type, typ)
	}
	for key, value := range want {
		if have, ok := got[key]; ok && fmt.Sprint(have) != fmt.Sprint(value) {
			t.Errorf("%s is %v, bpftool says %v", key, value, have)
		}
	}
}

// checkLink compares a link's information with what the test expects and with bpftool.
func checkLink(t testing.TB, l *bpf.Link, typ uapi.LinkType, want linkinfo.Detail,
	words map[string]any) {
	t.Helper()
	info, err := l.Info()
	if err != nil {
		t.Fatal(err)
	}
	if info.Type != typ {
		t.Errorf("type %v, want %v", info.Type, typ)
	}
	if d := cmp.Diff(want, info.Detail); d != "" {
		t.Error(d)
	}
	sameAsBpftool(t, info, words)
	// The kernel's list has it too.
	for other, err := range linkinfo.All(typ) {
		if err != nil {
			t.Fatal(err)
		}
		if cmp.Equal(other, info) {
			return
		}
	}
	t.Errorf("not among the links of type %v", typ)
}

// TestLinkInfo attaches links of each kind. The oracles are the requests, and bpftool.
func TestLinkInfo(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	one := func(t *testing.T, name string) (*bpf.Object, *bpf.Program) {
		obj := load(t, only(open(t, "link"), name), nil)
		return obj, obj.Program(name)
	}
	keep := func(t *testing.T, l *bpf.Link, err error) *bpf.Link {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	t.Run("raw_tracepoint", func(t *testing.T) {
		_, p := one(t, "raw_tp")
		l, err := p.Attach()
		checkLink(t, keep(t, l, err), uapi.LinkRawTracepoint,
			&linkinfo.RawTracepoint{Tracepoint: "sys_enter"},
			map[string]any{"tp_name": "sys_enter"})
	})
	t.Run("tracepoint", func(t *testing.T) {
		testkit.Kernel(t, "6.6")
		_, p := one(t, "tp")
		l, err := p.Attach()
		checkLink(t, keep(t, l, err), uapi.LinkPerfEvent,
			&linkinfo.Tracepoint{Tracepoint: "sys_enter_getpriority"}, map[string]any{})
	})
	t.Run("tracepoint with cookie", func(t *testing.T) {
		testkit.Kernel(t, "6.9")
		_, p := one(t, "tp")
		l, err := p.AttachTracepoint("syscalls", "sys_enter_getpriority",
			&bpf.CookieOptions{Cookie: 99})
		checkLink(t, keep(t, l, err), uapi.LinkPerfEvent,
			&linkinfo.Tracepoint{Tracepoint: "sys_enter_getpriority", Cookie: 99}, map[string]any{})
	})
	t.Run("before 6.6", func(t *testing.T) {
		_, p := one(t, "tp")
		l, err := p.Attach()
		info, err := keep(t, l, err).Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Detail != nil {
			testkit.Kernel(t, "6.6")
		}
		sameAsBpftool(t, info, map[string]any{})
	})
	t.Run("perf_event", func(t *testing.T) {
		testkit.Kernel(t, "6.6")
		_, p := one(t, "event")
		links, err := p.AttachPerfEvent(bpf.PerfEvent{Type: sys.PerfTypeSoftware,
			Config: unix.PERF_COUNT_SW_PAGE_FAULTS, Period: 1e9}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer links.Close()
		checkLink(t, links[0], uapi.LinkPerfEvent,
			&linkinfo.PerfEvent{EventType: sys.PerfTypeSoftware,
				Config: unix.PERF_COUNT_SW_PAGE_FAULTS}, map[string]any{})
	})
	t.Run("kprobe", func(t *testing.T) {
		testkit.Kernel(t, "6.9")
		kprobes(t)
		_, p := one(t, "probe")
		address := kallsyms(t, "find_task_by_vpid")[0]
		if configured(t, "CONFIG_X86_KERNEL_IBT") {
			address += 4 // the kernel probes after the function's ENDBR
		}
		for _, ret := range []bool{false, true} {
			l, err := p.AttachKprobe("find_task_by_vpid",
				&bpf.KprobeOptions{Return: ret, Cookie: 5})
			checkLink(t, keep(t, l, err), uapi.LinkPerfEvent,
				&linkinfo.Kprobe{Return: ret, Function: "find_task_by_vpid",
					Address: address, Cookie: 5}, map[string]any{})
		}
	})
	t.Run("kprobe_multi", func(t *testing.T) {
		testkit.Kernel(t, "6.6")
		fprobes(t)
		_, p := one(t, "probes")
		l, err := p.AttachKprobeList(bpf.KprobeList{Symbols: []string{"find_task_by_vpid"},
			Cookies: []uint64{8},
			When:    bpf.AtReturn})
		info, err := keep(t, l, err).Info()
		if err != nil {
			t.Fatal(err)
		}
		d, ok := info.Detail.(*linkinfo.KprobeMulti)
		symbol := kallsyms(t, "find_task_by_vpid")[0]
		if !ok || !d.Return || len(d.Functions) != 1 || d.Functions[0].Address-symbol > 4 ||
			d.Functions[0].Cookie != 8 {
			t.Errorf("%+v, function at %#x", info.Detail, symbol)
		}
		sameAsBpftool(t, info, map[string]any{})
	})
	t.Run("uprobe", func(t *testing.T) {
		testkit.Kernel(t, "6.9")
		_, p := one(t, "probe")
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		for _, ret := range []bool{false, true} {
			l, err := p.AttachUprobe(program, "",
				&bpf.UprobeOptions{Offset: 0x1000, Return: ret, Cookie: 6})
			checkLink(t, keep(t, l, err), uapi.LinkPerfEvent,
				&linkinfo.Uprobe{Return: ret, Path: program, Offset: 0x1000, Cookie: 6},
				map[string]any{})
		}
	})
	t.Run("uprobe_multi", func(t *testing.T) {
		testkit.Kernel(t, "6.8")
		_, p := one(t, "uprobes")
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		l, err := p.AttachUprobeList(program,
			bpf.UprobeList{Offsets: []uint64{0x1000, 0x1010}, Cookies: []uint64{1, 2},
				PID: os.Getpid()})
		checkLink(t, keep(t, l, err), uapi.LinkUprobeMulti, &linkinfo.UprobeMulti{
			Path: program, PID: uint32(os.Getpid()),
			Sites: []linkinfo.UprobeMultiSite{{Offset: 0x1000, Cookie: 1},
				{Offset: 0x1010, Cookie: 2}},
		}, map[string]any{})
	})
	t.Run("tracing", func(t *testing.T) {
		trampolines(t)
		obj := load(t, only(open(t, "fentry"), "on_entry"), nil)
		l, err := obj.Program("on_entry").Attach()
		info, err := keep(t, l, err).Info()
		if err != nil {
			t.Fatal(err)
		}
		program, err := sys.ProgInfoByFD(obj.Program("on_entry").FD())
		if err != nil {
			t.Fatal(err)
		}
		want := &linkinfo.Tracing{AttachType: uapi.AttachTraceFentry,
			TargetID: program.AttachBTFObjID, TargetBTFID: program.AttachBTFID}
		if d := cmp.Diff(linkinfo.Detail(want), info.Detail); d != "" {
			t.Error(d)
		}
		sameAsBpftool(t, info, map[string]any{"prog_type": "tracing", "attach_type": "trace_fentry",
			"target_obj_id": want.TargetID, "target_btf_id": want.TargetBTFID})
	})
	t.Run("iter of a map", func(t *testing.T) {
		obj, p := iterProgram(t, "bpf_map_elem")
		m, err := obj.Map("numbers").Info()
		if err != nil {
			t.Fatal(err)
		}
		l, err := p.AttachIter(bpf.IterMap{Map: obj.Map("numbers")})
		checkLink(t, keep(t, l, err), uapi.LinkIter,
			&linkinfo.Iter{Target: "bpf_map_elem", MapID: m.ID},
			map[string]any{"target_name": "bpf_map_elem", "map_id": m.ID})
	})
	t.Run("iter", func(t *testing.T) {
		_, p := iterProgram(t, "tasks")
		pid := uint32(os.Getpid())
		l, err := p.AttachIter(bpf.IterTask{PID: pid})
		checkLink(t, keep(t, l, err), uapi.LinkIter, &linkinfo.Iter{Target: "task", PID: pid},
			map[string]any{"target_name": "task", "pid": pid})

		_, p = iterProgram(t, "cgroup")
		dir := testkit.Cgroup(t)
		var st unix.Stat_t
		if err := unix.Stat(dir, &st); err != nil {
			t.Fatal(err)
		}
		l, err = p.AttachIter(bpf.IterCgroup{Path: dir, Order: uapi.CgroupIterDescendantsPost})
		keep(t, l, err)
		checkLink(t, l, uapi.LinkIter,
			&linkinfo.Iter{Target: "cgroup", CgroupID: st.Ino,
				Order: uapi.CgroupIterDescendantsPost},
			map[string]any{"target_name": "cgroup", "cgroup_id": st.Ino,
				"order": "descendants_post"})
		closeLink(t, l)
	})
	t.Run("cgroup", func(t *testing.T) {
		_, p := one(t, "ingress")
		dir := testkit.Cgroup(t)
		var st unix.Stat_t
		if err := unix.Stat(dir, &st); err != nil {
			t.Fatal(err)
		}
		l, err := p.AttachCgroup(dir, nil)
		checkLink(t, keep(t, l, err), uapi.LinkCgroup,
			&linkinfo.Cgroup{CgroupID: st.Ino, AttachType: uapi.AttachCgroupInetIngress},
			map[string]any{"cgroup_id": st.Ino, "attach_type": "cgroup_inet_ingress"})
		closeLink(t, l)
	})
	t.Run("struct_ops", func(t *testing.T) {
		testkit.Kernel(t, "6.4")
		obj := load(t, open(t, "structops"), nil)
		m, err := obj.Map("linked").Info()
		if err != nil {
			t.Fatal(err)
		}
		l, err := obj.Map("linked").AttachStructOps()
		checkLink(t, keep(t, l, err), uapi.LinkStructOps, &linkinfo.StructOps{MapID: m.ID},
			map[string]any{"map_id": m.ID})
		closeLink(t, l)
		waitCongestion(t, "purebpf_link", false)
	})
	t.Run("sockmap", func(t *testing.T) {
		testkit.Kernel(t, "6.10")
		obj, p := one(t, "verdict")
		m, err := obj.Map("sockets").Info()
		if err != nil {
			t.Fatal(err)
		}
		l, err := p.AttachSockMap(obj.Map("sockets"), nil)
		checkLink(t, keep(t, l, err), uapi.LinkSockMap,
			&linkinfo.SockMap{MapID: m.ID, AttachType: uapi.AttachSKSKBVerdict},
			map[string]any{"map_id": m.ID})
	})
}

// TestLinkInfoNet is TestLinkInfo for links in a network namespace.
func TestLinkInfoNet(t *testing.T) {
	testkit.Netns(t)
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, kernel string
		attach       func(*bpf.Program) (*bpf.Link, error)
		typ          uapi.LinkType
		want         linkinfo.Detail
	}{
		{"xdp", "5.9", func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachXDP("lo", nil)
		}, uapi.LinkXDP, &linkinfo.XDP{IfIndex: uint32(lo.Index)}},
		{"tcx", "6.6", func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachTCX("lo", uapi.AttachTCXEgress, nil)
		},
			uapi.LinkTCX, &linkinfo.TCX{IfIndex: uint32(lo.Index),
				AttachType: uapi.AttachTCXEgress}},
		{"netfilter", "6.4", func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachNetfilter(uapi.NetfilterIPv4, uapi.NetfilterLocalIn,
				&bpf.NetfilterOptions{Priority: -42})
		}, uapi.LinkNetfilter, &linkinfo.Netfilter{Family: 2, Hook: 1, Priority: -42}},
		{"dissector", "5.8", func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachNetns(kernel.ThreadNetns)
		}, uapi.LinkNetns, nil},
	} {
		if test.kernel != "" && !kernelAtLeast(t, test.kernel) {
			continue
		}
		obj := load(t, only(open(t, "link"), test.name), nil)
		l, err := test.attach(obj.Program(test.name))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		words := map[string]any{"ifindex": lo.Index}
		if test.typ == uapi.LinkNetns {
			var st unix.Stat_t
			if err := unix.Stat(kernel.ThreadNetns, &st); err != nil {
				t.Fatal(err)
			}
			test.want = &linkinfo.Netns{Inode: uint32(st.Ino), AttachType: uapi.AttachFlowDissector}
			words = map[string]any{"netns_ino": st.Ino, "attach_type": "flow_dissector"}
		}
		checkLink(t, l, test.typ, test.want, words)
		closeLink(t, l)
	}
}

// kernelAtLeast reports whether the kernel is that version or newer.
func kernelAtLeast(t testing.TB, version string) bool {
	t.Helper()
	var major, minor, wantMajor, wantMinor int
	fmt.Sscanf(testkit.KernelRelease(), "%d.%d", &major, &minor)
	fmt.Sscanf(version, "%d.%d", &wantMajor, &wantMinor)
	return major > wantMajor || major == wantMajor && minor >= wantMinor
}
