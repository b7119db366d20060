package tc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/tc"
)

// The oracle of this file is the kernel: what filters of testdata/net.bpf.c see of the packets
// that the test sends; beside it tc(8) and bpftool.

// shownByTC lists handle, priority and program of the filters that tc(8) sees.
func shownByTC(t *testing.T, arguments ...string) (list []string, known bool) {
	t.Helper()
	out := testkit.Run(t, "tc",
		append([]string{"-j", "filter", "show", "dev", "lo"}, arguments...)...)
	if out == nil {
		return nil, false
	}
	var all []struct {
		Pref    uint16
		Options struct {
			Handle string
			Prog   struct{ ID uint32 }
		}
	}
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, f := range all {
		if f.Options.Handle != "" {
			list = append(list, fmt.Sprintf("%s/%d/%d", f.Options.Handle, f.Pref,
				f.Options.Prog.ID))
		}
	}
	return list, true
}

func label(f *tc.Filter) string {
	return fmt.Sprintf("%#x/%d/%d", f.Handle, f.Priority, f.ProgramID)
}

// TestAttach makes clsact, attaches in both directions, sees packets, replaces, queries and
// detaches only what is its own.
func TestAttach(t *testing.T) {
	testkit.Netns(t)
	obj := bpftest.Load(t, "../testdata/net.bpf.o", "tc_first", "tc_second", "tc_drop", "xdp_pass")
	first, second, drop := obj.Program("tc_first"), obj.Program("tc_second"), obj.Program("tc_drop")
	runs := runsOf(t, obj)
	both := tc.Hook{Interface: "lo", Point: tc.Both}
	in, out := tc.Hook{Interface: "lo", Point: tc.Ingress},
		tc.Hook{Interface: "lo", Point: tc.Egress}

	if _, err := tc.Attach(first, in, nil); err == nil ||
		!strings.Contains(err.Error(), "tc.Hook.Create") {
		t.Error("no clsact:", err)
	}
	if all, err := in.Filters(); err != nil || len(all) != 0 {
		t.Errorf("%v %v", all, err)
	}
	if err := in.Create(); err != nil {
		t.Fatal(err)
	}
	if err := both.Create(); !errors.Is(err, bpf.ErrExist) {
		t.Error(err)
	}
	for _, hook := range []tc.Hook{in, out} {
		direction := hook.Point.String()
		*runs = [32]uint64{}
		f, err := tc.Attach(first, hook, nil)
		if err != nil {
			t.Fatal(err)
		}
		if f.Handle == 0 || f.Priority == 0 || f.ProgramID != bpftest.ProgramID(t, first) {
			t.Errorf("%+v", f)
		}
		sendUDP(t, 10)
		if runs[netTC1] < 10 {
			t.Errorf("%s: 10 packets, seen %d", direction, runs[netTC1])
		}
		if list, known := shownByTC(t, direction); known &&
			(len(list) != 1 || list[0] != label(f)) {
			t.Errorf("tc says %v, we %v", list, label(f))
		}
		out := string(testkit.Run(t, "bpftool", "net", "show"))
		if !strings.Contains(out,
			fmt.Sprintf("clsact/%s tc_first:[%d] id %[2]d", direction, f.ProgramID)) {
			t.Errorf("bpftool says %s", out)
		}
		if all, err := hook.Filters(); err != nil || len(all) != 1 || label(&all[0]) != label(f) ||
			all[0].Name != fmt.Sprintf("tc_first:[%d]", f.ProgramID) {
			t.Errorf("%+v %v", all, err)
		}
		at := &tc.Options{Handle: f.Handle, Priority: f.Priority}
		if _, err := tc.Attach(second, hook, at); !errors.Is(err, bpf.ErrExist) ||
			!strings.Contains(err.Error(), "(tc_first) is attached there") {
			t.Error(err)
		}
		at.Replace = true
		g, err := tc.Attach(second, hook, at)
		if err != nil || g.Handle != f.Handle || g.Priority != f.Priority {
			t.Fatalf("%+v %v", g, err)
		}
		if err := f.Detach(); !errors.Is(err, bpf.ErrNotExist) ||
			!strings.Contains(err.Error(), "(tc_second) now") {
			t.Error("it takes away another's filter:", err)
		}
		*runs = [32]uint64{}
		sendUDP(t, 1)
		if runs[netTC1] != 0 || runs[netTC2] == 0 {
			t.Errorf("%s: after replacement %v", direction, runs)
		}
		// An earlier one that drops everything: the other sees nothing any more.
		d, err := tc.Attach(drop, hook, &tc.Options{Priority: f.Priority - 1, Handle: 77})
		if err != nil || d.Handle != 77 || d.Priority != f.Priority-1 {
			t.Fatalf("%+v %v", d, err)
		}
		*runs = [32]uint64{}
		sendUDP(t, 1)
		if runs[netTC1] == 0 || runs[netTC2] != 0 {
			t.Errorf("%s: dropped packets go on: %v", direction, runs)
		}
		if q, err := hook.Query(77, d.Priority); err != nil || label(q) != label(d) {
			t.Errorf("%+v %v", q, err)
		}
		if all, err := hook.Filters(); err != nil || len(all) != 2 || label(&all[0]) != label(d) ||
			label(&all[1]) != label(g) {
			t.Errorf("%+v %v", all, err)
		}
		if err := d.Detach(); err != nil {
			t.Error(err)
		}
		if err := d.Detach(); err == nil {
			t.Error("detached twice")
		}
		if _, err := hook.Query(77, d.Priority); !errors.Is(err, bpf.ErrNotExist) {
			t.Error(err)
		}
		if all, err := hook.Filters(); err != nil || len(all) != 1 {
			t.Errorf("%+v %v", all, err)
		}
	}
	if err := in.Destroy(); err != nil { // only what is in that direction
		t.Error(err)
	}
	if all, err := in.Filters(); err != nil || len(all) != 0 {
		t.Errorf("%+v %v", all, err)
	}
	if all, err := out.Filters(); err != nil || len(all) != 1 {
		t.Errorf("%+v %v", all, err)
	}
	if err := both.Destroy(); err != nil {
		t.Error(err)
	}
	if err := both.Destroy(); err == nil {
		t.Error("destroyed twice")
	}
}

