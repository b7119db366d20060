package plan_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/plan"
)

// An unknown feature counts as missing, as in C libbpf. Unlike in libbpf, errors that result from
// it say so. Oracle: the cause that the fake kernel gives, which errors.Is must find.

var errProbe = errors.New("cannot allocate memory")

func TestUnknownFeatures(t *testing.T) {
	o := open(t, "../testdata/sections.bpf.o")
	for _, p := range o.Programs {
		p.Autoload = p.Name == "count" || p.Name == "switched"
	}
	base := targets(t, nil)
	p := resolve(t, o, &fake{btf: base, version: 1,
		unknown: map[facts.Feature]error{facts.GlobalData: errProbe}}, nil)
	if !event(p, plan.EventUnknown, "GLOBAL_DATA", "cannot allocate memory") ||
		!event(p, plan.EventUnknown, "GLOBAL_DATA", facts.GlobalData.Without()) {
		t.Errorf("no event says so: %v", p.Events)
	}
	if event(p, plan.EventProbed, "GLOBAL_DATA", "") {
		t.Errorf("reported as probed, but the probe failed: %v", p.Events)
	}
	m := plannedMap(t, p, "sections.bss")
	if !m.Skip || !errors.Is(m.Err, errProbe) {
		t.Errorf("map: skipped %v, %v", m.Skip, m.Err)
	}
	if list := planned(t, p, "count").Poisons; len(list) == 0 || !errors.Is(list[0].Err, errProbe) {
		t.Errorf("poisons: %v", list)
	}
	// A kernel that is known to lack the feature and an unused map have no such cause.
	p = resolve(t, o, &fake{btf: base, version: 1, lacks: []facts.Feature{facts.GlobalData}}, nil)
	if m := plannedMap(t, p, "sections.bss"); !m.Skip || m.Err != nil {
		t.Errorf("map of a kernel without: skipped %v, %v", m.Skip, m.Err)
	}

	ops := open(t, "ops.o")
	ops.Map("first").Contents = make([]byte, len(ops.Map("first").Contents))
	k := &fake{btf: opsTypes(t, nil, func(b *btf.Builder, fn btf.ID) {
		for i, name := range []string{"ssthresh", "undo_cwnd", "cong_avoid"} {
			b.AddMember(name, fn, uint32(192+64*i), 0)
		}
	}), version: 1, unknown: map[facts.Feature]error{facts.BTFLoad: errProbe}}
	_, err := plan.Resolve(ops, k, nil)
	if e := new(plan.Error); !errors.As(err, &e) || e.Code != plan.CodeNotSupported ||
		!errors.Is(err, errProbe) || strings.Contains(err.Error(), "takes none") {
		t.Errorf("struct_ops: %v", err)
	}
}

// TestSkippedModules resolves names that are in no readable module.
func TestSkippedModules(t *testing.T) {
	refused := []error{syscall.EPERM, errProbe}
	o := open(t, "../object/testdata/externs.o")
	base := kernelTypes(t, "bpf_task_release")
	k := externKernel(base)
	k.skipped = refused
	_, err := plan.Resolve(o, k, nil)
	if !errors.Is(err, syscall.EPERM) || !strings.Contains(err.Error(), "bpf_task_release") ||
		!strings.Contains(err.Error(), "1 more") {
		t.Errorf("kfunc: %v", err)
	}
	k = externKernel(base)
	k.unknown = map[facts.Feature]error{facts.ModuleBTF: errProbe}
	_, err = plan.Resolve(o, k, nil)
	if !errors.Is(err, errProbe) || !strings.Contains(err.Error(), "bpf_task_release") {
		t.Errorf("kfunc, modules not probed: %v", err)
	}
	ops := open(t, "../testdata/structops.bpf.o")
	if _, err = plan.Resolve(ops, &fake{btf: base, version: 1, skipped: refused},
		nil); !errors.Is(err, syscall.EPERM) {
		t.Errorf("struct_ops: %v", err)
	}
	// SEC("tp_btf/sched_switch") is not in this kernel.
	p := resolve(t, open(t, "../testdata/sections.bpf.o"),
		&fake{btf: targets(t, nil), version: 1, skipped: refused}, nil)
	if !event(p, plan.EventSkipped, "modules", "cannot allocate memory") {
		t.Errorf("no event: %v", p.Events)
	}
	if pp := planned(t, p, "switched"); !errors.Is(pp.Err, syscall.EPERM) {
		t.Errorf("attach target: %v", pp.Err)
	}
}
