package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// ownSections are the section kinds of testdata/sections.bpf.c that no loader knows.
var ownSections = []object.SecDef{
	{Pattern: "mine/", Type: uapi.ProgRawTracepoint},
	{Pattern: "reply", Type: uapi.ProgSocketFilter},
	{Pattern: "", Type: uapi.ProgSocketFilter},
}

func openSections(t testing.TB, opts *object.Options) (*object.Object, error) {
	t.Helper()
	f, err := os.Open("../../testdata/sections.bpf.o")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return opts.ReadFrom(f, "sections")
}

// TestHandlers handles programs of unknown sections: one is set up when read, has an instruction
// changed when it is loaded, and is attached by the application. The oracle is the kernel, which
// runs them: what they return and count.
func TestHandlers(t *testing.T) {
	testkit.Root(t)
	var setUp, prepared []string
	o, err := openSections(t,
		&object.Options{Sections: ownSections, Setup: func(p *object.Program) error {
			setUp = append(setUp, p.Name+" by "+p.Def.Pattern)
			if p.Name == "unknown" {
				p.Type = uapi.ProgSchedCls // the row for everything else still applies
			}
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(setUp, ", "); got != "entered by mine/, answer by reply, unknown by " {
		t.Fatalf("set up: %s", got)
	}
	prepare := func(load *bpf.ProgramLoad) error {
		prepared = append(prepared, load.Program.Name())
		if load.Program.FD() >= 0 || load.Attr.Type == 0 {
			t.Errorf("%v: descriptor %d, attributes %+v",
				load.Program, load.Program.FD(), load.Attr)
		}
		for i, in := range load.Insns {
			if in.Imm == 1000 {
				load.Insns[i].Imm = 2
			}
		}
		return nil
	}
	attached := 0
	o.Program("switched").Autoattach = false
	obj := load(t, o, &bpf.LoadOptions{Handlers: map[string]bpf.Handler{
		"mine/": {Attach: func(p *bpf.Program) (*bpf.Link, error) {
			attached++
			return p.AttachRawTracepoint(strings.TrimPrefix(p.Section(), "mine/"), nil)
		}},
		"reply": {Prepare: prepare,
			Attach: func(*bpf.Program) (*bpf.Link, error) { return nil, nil }},
		"": {Prepare: prepare},
	}})
	if got := strings.Join(prepared, ", "); got != "answer, unknown" {
		t.Errorf("prepared: %s", got)
	}
	if r, err := obj.Program("answer").Run(&bpf.RunOptions{Data: make([]byte, 64)}); err != nil ||
		r.Return != 42 {
		t.Errorf("with its constant changed the program returns %d, %v", r.Return, err)
	}
	info, err := sys.ProgInfoByFD(obj.Program("unknown").FD())
	if err != nil || info.Type != uapi.ProgSchedCls {
		t.Errorf("the program is of type %v, %v", info.Type, err)
	}
	links, err := obj.Attach()
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for _, n := range obj.NotAttached() {
		left[n.Program.Name()+": "+n.Reason] = true
	}
	if len(links) != 1 || attached != 1 || !left["answer: its handler attached nothing"] {
		t.Errorf("%d links, %d attached by the handler, left alone: %v", len(links), attached, left)
	}
	before := number(t, obj, "runs")
	syscall.Getppid()
	if after := number(t, obj, "runs"); after <= before {
		t.Errorf("the program counted from %d to %d over a system call", before, after)
	}
}

// TestHandlersReplaceCode: a handler replaces a program's code, and others refuse. The oracle is
// the kernel.
func TestHandlersReplaceCode(t *testing.T) {
	testkit.Root(t)
	o, err := openSections(t, &object.Options{Sections: ownSections})
	if err != nil {
		t.Fatal(err)
	}
	only(o, "answer")
	obj := load(t, o, &bpf.LoadOptions{Handlers: map[string]bpf.Handler{"reply": {Prepare: func(load *bpf.ProgramLoad) error {
		load.Insns = []asm.Instruction{asm.Mov64Imm(asm.R0, 77), asm.ExitInsn()}
		load.Attr.FuncInfoCnt, load.Attr.LineInfoCnt = 0, 0
		return nil
	}}}})
	if r, err := obj.Program("answer").Run(&bpf.RunOptions{Data: make([]byte, 64)}); err != nil ||
		r.Return != 77 {
		t.Errorf("it returns %d, %v", r.Return, err)
	}
	refusal := errors.New("not today")
	_, err = bpf.Load(o, &bpf.LoadOptions{Handlers: map[string]bpf.Handler{"reply": {Prepare: func(*bpf.ProgramLoad) error {
		return refusal
	}}}})
	if !errors.Is(err, refusal) || !strings.Contains(err.Error(), "answer") {
		t.Errorf("a handler that refuses: %v", err)
	}
	_, err = openSections(t,
		&object.Options{Sections: ownSections, Setup: func(*object.Program) error {
			return refusal
		}})
	if !errors.Is(err, refusal) {
		t.Errorf("a setup that refuses: %v", err)
	}
}

// TestUnknownSections loads the same object without the application's rows. C libbpf 1.5 reads it
// and refuses to load it with EINVAL at the first program that has no type.
func TestUnknownSections(t *testing.T) {
	testkit.Root(t)
	verdict := testkit.Oracle(t, "../../testdata/sections.bpf.o")[0]
	o, err := openSections(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = bpf.Load(o, nil)
	if err == nil || !strings.Contains(err.Error(), "entered") ||
		!strings.Contains(err.Error(), "names no program type") {
		t.Errorf("%v", err)
	}
	if verdict.OK || verdict.Errno != int(syscall.EINVAL) {
		t.Errorf("C libbpf: %+v", verdict)
	}
}

// number reads a variable.
func number(t testing.TB, obj *bpf.Object, name string) (n uint64) {
	t.Helper()
	if err := obj.Variable(name).Get(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAttachTarget sets type and target of a program whose section says nothing about them (libbpf
// bpf_program__set_type, bpf_program__set_expected_attach_type, bpf_program__set_attach_target).
// The oracle is the kernel's information about the program.
func TestAttachTarget(t *testing.T) {
	testkit.Root(t)
	o, err := openSections(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := only(o, "unknown").Program("unknown")
	p.Type, p.ExpectedAttachType, p.AttachTarget = uapi.ProgTracing, uapi.AttachTraceRawTP,
		"sched_switch"
	obj := load(t, o, nil)
	info, err := sys.ProgInfoByFD(obj.Program("unknown").FD())
	if err != nil {
		t.Fatal(err)
	}
	vmlinux, err := kernel.Running().BTF()
	if err != nil {
		t.Fatal(err)
	}
	target, ok := vmlinux.Type(btf.ID(info.AttachBTFID))
	if !ok || info.Type != uapi.ProgTracing || target.Name() != "btf_trace_sched_switch" {
		t.Errorf("a program of type %v for %s", info.Type, target.Name())
	}
	p.AttachTarget = ""
	if _, err := bpf.Load(o, nil); err == nil {
		t.Error("a tracing program without a target was loaded")
	}
}

// TestHandlerUsesObject: handlers use their object while it is attached, and close it.
func TestHandlerUsesObject(t *testing.T) {
	testkit.Root(t)
	var obj *bpf.Object
	closes := false
	attach := func(p *bpf.Program) (*bpf.Link, error) {
		if _, err := obj.Attach(); !errors.Is(err, bpf.ErrExist) {
			t.Errorf("attached within itself: %v", err)
		}
		if n := len(obj.Links()) + len(obj.NotAttached()); n != 0 {
			t.Errorf("%d links and programs before they are attached", n)
		}
		l, err := p.AttachRawTracepoint("sys_enter", nil)
		if closes {
			if err := obj.Close(); err != nil {
				t.Error(err)
			}
		}
		return l, err
	}
	for _, closes = range []bool{false, true} {
		o, err := openSections(t, &object.Options{Sections: ownSections})
		if err != nil {
			t.Fatal(err)
		}
		o.Program("switched").Autoattach = false
		obj = load(t, o, &bpf.LoadOptions{Handlers: map[string]bpf.Handler{"mine/": {Attach: attach}}})
		before := testkit.FDs()
		links, err := obj.Attach()
		if !closes {
			if err != nil || len(links) != 1 {
				t.Errorf("%d links: %v", len(links), err)
			}
			continue
		}
		if !errors.Is(err, bpf.ErrClosed) || len(links) != 0 {
			t.Errorf("a closed object is attached by %d links: %v", len(links), err)
		}
		if after := testkit.FDs(); len(after) >= len(before) {
			t.Errorf("descriptors before %v, after %v", before, after)
		}
	}
}
