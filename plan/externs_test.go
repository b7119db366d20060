package plan_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/plan"
)

// kernelTypes builds kernel BTF with everything that the object externs.o asks for, except for the
// names in without.
func kernelTypes(t testing.TB, without ...string) *btf.Spec {
	t.Helper()
	b := btf.NewBuilder(nil)
	has := func(name string) bool { return !slices.Contains(without, name) }
	i := b.AddInt("int", 4, btf.Signed)
	// as in the object: types are compared by kind
	task := b.AddFwd("task_struct", btf.KindStruct)
	ptr := b.AddPtr(task)
	rq := b.AddFwd("rq", btf.KindStruct)
	if has("bpf_prog_active") {
		b.AddVar("bpf_prog_active", btf.LinkageGlobal, i)
	}
	if has("runqueues") {
		b.AddVar("runqueues", btf.LinkageGlobal, rq)
	}
	acquire := b.AddFuncProto(ptr)
	b.AddParam("p", ptr)
	release := b.AddFuncProto(0)
	b.AddParam("p", ptr)
	if has("bpf_task_acquire") {
		b.AddFunc("bpf_task_acquire", btf.LinkageGlobal, acquire)
	}
	if has("bpf_task_release") {
		b.AddFunc("bpf_task_release", btf.LinkageGlobal, release)
	}
	b.AddTypedef("btf_trace_task_newtask", b.AddPtr(acquire))
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// moduleTypes builds a module's BTF with one function that returns an int, or a pointer to
// task_struct, and takes as many pointers.
func moduleTypes(t testing.TB, base *btf.Spec, name string, params int) *btf.Spec {
	t.Helper()
	b := btf.NewBuilder(base)
	task, ok := base.FindByName("task_struct", btf.KindFwd)
	if !ok {
		t.Fatal("no task_struct")
	}
	ptr := b.AddPtr(task)
	ret := ptr
	if strings.HasSuffix(name, "release") {
		ret = 0
	}
	proto := b.AddFuncProto(ret)
	for range params {
		b.AddParam("p", ptr)
	}
	b.AddFunc(name, btf.LinkageGlobal, proto)
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func externKernel(s *btf.Spec) *fake {
	return &fake{btf: s, version: 1, kconfig: "CONFIG_HZ=250\nCONFIG_BPF_SYSCALL=y\n",
		ksyms: map[string]uint64{"bpf_prog_put": 0xffffffff81234567}}
}

// Oracle: the contract of BPF_PSEUDO_BTF_ID, BPF_PSEUDO_KFUNC_CALL and fd_array in linux/bpf.h,
// applied to kernel BTF built here.
func TestKsymsAndKfuncs(t *testing.T) {
	o := open(t, "../object/testdata/externs.o")
	base := kernelTypes(t)
	p := resolve(t, o, externKernel(base), nil)

	id := func(name string, kind btf.Kind) int32 {
		id, ok := base.FindByName(name, kind)
		if !ok {
			t.Fatalf("no %s", name)
		}
		return int32(id)
	}
	use, call := planned(t, p, "use"), planned(t, p, "call")
	found := map[string]bool{}
	for _, rl := range use.Spec.Relocs {
		in, next := use.Insns[rl.Insn], use.Insns[rl.Insn+1]
		switch rl.Symbol {
		case "bpf_prog_put":
			if in.Src() != 0 || in.Imm64(next) != 0xffffffff81234567 {
				t.Errorf("typeless ksym: %v %v", in, next)
			}
		case "no_such_symbol":
			if in.Src() != 0 || in.Imm64(next) != 0 {
				t.Errorf("absent weak ksym: %v %v", in, next)
			}
		case "bpf_prog_active", "runqueues":
			if in.Src() != asm.PseudoBTFID || in.Imm != id(rl.Symbol, btf.KindVar) ||
				next.Imm != 0 {
				t.Errorf("typed ksym %s: %v %v", rl.Symbol, in, next)
			}
		default:
			continue
		}
		found[rl.Symbol] = true
	}
	if len(found) != 4 {
		t.Errorf("only %v were relocated", found)
	}
	var kfuncs, poisons int
	for i, in := range call.Insns {
		switch {
		case in.IsKfuncCall():
			kfuncs++
			if in.Off != 0 || in.Imm != id("bpf_task_acquire", btf.KindFunc) &&
				in.Imm != id("bpf_task_release", btf.KindFunc) {
				t.Errorf("kfunc call %d: %v", i, in)
			}
		case in.IsHelperCall() && in.Imm >= plan.PoisonKfuncBase:
			poisons++
			if got := o.Externs[in.Imm-plan.PoisonKfuncBase].Name; got != "bpf_no_such_kfunc___flavor" {
				t.Errorf("poison names %s", got)
			}
		}
	}
	if kfuncs != 2 || poisons != 1 || len(call.Poisons) != 1 ||
		call.Poisons[0].Kind != plan.PoisonKfunc {
		t.Errorf("%d kfunc calls, %d poisoned: %v", kfuncs, poisons, call.Poisons)
	}
	if len(call.Modules) != 0 {
		t.Errorf("modules %v", call.Modules)
	}
}

// Oracle: as above. fd_array[0] is reserved; modules follow in the order in which externs (sorted
// by name) use them.
func TestModuleKfuncs(t *testing.T) {
	o := open(t, "../object/testdata/externs.o")
	base := kernelTypes(t, "bpf_task_acquire", "bpf_task_release")
	one := &facts.Module{Name: "one", ID: 7, BTF: moduleTypes(t, base, "bpf_task_release", 1)}
	two := &facts.Module{Name: "two", ID: 9, BTF: moduleTypes(t, base, "bpf_task_acquire", 1)}
	unused := &facts.Module{Name: "unused", ID: 3, BTF: moduleTypes(t, base, "something", 0)}
	k := externKernel(base)
	k.modules = []*facts.Module{unused, one, two}
	p := resolve(t, o, k, nil)
	call := planned(t, p, "call")
	if !slices.Equal(call.Modules, []*facts.Module{two, one}) {
		t.Fatalf("modules are %v, want two (acquire) and one (release)", call.Modules)
	}
	var offs []int16
	for _, in := range call.Insns {
		if in.IsKfuncCall() {
			offs = append(offs, in.Off)
			m := call.Modules[in.Off-1]
			if want, _ := m.BTF.FindByName(map[string]string{"one": "bpf_task_release",
				"two": "bpf_task_acquire"}[m.Name], btf.KindFunc); int32(want) != in.Imm {
				t.Errorf("call into %s has id %d, want %d", m.Name, in.Imm, want)
			}
		}
	}
	if !slices.Equal(offs, []int16{1, 2}) {
		t.Errorf("calls index fd_array at %v, want 1 and 2", offs)
	}
	if use := planned(t, p, "use"); len(use.Modules) != 0 {
		t.Errorf("a program without module kfuncs gets modules %v", use.Modules)
	}

	k = externKernel(base)
	k.modules, k.lacks = []*facts.Module{one, two}, []facts.Feature{facts.ModuleBTF}
	if _, err := plan.Resolve(o, k, nil); err == nil ||
		!strings.Contains(err.Error(), "bpf_task_acquire") {
		t.Errorf("a kernel that cannot tell modules apart: %v", err)
	}
}

// Oracle: libbpf's rules for strong and weak externs (missing, of another type), stated per row.
func TestMissingExterns(t *testing.T) {
	for _, row := range []struct {
		name    string
		without []string
		weak    string // extern to declare weak
		fails   string // "" if it must resolve
	}{
		{"all there", nil, "", ""},
		{"strong typed ksym absent", []string{"bpf_prog_active"}, "", "bpf_prog_active"},
		{"weak typed ksym absent", []string{"bpf_prog_active"}, "bpf_prog_active", ""},
		{"declared weak, absent", []string{"runqueues"}, "", ""},
		{"strong kfunc absent", []string{"bpf_task_release"}, "", "bpf_task_release"},
		{"weak kfunc absent", []string{"bpf_task_release"}, "bpf_task_release", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := open(t, "../object/testdata/externs.o")
			if row.weak != "" {
				o.Extern(row.weak).Weak = true
			}
			p, err := plan.Resolve(o, externKernel(kernelTypes(t, row.without...)), nil)
			switch {
			case row.fails == "" && err != nil:
				t.Error(err)
			case row.fails != "" &&
				(err == nil || !strings.Contains(err.Error(), "extern "+row.fails)):
				t.Errorf("want an error about %s, got %v", row.fails, err)
			case err == nil && row.weak != "" && !event(p, plan.EventResolved, row.weak, "absent"):
				t.Errorf("no event says that %s is absent: %v", row.weak, p.Events)
			}
		})
	}
	// Another prototype: a weak kfunc counts as absent, a strong one is an error, and so is a
	// variable even if weak.
	base := kernelTypes(t, "bpf_task_acquire", "runqueues")
	k := externKernel(base)
	k.modules = []*facts.Module{{Name: "m", BTF: moduleTypes(t, base, "bpf_task_acquire", 2)}}
	o := open(t, "../object/testdata/externs.o")
	if _, err := plan.Resolve(o, k, nil); err == nil ||
		!strings.Contains(err.Error(), "bpf_task_acquire") {
		t.Errorf("strong kfunc of another prototype: %v", err)
	}
	o.Extern("bpf_task_acquire").Weak = true
	p := resolve(t, o, k, nil)
	if !event(p, plan.EventWarning, "bpf_task_acquire", "another prototype") {
		t.Errorf("events %v", p.Events)
	}
	b := base.Edit()
	b.AddVar("runqueues", btf.LinkageGlobal, b.AddInt("long", 8, btf.Signed))
	changed, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Resolve(o, externKernel(changed), nil); err == nil ||
		!strings.Contains(err.Error(), "extern runqueues") {
		t.Errorf("weak variable of another type: %v", err)
	}
	// One name, two addresses.
	k = externKernel(kernelTypes(t))
	k.twice = map[string]bool{"bpf_prog_put": true}
	if _, err := plan.Resolve(open(t, "../object/testdata/externs.o"), k, nil); err == nil ||
		!strings.Contains(err.Error(), "bpf_prog_put") {
		t.Errorf("ambiguous symbol: %v", err)
	}
	k.ksyms = nil
	if _, err := plan.Resolve(open(t, "../object/testdata/externs.o"), k, nil); !errors.Is(err,
		errFake) {
		t.Errorf("kallsyms that cannot be read: %v", err)
	}
}

// A kfunc whose address is taken too, from a module. Oracle: the contract of BPF_PSEUDO_BTF_ID in
// linux/bpf.h: the second imm is the descriptor of the BTF that the id belongs to, which the
// executor fills in.
func TestModuleKfuncAddress(t *testing.T) {
	o := open(t, "../object/testdata/externs.o")
	base := kernelTypes(t)
	b := btf.NewBuilder(base)
	i, _ := base.FindByName("int", btf.KindInt)
	void := b.AddPtr(0)
	proto := b.AddFuncProto(i)
	b.AddParam("a", i)
	b.AddParam("p", void)
	want := b.AddFunc("bpf_no_such_kfunc", btf.LinkageGlobal, proto)
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	m := &facts.Module{Name: "m", BTF: s}
	k := externKernel(base)
	k.modules = []*facts.Module{m}
	call := planned(t, resolve(t, o, k, nil), "call")
	loads, calls := 0, 0
	for n, in := range call.Insns {
		switch {
		case in.IsLdImm64() && in.Src() == asm.PseudoBTFID:
			loads++
			fixed := slices.ContainsFunc(call.Fixups, func(f plan.Fixup) bool {
				return f.Insn == n && f.Kind == plan.FixModuleBTFFD && f.Module == m
			})
			if in.Imm != int32(want) || !fixed {
				t.Errorf("address: %v, fix-ups %v", in, call.Fixups)
			}
		case in.IsKfuncCall() && in.Off == 1:
			calls++
			if in.Imm != int32(want) {
				t.Errorf("call: %v", in)
			}
		}
	}
	if loads != 1 || calls != 1 || !slices.Equal(call.Modules, []*facts.Module{m}) ||
		len(call.Poisons) != 0 {
		t.Errorf("%d addresses, %d calls, modules %v, poisons %v", loads, calls, call.Modules,
			call.Poisons)
	}
}