// TestGone: a filter that is gone doesn't exist, also where the kernel answers EINVAL because no
// other filter or no discipline is left; and Destroy takes no hook for another. The oracle is the
// kernel's list of filters, and libbpf, which refuses a parent of a direction.
func TestGone(t *testing.T) {
	testkit.Netns(t)
	p := bpftest.Load(t, "../testdata/net.bpf.o", "tc_first").Program("tc_first")
	in, both := tc.Hook{Interface: "lo", Point: tc.Ingress},
		tc.Hook{Interface: "lo", Point: tc.Both}
	gone := func(f *tc.Filter) {
		t.Helper()
		if all, err := in.Filters(); err != nil || len(all) != 0 {
			t.Errorf("%+v, %v", all, err)
		}
		if err := f.Detach(); !errors.Is(err, bpf.ErrNotExist) {
			t.Error(err)
		}
		if _, err := in.Query(f.Handle, f.Priority); !errors.Is(err, bpf.ErrNotExist) {
			t.Error(err)
		}
	}
	gone(&tc.Filter{Hook: in, Handle: 1, Priority: 1})
	if err := in.Create(); err != nil {
		t.Fatal(err)
	}
	f, err := tc.Attach(p, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := (tc.Hook{Interface: "lo", Point: tc.Ingress,
		Parent: 1 << 16}).Destroy(); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
	if err := f.Detach(); err != nil { // the kernel removes the empty list
		t.Fatal(err)
	}
	gone(f)
	if f, err = tc.Attach(p, in, nil); err != nil {
		t.Fatal(err)
	}
	if err := both.Destroy(); err != nil {
		t.Fatal(err)
	}
	gone(f)
}

// TestQdisc: filters of other queueing disciplines.
func TestQdisc(t *testing.T) {
	for _, kind := range []struct {
		name           string
		parent, handle uint32
		shown          string // parent of filters, as tc(8) writes it
	}{
		{"ingress", 0xfffffff1, 0xffff0000, "ffff:"},
		{"fq_codel", 0xffffffff, 1 << 16, "1:"},
	} {
		t.Run(kind.name, func(t *testing.T) {
			testkit.Netns(t)
			obj := bpftest.Load(t, "../testdata/net.bpf.o", "tc_first")
			runs := runsOf(t, obj)
			qdisc := tc.Hook{Interface: "lo", Point: tc.Qdisc, Qdisc: kind.name,
				Parent: kind.parent, Handle: kind.handle}
			if err := qdisc.Create(); err != nil {
				if kind.name != "ingress" && errors.Is(err, bpf.ErrNotExist) {
					testkit.Skip(t, "no queueing discipline %s: %v", kind.name, err)
				}
				t.Fatal(err)
			}
			if err := qdisc.Create(); !errors.Is(err, bpf.ErrExist) {
				t.Error(err)
			}
			custom := tc.Hook{Interface: "lo", Point: tc.Custom, Parent: kind.handle}
			f, err := tc.Attach(obj.Program("tc_first"), custom, &tc.Options{Priority: 5})
			if err != nil {
				t.Fatal(err)
			}
			sendUDP(t, 3)
			if runs[netTC1] < 3 {
				t.Errorf("3 packets, seen %d", runs[netTC1])
			}
			if list, known := shownByTC(t, "parent", kind.shown); known &&
				(len(list) != 1 || list[0] != label(f)) {
				t.Errorf("tc says %v, we %v", list, label(f))
			}
			if err := f.Detach(); err != nil {
				t.Error(err)
			}
			for _, err := range []error{custom.Create(), custom.Destroy()} {
				if !errors.Is(err, bpf.ErrNotSupported) {
					t.Error(err)
				}
			}
			if err := qdisc.Destroy(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRefused: what libbpf refuses too, and what the kernel does, in its own words.
func TestRefused(t *testing.T) {
	testkit.Netns(t)
	obj := bpftest.Load(t, "../testdata/net.bpf.o", "tc_first", "xdp_pass")
	p := obj.Program("tc_first")
	in := tc.Hook{Interface: "lo", Point: tc.Ingress}
	if err := in.Create(); err != nil {
		t.Fatal(err)
	}
	wants := func(err error, is error, text string) {
		t.Helper()
		if !errors.Is(err, is) || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, not %v %q", err, is, text)
		}
	}
	set := func(p *bpf.Program, hook tc.Hook) error { return second(tc.Attach(p, hook, nil)) }
	wants(set(p, tc.Hook{Interface: "absent0", Point: tc.Ingress}), bpf.ErrNotExist, "absent0")
	wants(tc.Hook{Interface: "absent0", Point: tc.Ingress}.Create(), bpf.ErrNotExist, "absent0")
	wants(set(p, tc.Hook{Interface: "lo", Point: tc.Both}), syscall.EINVAL, "not both")
	wants(set(p, tc.Hook{Interface: "lo", Point: tc.Qdisc}), syscall.EINVAL, "not qdisc")
	wants(set(p, tc.Hook{Interface: "lo", Point: tc.Custom}), syscall.EINVAL,
		"custom takes a parent")
	wants(set(p, tc.Hook{Interface: "lo", Point: tc.Egress, Parent: 1}), syscall.EINVAL,
		"parent of its own")
	wants(tc.Hook{Interface: "lo", Point: tc.Ingress, Parent: 1}.Create(), syscall.EINVAL,
		"parent of its own")
	wants(tc.Hook{Interface: "lo", Point: tc.Ingress, Handle: 1 << 16}.Create(), syscall.EINVAL,
		"qdisc")
	wants(set(p, tc.Hook{Interface: "lo", Point: tc.Ingress, Qdisc: "prio"}), syscall.EINVAL,
		"qdisc")
	wants(tc.Hook{Interface: "lo"}.Create(), syscall.EINVAL, "Point(0)")
	wants(tc.Hook{Interface: "lo", Point: 64}.Destroy(), syscall.EINVAL, "Point(64)")
	wants(second(in.Query(0, 1)), syscall.EINVAL, "handle")
	wants(set(obj.Program("tc_second"), in), syscall.EINVAL, "was not loaded")
	wants(set(obj.Program("xdp_pass"), in), syscall.EINVAL,
		"the program is of type xdp, want sched_cls")
	wants(tc.Hook{Interface: "lo", Point: tc.Qdisc, Qdisc: "no_such", Parent: 0xffffffff}.Create(),
		bpf.ErrNotExist, "Specified qdisc kind is unknown")
}

// TestIngressDiscipline: the discipline ingress takes filters of both directions and puts all of
// them on ingress. The oracle is tc(8), which makes the discipline and shows where filters are.
func TestIngressDiscipline(t *testing.T) {
	testkit.Netns(t)
	p := bpftest.Load(t, "../testdata/net.bpf.o", "tc_first").Program("tc_first")
	in, out := tc.Hook{Interface: "lo", Point: tc.Ingress},
		tc.Hook{Interface: "lo", Point: tc.Egress}
	both := tc.Hook{Interface: "lo", Point: tc.Both}
	testkit.Run(t, "tc", "qdisc", "add", "dev", "lo", "ingress")
	shown := func() int {
		list, _ := shownByTC(t, "ingress")
		return len(list)
	}
	wants := func(err, is error, says string) {
		t.Helper()
		if !errors.Is(err, is) || errors.Is(err, bpf.ErrExist) ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("%v; not %v with %q", err, is, says)
		}
	}
	wants(out.Create(), bpf.ErrNotSupported, "lo has the discipline ingress, which has no egress")
	wants(both.Create(), bpf.ErrNotSupported, "lo has the discipline ingress, which has no egress")
	if err := in.Create(); !errors.Is(err, bpf.ErrExist) {
		t.Error(err)
	}
	_, err := tc.Attach(p, out, nil)
	wants(err, bpf.ErrNotSupported, "use tcx")
	custom := tc.Hook{Interface: "lo", Point: tc.Custom, Parent: 0xfffffff3}
	_, err = tc.Attach(p, custom, nil)
	wants(err, bpf.ErrNotSupported, "use tcx")
	if shown() != 0 {
		t.Fatal("an egress filter is on ingress")
	}
	f, err := tc.Attach(p, in, &tc.Options{Handle: 7, Priority: 9})
	if err != nil || shown() != 1 {
		t.Fatal(err, shown())
	}
	if all, err := out.Filters(); err != nil || len(all) != 0 {
		t.Errorf("filters of a direction that isn't there: %v, %v", all, err)
	}
	if f, err := out.Query(7, 9); !errors.Is(err, bpf.ErrNotExist) {
		t.Errorf("a filter of a direction that isn't there: %+v, %v", f, err)
	}
	wants(out.Destroy(), bpf.ErrNotSupported, "no egress")
	if err := both.Destroy(); err == nil || shown() != 1 {
		t.Errorf("somebody's discipline: %v, %d filters", err, shown())
	}
	if err := f.Detach(); err != nil || shown() != 0 {
		t.Error(err, shown())
	}
}

// TestForeignHandle: a user's own discipline may have clsact's handle, and then takes what is
// meant for clsact.
func TestForeignHandle(t *testing.T) {
	testkit.Netns(t)
	p := bpftest.Load(t, "../testdata/net.bpf.o", "tc_first").Program("tc_first")
	if errno := rtnl.TCQdiscAdd(loopback(t), "htb", 0xffffffff, 0xffff0000); errno != nil {
		testkit.Skip(t, "the kernel has no htb: %v", errno)
	}
	testkit.Run(t, "tc", "class", "add", "dev", "lo", "parent", "ffff:", "classid", "ffff:fff2",
		"htb", "rate", "1mbit")
	hook := tc.Hook{Interface: "lo", Point: tc.Ingress}
	for what, err := range map[string]error{
		"create":  hook.Create(),
		"destroy": hook.Destroy(),
		"attach":  func() error { _, err := tc.Attach(p, hook, nil); return err }(),
		"other": tc.Hook{Interface: "lo", Point: tc.Qdisc, Qdisc: "pfifo", Parent: 0xffffffff,
			Handle: 0xffff0000}.Create(),
	} {
		if !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), "the discipline htb") {
			t.Errorf("%s: %v", what, err)
		}
	}
	same := tc.Hook{Interface: "lo", Point: tc.Qdisc, Qdisc: "htb", Parent: 0xffffffff,
		Handle: 0xffff0000}
	if err := same.Create(); !errors.Is(err, bpf.ErrExist) {
		t.Error("the same discipline:", err)
	}
	if out := testkit.Run(t, "tc", "filter", "show", "dev", "lo",
		"parent", "ffff:fff2"); len(out) != 0 {
		t.Errorf("a filter for incoming packets is at a class for outgoing ones: %s", out)
	}
}
