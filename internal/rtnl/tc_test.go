//go:build linux

package rtnl_test

import (
	"encoding/json"
	"errors"
	"net"
	"os/exec"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
)

// tcFilter is what "tc -j filter show" says; the oracle of this file is the kernel, and iproute2.
type tcFilter struct {
	Pref    uint16
	Options struct {
		Handle string
		Name   string `json:"bpf_name"`
		Direct bool   `json:"direct-action"`
		Prog   struct{ ID uint32 }
	}
}

func tc(t *testing.T, direction string) (list []tcFilter) {
	t.Helper()
	out, err := exec.Command(testkit.Tool(t, "tc"), "-j", "filter", "show", "dev", "lo",
		direction).Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []tcFilter
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for _, f := range all {
		if f.Options.Handle != "" {
			list = append(list, f)
		}
	}
	return list
}

func TestClassicTC(t *testing.T) {
	testkit.Netns(t)
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	prog, count := counter(t)
	other, _ := counter(t)
	id := func(fd *sys.FD) uint32 {
		info, err := sys.ProgInfoByFD(fd.Int())
		if err != nil {
			t.Fatal(err)
		}
		return info.ID
	}
	f := &rtnl.TCFilter{IfIndex: lo.Index, Parent: rtnl.TCIngress, ProgFD: prog.Int(),
		Name: "test:[1]"}
	if err := rtnl.TCAttach(f, false); !errors.Is(err, syscall.EINVAL) &&
		!errors.Is(err, syscall.ENOENT) {
		t.Errorf("attach without clsact: %v", err)
	}
	if err := rtnl.TCClsactAdd(lo.Index); err != nil {
		t.Fatal(err)
	}
	if err := rtnl.TCClsactAdd(lo.Index); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("second clsact: %v", err)
	}
	if err := rtnl.TCAttach(f, false); err != nil {
		t.Fatal(err)
	}
	if f.Handle == 0 || f.Priority == 0 || f.ProgID != id(prog) {
		t.Errorf("the kernel didn't say what it made: %+v", f)
	}
	list := tc(t, "ingress")
	if len(list) != 1 || list[0].Pref != f.Priority || list[0].Options.Prog.ID != f.ProgID ||
		list[0].Options.Name != "test:[1]" || !list[0].Options.Direct {
		t.Errorf("%+v, tc says %+v", f, list)
	}
	ping(t)
	if count() == 0 {
		t.Error("no packet seen")
	}
	again := *f
	again.ProgFD = other.Int()
	if err := rtnl.TCAttach(&again, false); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("same handle and priority: %v", err)
	}
	if err := rtnl.TCAttach(&again, true); err != nil || again.ProgID != id(other) {
		t.Errorf("replace: %v, %+v", err, again)
	}
	query := rtnl.TCFilter{IfIndex: lo.Index, Parent: rtnl.TCIngress, Handle: f.Handle,
		Priority: f.Priority}
	if err := rtnl.TCQuery(&query); err != nil || query.ProgID != id(other) {
		t.Errorf("query: %v, %+v", err, query)
	}
	egress := &rtnl.TCFilter{IfIndex: lo.Index, Parent: rtnl.TCEgress, Handle: 7, Priority: 9,
		ProgFD: prog.Int(), Name: "out"}
	if err := rtnl.TCAttach(egress, false); err != nil || egress.Handle != 7 ||
		egress.Priority != 9 {
		t.Errorf("egress: %v, %+v", err, egress)
	}
	if list := tc(t, "egress"); len(list) != 1 || list[0].Options.Handle != "0x7" ||
		list[0].Pref != 9 {
		t.Errorf("tc says %+v", list)
	}
	listed, err := rtnl.TCFilters(lo.Index, rtnl.TCIngress)
	if err != nil || len(listed) != 1 || listed[0].Handle != f.Handle ||
		listed[0].Priority != f.Priority || listed[0].ProgID != id(other) ||
		listed[0].Parent != rtnl.TCIngress || listed[0].IfIndex != lo.Index ||
		listed[0].Name != "test:[1]" {
		t.Errorf("list: %+v %v", listed, err)
	}
	if err := rtnl.TCDetach(f); err != nil {
		t.Errorf("detach: %v", err)
	}
	if err := rtnl.TCDetach(f); !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.EINVAL) {
		t.Errorf("second detach: %v", err)
	}
	if err := rtnl.TCQuery(&query); !errors.Is(err, syscall.ENOENT) &&
		!errors.Is(err, syscall.EINVAL) {
		t.Errorf("query of nothing: %v", err)
	}
	if err := rtnl.TCFlush(lo.Index, rtnl.TCEgress); err != nil || len(tc(t, "egress")) != 0 {
		t.Errorf("flush: %v", err)
	}
	if err := rtnl.TCClsactDel(lo.Index); err != nil {
		t.Errorf("remove clsact: %v", err)
	}
	err = rtnl.TCClsactDel(lo.Index)
	if !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
		t.Errorf("remove it again: %v", err)
	}
	var refused *rtnl.Error
	if errors.As(err, &refused); refused == nil || refused.Message == "" {
		t.Errorf("no words from the kernel: %v", err)
	}
}
