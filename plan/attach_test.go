package plan_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// targets builds kernel BTF with functions and trace typedefs, split over base unless base is nil.
func targets(t testing.TB, base *btf.Spec, funcs ...string) *btf.Spec {
	t.Helper()
	b := btf.NewBuilder(base)
	i := b.AddInt("long", 8, btf.Signed)
	proto := b.AddFuncProto(i)
	b.AddParam("ctx", i)
	for _, name := range funcs {
		if strings.HasPrefix(name, "btf_trace_") {
			b.AddTypedef(name, b.AddPtr(proto))
		} else {
			b.AddFunc(name, btf.LinkageGlobal, proto)
		}
	}
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAttachTargetsNear checks that a misspelt target yields proposals of the kind that the program
// attaches to. Oracle: the names that the BTF was made of.
func TestAttachTargetsNear(t *testing.T) {
	base := targets(t, nil, "vfs_read", "vfs_write", "btf_trace_sched_switch", "bpf_lsm_file_open",
		"bpf_iter_task", "sched_switcg", "file_opem", "taks")
	one := &facts.Module{Name: "ext4", ID: 5,
		BTF: targets(t, base, "vfs_rea", "btf_trace_ext4_event")}
	k := &fake{btf: base, modules: []*facts.Module{one}, version: 1}
	for _, row := range []struct{ prog, target, end string }{
		{"do_fentry", "vfs_raed", "vmlinux or any module; near: vfs_read, vfs_rea"},
		{"do_fentry", "vmlinux:vfs_wrote", "vmlinux or any module; near: vfs_write"},
		{"do_fentry", "ext4:vfs_reat", "module ext4; near: vfs_rea"},
		{"do_fentry", "ext5:vfs_read", "module ext5, which is not loaded"},
		{"do_fentry", "nothing_like_it", "vmlinux or any module"},
		{"do_tp_btf", "sched_swich", "vmlinux or any module; near: sched_switch"},
		{"do_tp_btf", "ext4_evnt", "vmlinux or any module; near: ext4_event"},
		{"do_lsm", "file_opne", "vmlinux or any module; near: file_open"},
		{"do_iter", "tasks", "vmlinux or any module; near: task"},
	} {
		o := open(t, "probes.o")
		only(o, row.prog).AttachTarget = row.target
		p := planned(t, resolve(t, o, k, nil), row.prog)
		if p.Err == nil || !strings.HasSuffix(p.Err.Error(), "is not in the BTF of "+row.end) {
			t.Errorf("%s at %s: %v", row.prog, row.target, p.Err)
		}
	}
}

// Oracle: libbpf's naming of BTF targets and its search order (vmlinux first, then modules; module
// names are compared whole), stated per row.
func TestAttachTargets(t *testing.T) {
	base := targets(t, nil, "vfs_read", "vfs_write", "both", "btf_trace_sched_switch",
		"bpf_lsm_file_open", "bpf_iter_task", "sched_switch", "file_open", "task")
	one := &facts.Module{Name: "ext4", ID: 5,
		BTF: targets(t, base, "in_module", "both", "btf_trace_ext4_event")}
	two := &facts.Module{Name: "ext4_more", ID: 6, BTF: targets(t, base, "in_more")}
	k := &fake{btf: base, modules: []*facts.Module{one, two}, version: 1}
	for _, row := range []struct {
		prog, target string
		in           *facts.Module
		name         string
		kind         btf.Kind
		code         plan.Code // 0: found
	}{
		{"do_fentry", "vfs_read", nil, "vfs_read", btf.KindFunc, 0},
		{"do_fentry", "vmlinux:vfs_read", nil, "vfs_read", btf.KindFunc, 0},
		{"do_fentry", "both", nil, "both", btf.KindFunc, 0},
		{"do_fentry", "ext4:both", one, "both", btf.KindFunc, 0},
		{"do_fentry", "in_module", one, "in_module", btf.KindFunc, 0},
		{"do_fentry", "vmlinux:in_module", one, "in_module", btf.KindFunc, 0},
		{"do_fentry", "ext4:in_more", nil, "", 0, plan.CodeNotFound},
		// libbpf takes the prefix of a module's name, by mistake
		{"do_fentry", "ext:in_module", nil, "", 0, plan.CodeNotFound},
		{"do_fentry", "ext4_more:in_more", two, "in_more", btf.KindFunc, 0},
		{"do_fentry", "ext4:vfs_read", nil, "", 0, plan.CodeNotFound},
		{"do_fentry", "nowhere", nil, "", 0, plan.CodeNotFound},
		{"do_fentry", "", nil, "", 0, plan.CodeInvalid},
		{"do_fentry", strings.Repeat("x", 128), nil, "", 0, plan.CodeNameTooLong},
		{"do_tp_btf", "sched_switch", nil, "btf_trace_sched_switch", btf.KindTypedef, 0},
		{"do_tp_btf", "ext4_event", one, "btf_trace_ext4_event", btf.KindTypedef, 0},
		{"do_lsm", "file_open", nil, "bpf_lsm_file_open", btf.KindFunc, 0},
		{"do_iter", "task", nil, "bpf_iter_task", btf.KindFunc, 0},
		{"do_iter", "vfs_read", nil, "", 0, plan.CodeNotFound},
	} {
		o := open(t, "probes.o")
		only(o, row.prog).AttachTarget = row.target
		p := planned(t, resolve(t, o, k, nil), row.prog)
		var e *plan.Error
		switch {
		case row.code == 0 && p.Err != nil:
			t.Errorf("%s at %s: %v", row.prog, row.target, p.Err)
		case row.code == 0:
			spec := base
			if row.in != nil {
				spec = row.in.BTF
			}
			var want btf.ID
			for id := spec.FirstID(); id < spec.Len(); id++ {
				if x, _ := spec.Type(id); x.Name() == row.name && x.Kind() == row.kind {
					want = id
				}
			}
			if p.AttachBTFID != want || p.AttachModule != row.in {
				t.Errorf("%s at %s: id %d in %v, want %d in %v", row.prog, row.target,
					p.AttachBTFID, p.AttachModule, want, row.in)
			}
			if !strings.Contains(p.Target, row.name) {
				t.Errorf("%s at %s: target is described as %q", row.prog, row.target, p.Target)
			}
		case !errors.As(p.Err, &e) || e.Code != row.code:
			t.Errorf("%s at %s: %v, want code %d", row.prog, row.target, p.Err, row.code)
		}
	}
	o := open(t, "probes.o")
	p := only(o, "do_fentry")
	p.Sec, p.AttachTarget = "fentry/", ""
	var e *plan.Error
	if err := planned(t, resolve(t, o, k, nil), p.Name).Err; !errors.As(err, &e) ||
		e.Code != plan.CodeNotFound {
		t.Errorf("SEC(%q): %v", p.Sec, err)
	}
}

// only keeps one program of an object to load.
func only(o *object.Object, name string) *object.Program {
	for _, p := range o.Programs {
		p.Autoload = p.Name == name
	}
	return o.Program(name)
}

// Oracle: libbpf's rules for programs that attach to programs.
func TestAttachToProgram(t *testing.T) {
	target := targets(t, nil, "victim", "other")
	asked := 0
	opts := &plan.Options{ProgramBTF: func(fd int) (*btf.Spec, error) {
		asked++
		if fd != 42 {
			return nil, errFake
		}
		return target, nil
	}}
	load := func(change func(*object.Program)) *plan.Program {
		o := open(t, "probes.o")
		p := only(o, "do_fentry")
		p.AttachTarget, p.AttachProgFD = "victim", 42
		change(p)
		return planned(t, resolve(t, o, &fake{version: 1}, opts), "do_fentry")
	}
	p := load(func(*object.Program) {})
	if want, _ := target.FindByName("victim", btf.KindFunc); p.Err != nil ||
		p.AttachBTFID != want || p.AttachProgFD != 42 || p.AttachModule != nil {
		t.Errorf("%v: id %d, fd %d", p.Err, p.AttachBTFID, p.AttachProgFD)
	}
	if p = load(func(p *object.Program) { p.AttachTarget = "nobody" }); p.Err == nil ||
		!strings.Contains(p.Err.Error(), "nobody") {
		t.Errorf("no such function: %v", p.Err)
	}
	if p = load(func(p *object.Program) { p.AttachProgFD = 43 }); !errors.Is(p.Err, errFake) {
		t.Errorf("a program whose BTF cannot be read: %v", p.Err)
	}
	p = load(func(p *object.Program) {
		p.Type, p.Def, p.AttachProgFD = uapi.ProgExt, object.MatchSec("freplace/victim"), 0
	})
	if p.Err == nil || !strings.Contains(p.Err.Error(), "AttachProgFD") {
		t.Errorf("freplace without program: %v", p.Err)
	}
	if asked != 3 {
		t.Errorf("BTF of programs was asked for %d times", asked)
	}
}

// Oracle: libbpf's SEC_* flags as the row states them, and what a missing feature removes.
func TestSecFlags(t *testing.T) {
	base := targets(t, nil, "bpf_lsm_bpf", "bpf_lsm_socket_bind")
	for _, row := range []struct {
		prog   string
		lacks  []facts.Feature
		attach uapi.AttachType
		flags  uapi.ProgFlags
	}{
		{"do_frags", nil, uapi.AttachXDP, uapi.FXDPHasFrags},
		// xdp.frags came later than the attribute
		{"do_frags", []facts.Feature{facts.ExpAttachType}, uapi.AttachXDP, uapi.FXDPHasFrags},
		{"do_optional", nil, uapi.AttachXDP, 0},
		{"do_optional", []facts.Feature{facts.ExpAttachType}, 0, 0},
		{"do_sockops", []facts.Feature{facts.ExpAttachType}, 0, 0},
		{"do_sleepable", nil, 0, uapi.FSleepable},
		{"do_lsm_sleepable", nil, uapi.AttachLSMMac, uapi.FSleepable},
		{"do_lsm_cgroup", nil, uapi.AttachLSMCgroup, 0},
		{"do_usdt", nil, uapi.AttachTraceUprobeMulti, 0},
		{"do_usdt", []facts.Feature{facts.UprobeMultiLink}, 0, 0},
	} {
		o := open(t, "probes.o")
		only(o, row.prog).Flags = uapi.FAnyAlignment
		p := planned(t, resolve(t, o, &fake{btf: base, version: 1, lacks: row.lacks}, nil),
			row.prog)
		if p.Err != nil || p.ExpectedAttachType != row.attach ||
			p.Flags != row.flags|uapi.FAnyAlignment {
			t.Errorf("%s without %v: attach type %v, flags %#x, %v", row.prog, row.lacks,
				p.ExpectedAttachType, p.Flags, p.Err)
		}
	}
	// Another type disables the row.
	o := open(t, "probes.o")
	only(o, "do_lsm_sleepable").Type = uapi.ProgSyscall
	p := planned(t, resolve(t, o, &fake{version: 1}, nil), "do_lsm_sleepable")
	if p.Flags != 0 || p.AttachBTFID != 0 || p.Err != nil {
		t.Errorf("flags %#x, target %d, %v", p.Flags, p.AttachBTFID, p.Err)
	}
}

// opsTypes builds BTF over base with the struct_ops type of ops.o: the members it always has and
// those that change adds.
func opsTypes(t testing.TB, base *btf.Spec, change func(b *btf.Builder, fn btf.ID)) *btf.Spec {
	t.Helper()
	b := btf.NewBuilder(base)
	c := b.AddInt("char", 1, btf.Signed)
	u32 := b.AddInt("u32", 4, 0)
	name := b.AddArray(u32, c, 16)
	proto := b.AddFuncProto(u32)
	fn := b.AddPtr(proto)
	_ = name
	st := b.AddStruct("tcp_congestion_ops", 64)
	b.AddMember("owner", fn, 0, 0)
	b.AddMember("name", name, 64, 0)
	change(b, fn)
	b.AddStruct("bpf_struct_ops_tcp_congestion_ops", 128)
	b.AddMember("common", u32, 0, 0)
	b.AddMember("data", st, 512, 0)
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A struct_ops type that only a module has: the ids, flag and module of its BTF. Oracle: the
// contract of value_type_btf_obj_fd in linux/bpf.h and libbpf's error rules, per case.
func TestModuleStructOps(t *testing.T) {
	base := targets(t, nil, "something")
	callbacks := func(b *btf.Builder, fn btf.ID) {
		for i, name := range []string{"ssthresh", "undo_cwnd", "cong_avoid", "flags"} {
			b.AddMember(name, fn, uint32(192+64*i), 0)
		}
	}
	mod := &facts.Module{Name: "tcp_x", ID: 4,
		BTF: opsTypes(t, base, func(b *btf.Builder, fn btf.ID) {
			b.AddMember("ssthresh", fn, 192, 0)
			b.AddMember("undo_cwnd", fn, 256, 0)
			b.AddMember("cong_avoid", fn, 320, 0)
		})}
	o := open(t, "ops.o")
	// This kernel lacks flags.
	o.Map("first").Contents = make([]byte, len(o.Map("first").Contents))
	p := resolve(t, o, &fake{btf: base, modules: []*facts.Module{mod}, version: 1}, nil)
	m := plannedMap(t, p, "first")
	if m.KernelModule != mod || m.ValueSize != 128 || m.Flags&uapi.FVtypeBtfObjFD == 0 ||
		m.KernelValueType < mod.BTF.FirstID() {
		t.Errorf("%+v", m)
	}
	offsets := map[string]uint32{}
	for _, s := range m.FuncSlots {
		offsets[s.Program.Spec.Name] = s.Offset
	}
	if len(offsets) != 3 || offsets["do_ssthresh"] != 64+24 || offsets["do_undo"] != 64+32 ||
		offsets["do_off"] != 64+40 {
		t.Errorf("slots %v", offsets)
	}
	prog := planned(t, p, "do_undo")
	if prog.AttachModule != mod || prog.ExpectedAttachType != 3 {
		t.Errorf("program: module %v, member %d", prog.AttachModule, prog.ExpectedAttachType)
	}
	if !event(p, plan.EventSkipped, "first", "flags") {
		t.Errorf("events %v", p.Events)
	}

	for name, bad := range map[string]func(b *btf.Builder, fn btf.ID){
		// no such callback here, and the object sets it
		"ssthresh": func(b *btf.Builder, fn btf.ID) {
			b.AddMember("undo_cwnd", fn, 192, 0)
			b.AddMember("cong_avoid", fn, 256, 0)
		},
		"undo_cwnd": func(b *btf.Builder, fn btf.ID) { // no pointer
			b.AddMember("ssthresh", fn, 192, 0)
			b.AddMember("undo_cwnd", 2, 256, 0)
		},
		"flags": callbacks, // a pointer there, a number here
	} {
		mod := &facts.Module{Name: "tcp_x", BTF: opsTypes(t, base, bad)}
		var e *plan.Error
		o := open(t, "ops.o")
		if name != "flags" {
			o.Map("first").Contents = make([]byte, len(o.Map("first").Contents))
		}
		if _, err := plan.Resolve(o, &fake{btf: base, modules: []*facts.Module{mod}, version: 1},
			nil); !errors.As(err, &e) ||
			e.Code != plan.CodeNotSupported || !strings.Contains(err.Error(), "member "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := plan.Resolve(open(t, "ops.o"), &fake{btf: base, version: 1}, nil); err == nil ||
		!strings.Contains(err.Error(), "tcp_congestion_ops") {
		t.Errorf("a kernel without the type: %v", err)
	}
	// Proposals are the kernel's value types, of vmlinux and of modules.
	b := btf.NewBuilder(base)
	b.AddStruct("bpf_struct_ops_tcp_congestion_op", 64)
	b.AddStruct("tcp_congestion_oops", 64) // not a struct_ops type
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Resolve(open(t, "ops.o"),
		&fake{btf: base, modules: []*facts.Module{{Name: "tcp_x", BTF: s}},
			version: 1}, nil); err == nil ||
		!strings.HasSuffix(err.Error(), "in its BTF); near: tcp_congestion_op") {
		t.Errorf("a kernel with a type of nearly that name: %v", err)
	}
}

// Slots set before load. Oracle: libbpf's rules (2.7 of its struct_ops handling): a replaced
// program is not loaded, its replacement must be a struct_ops program.
func TestStructOpsSlots(t *testing.T) {
	k := func() *fake {
		o := targets(t, nil, "x")
		b := o.Edit()
		c := b.AddInt("char", 1, btf.Signed)
		u32 := b.AddInt("u32", 4, 0)
		name := b.AddArray(u32, c, 16)
		fn := b.AddPtr(b.AddFuncProto(u32))
		st := b.AddStruct("tcp_congestion_ops", 64)
		for i, m := range []string{"ssthresh", "undo_cwnd", "cong_avoid"} {
			b.AddMember(m, fn, uint32(64*i), 0)
		}
		b.AddMember("name", name, 256, 0)
		b.AddMember("flags", u32, 384, 0)
		b.AddStruct("bpf_struct_ops_tcp_congestion_ops", 128)
		b.AddMember("data", st, 0, 0)
		s, err := b.Spec()
		if err != nil {
			t.Fatal(err)
		}
		return &fake{btf: s, version: 1}
	}()
	loaded := func(p *plan.Plan) (names []string) {
		for _, x := range p.Programs {
			names = append(names, x.Spec.Name)
		}
		return names
	}
	o := open(t, "ops.o")
	if got := strings.Join(loaded(resolve(t, o, k, nil)),
		" "); got != "do_ssthresh do_undo do_off" {
		t.Errorf("as compiled: %s", got)
	}
	for _, m := range o.Maps {
		if m.StructOps == nil {
			continue
		}
		for i := range m.StructOps.Slots {
			if s := &m.StructOps.Slots[i]; s.Initial.Name == "do_undo" {
				s.Program = nil
			} else if s.Initial.Name == "do_ssthresh" {
				s.Program = o.Program("do_optional")
			}
		}
	}
	p := resolve(t, o, k, nil)
	if got := strings.Join(loaded(p), " "); got != "do_off do_optional" {
		t.Errorf("with slots changed: %s", got)
	}
	if x := planned(t, p, "do_optional"); x.ExpectedAttachType != 0 {
		t.Errorf("do_optional implements member %d", x.ExpectedAttachType)
	}
	// The map that is off by default uses the same program for another member.
	o.Map("fourth").Autocreate = true
	if _, err := plan.Resolve(o, k, nil); err == nil ||
		!strings.Contains(err.Error(), "do_optional") {
		t.Errorf("one program, two members: %v", err)
	}
	// All maps off.
	o = open(t, "ops.o")
	for _, m := range o.Maps {
		m.Autocreate = m.StructOps == nil
	}
	if got := loaded(resolve(t, o, k, nil)); len(got) != 0 {
		t.Errorf("without maps: %v", got)
	}
}
