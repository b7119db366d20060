package network_test

import (
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf/cmd/bpf/internal/network"
	"github.com/purebpf/bpf/cmd/bpf/internal/zoo"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/tc"
)

// TestNet attaches programs to an interface and shows them. The oracle is bpftool. Debian's 7.1
// doesn't know netfilter, whose section is left out; and its list of the flow dissector is no JSON.
func TestNet(t *testing.T) {
	testkit.Netns(t)
	obj := bpftest.Load(t, "../../../../testdata/link.bpf.o", "xdp", "dissector")
	id := strconv.FormatUint(uint64(bpftest.ProgramID(t, obj.Program("xdp"))), 10)
	run := func(line string) string {
		t.Helper()
		out, err := zoo.Run(t, network.Command(), strings.Fields(line)...)
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		return out
	}
	run("attach xdpgeneric id " + id + " dev lo")
	run("attach xdpgeneric id " + id + " dev lo overwrite")
	classifier := bpftest.Load(t, "../../../../testdata/net.bpf.o", "tc_drop").Program("tc_drop")
	if err := (tc.Hook{Interface: "lo", Point: tc.Both}).Create(); err != nil {
		t.Fatal(err)
	}
	hook := tc.Hook{Interface: "lo", Point: tc.Ingress}
	if _, err := tc.Attach(classifier, hook, nil); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"show", "show dev lo"} {
		want := zoo.Parse(t, zoo.Bpftool(t, append([]string{"-j", "net"},
			strings.Fields(line)...)...))
		got := zoo.Parse(t, run(line+" -j"))
		delete(got.([]any)[0].(map[string]any), "netfilter")
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%v\nbpftool:\n%v", line, got, want)
		}
	}
	if err := nolink.SetFlowDissector(obj.Program("dissector")); err != nil {
		t.Fatal(err)
	}
	defer nolink.UnsetFlowDissector(obj.Program("dissector"))
	plain, _, _ := strings.Cut(run("show"), "netfilter:")
	plain = strings.TrimRight(plain, "\n")
	if want := strings.TrimRight(zoo.Bpftool(t, "net", "show"), "\n"); plain != want {
		t.Errorf("%q, bpftool prints %q", plain, want)
	}
	zoo.Parse(t, run("show -j"))
	run("detach xdpgeneric dev lo")
	if out := run("show dev lo"); !strings.HasPrefix(out, "xdp:\n\ntc:\n") {
		t.Errorf("%s", out)
	}

	testkit.Kernel(t, "6.6")
	tcx := bpftest.Load(t, "../../../../testdata/link.bpf.o", "tcx").Program("tcx")
	id = strconv.FormatUint(uint64(bpftest.ProgramID(t, tcx)), 10)
	run("attach tcx_ingress id " + id + " dev lo prepend")
	if out := run("show"); !strings.Contains(out, "lo(1) tcx/ingress tcx prog_id "+id+" \n") {
		t.Errorf("%s", out)
	}
	run("detach tcx_ingress dev lo")
	if out := run("show"); strings.Contains(out, "tcx/ingress") {
		t.Errorf("%s", out)
	}
}

// TestBadInput: errors name what is wrong.
func TestBadInput(t *testing.T) {
	testkit.Netns(t)
	for _, test := range []struct{ line, want string }{
		{"show dev", "name of an interface is missing"},
		{"show dev none0", `there is no interface "none0"`},
		{"show device lo", "only dev"},
		{"attach xpd id 1", "near: xdp"},
		{"attach xdp", "name a program"},
		{"detach xdpgeneric dev lo", "not attached there"},
		{"detach xdpgeneric", "dev"},
	} {
		_, err := zoo.Run(t, network.Command(), strings.Fields(test.line)...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.line, err)
		}
	}
}
