package inspect_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/tc"
	"github.com/purebpf/bpf/uapi"
)

// TestNetwork finds what is attached to the interface of a network namespace. The oracle is
// bpftool, except for what version 7.1 doesn't know: tcx, with the program that was attached.
func TestNetwork(t *testing.T) {
	testkit.Netns(t)
	obj := bpftest.Load(t, "../testdata/link.bpf.o", "xdp", "dissector")
	if _, err := nolink.SetXDP(obj.Program("xdp"), "lo",
		&nolink.XDPOptions{Mode: bpf.XDPGeneric}); err != nil {
		t.Fatal(err)
	}
	if err := nolink.SetFlowDissector(obj.Program("dissector")); err != nil {
		t.Fatal(err)
	}
	classifier := bpftest.Load(t, "../testdata/net.bpf.o", "tc_drop").Program("tc_drop")
	if err := (tc.Hook{Interface: "lo", Point: tc.Both}).Create(); err != nil {
		t.Fatal(err)
	}
	for _, point := range []tc.Point{tc.Ingress, tc.Egress} {
		hook := tc.Hook{Interface: "lo", Point: point}
		if _, err := tc.Attach(classifier, hook, nil); err != nil {
			t.Fatal(err)
		}
	}
	n, err := inspect.ReadNetwork("")
	if err != nil || len(n.Interfaces) == 0 {
		t.Fatalf("%+v %v", n, err)
	}
	if one, err := inspect.ReadNetwork("lo"); err != nil || len(one.Interfaces) != 1 {
		t.Errorf("%+v %v", one, err)
	}
	lo := n.Interfaces[0]

	type xdp struct {
		Devname string
		Ifindex int
		Mode    string
		ID      uint32
	}
	type filter struct {
		Devname, Kind, Name string
		Ifindex             int
		ID                  uint32
	}
	var want []struct {
		XDP []xdp
		TC  []filter
	}
	// bpftool's list of the flow dissector is no valid JSON.
	id := bpftest.ProgramID(t, obj.Program("dissector"))
	if len(n.FlowDissector) != 1 || n.FlowDissector[0].ProgramID != id {
		t.Errorf("flow dissector %+v, attached is program %d", n.FlowDissector, id)
	}
	if err := nolink.UnsetFlowDissector(obj.Program("dissector")); err != nil {
		t.Fatal(err)
	}
	out := testkit.Run(t, "bpftool", "-j", "net", "show")
	if err := json.Unmarshal(out, &want); err != nil || len(want) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	var gotXDP []xdp
	modes := map[bpf.XDPMode]string{bpf.XDPGeneric: "generic", bpf.XDPNative: "driver"}
	for _, p := range lo.XDP {
		gotXDP = append(gotXDP, xdp{lo.Name, lo.Index, modes[p.Mode], p.ProgramID})
	}
	if !slices.Equal(gotXDP, want[0].XDP) {
		t.Errorf("%+v, bpftool says %+v", gotXDP, want[0].XDP)
	}
	var gotTC []filter
	for _, f := range lo.Filters {
		gotTC = append(gotTC, filter{lo.Name, f.Place, f.Name, lo.Index, f.ProgramID})
	}
	if !slices.Equal(gotTC, want[0].TC) || len(gotTC) != 2 {
		t.Errorf("%+v, bpftool says %+v", gotTC, want[0].TC)
	}

	testkit.Kernel(t, "6.6")
	tcx := bpftest.Load(t, "../testdata/link.bpf.o", "tcx").Program("tcx")
	link, err := tcx.AttachTCX("lo", uapi.AttachTCXIngress, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	if n, err = inspect.ReadNetwork("lo"); err != nil {
		t.Fatal(err)
	}
	hooks := n.Interfaces[0].Hooks
	if len(hooks) != 1 || hooks[0].Where != uapi.AttachTCXIngress ||
		len(hooks[0].Programs) != 1 ||
		hooks[0].Programs[0].ProgramID != bpftest.ProgramID(t, tcx) {
		t.Errorf("%+v", hooks)
	}
}

// TestNetworkIngress has the older queueing discipline for incoming packets, which returns its
// filters under several names. The oracle is what was attached.
func TestNetworkIngress(t *testing.T) {
	testkit.Netns(t)
	if err := rtnl.TCQdiscAdd(1, "ingress", 0xfffffff1, 0xffff0000); err != nil {
		t.Fatal(err)
	}
	classifier := bpftest.Load(t, "../testdata/net.bpf.o", "tc_drop").Program("tc_drop")
	if _, err := tc.Attach(classifier, tc.Hook{Interface: "lo", Point: tc.Ingress},
		nil); err != nil {
		t.Fatal(err)
	}
	n, err := inspect.ReadNetwork("lo")
	if err != nil || len(n.Interfaces) != 1 {
		t.Fatalf("%+v %v", n, err)
	}
	if list := n.Interfaces[0].Filters; len(list) != 1 || list[0].Place != "ingress" ||
		list[0].ProgramID != bpftest.ProgramID(t, classifier) {
		t.Errorf("%+v", list)
	}
}
