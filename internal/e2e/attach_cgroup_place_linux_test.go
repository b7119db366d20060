package e2e

import (
	"github.com/purebpf/bpf"

	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/anchor"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/uapi"
)

// The oracle of this file is the kernel: which programs of testdata/cgroup.bpf.c run, and in which
// order; also bpftool.

// TestCgroupModes: the effect of exclusive, override and multi on other programs and on cgroups
// below, and the errors.
func TestCgroupModes(t *testing.T) {
	dir := enterCgroup(t)
	below := filepath.Join(dir, "below")
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(below) })
	obj := load(t, only(open(t, "cgroup"), "first", "second", "third"), nil)
	first, second, third := obj.Program("first"), obj.Program("second"), obj.Program("third")
	order := array[uint64](t, obj, "order")
	ran := func() uint64 {
		*order = 0
		createSocket(t)
		return *order
	}
	set := func(p *bpf.Program, dir string, mode nolink.CgroupMode) {
		t.Helper()
		if err := nolink.AddCgroup(p, dir, &nolink.CgroupOptions{Mode: mode}); err != nil {
			t.Fatal(err)
		}
	}
	unset := func(p *bpf.Program, dir string) {
		t.Helper()
		if err := nolink.RemoveCgroup(p, dir, nil); err != nil {
			t.Fatal(err)
		}
	}
	busy := func(err error) {
		t.Helper()
		if !errors.Is(err, syscall.EPERM) ||
			!strings.Contains(err.Error(), "(first) is attached there") {
			t.Error(err)
		}
	}

	set(first, dir, nolink.CgroupExclusive)
	busy(nolink.AddCgroup(second, dir, &nolink.CgroupOptions{Mode: nolink.CgroupMulti}))
	busy(nolink.AddCgroup(second, below, &nolink.CgroupOptions{Mode: nolink.CgroupMulti}))
	_, err := second.AttachCgroup(dir, nil)
	busy(err)
	_, err = second.AttachCgroup(below, nil)
	busy(err)
	if err := nolink.RemoveCgroup(second, dir, nil); !errors.Is(err, bpf.ErrNotExist) {
		t.Errorf("it takes away another program: %v", err)
	}
	if n := ran(); n != 1 {
		t.Error("ran:", n)
	}
	set(second, dir, nolink.CgroupExclusive) // replaces the first
	if n := ran(); n != 2 {
		t.Error("ran:", n)
	}
	unset(second, dir)

	set(first, dir, nolink.CgroupOverride)
	set(second, below, nolink.CgroupOverride)
	if effective, err := hooks.QueryFile(below, uapi.AttachCgroupInetSockCreate,
		uapi.FQueryEffective); err != nil || len(effective.Programs) != 1 ||
		effective.Programs[0].ID != bpftest.ProgramID(t, second) {
		t.Errorf("%+v %v", effective, err)
	}
	unset(second, below)
	if effective, err := hooks.QueryFile(below, uapi.AttachCgroupInetSockCreate,
		uapi.FQueryEffective); err != nil || len(effective.Programs) != 1 ||
		effective.Programs[0].ID != bpftest.ProgramID(t, first) {
		t.Errorf("%+v %v", effective, err)
	}
	unset(first, dir)

	set(first, dir, nolink.CgroupMulti)
	set(second, dir, nolink.CgroupMulti)
	if n := ran(); n != 12 {
		t.Error("ran:", n)
	}
	if err := nolink.AddCgroup(first, dir,
		&nolink.CgroupOptions{Mode: nolink.CgroupMulti}); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "is attached there already") {
		t.Error(err)
	}
	if err := nolink.AddCgroup(third, dir,
		&nolink.CgroupOptions{Mode: nolink.CgroupMulti,
			Replace: third}); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	if err := nolink.AddCgroup(third, dir,
		&nolink.CgroupOptions{Mode: nolink.CgroupMulti, Replace: first}); err != nil {
		t.Error(err)
	}
	if n := ran(); n != 32 {
		t.Error("ran after replacement:", n)
	}
	// A link beside programs without links: only those can be detached by RemoveCgroup.
	link, err := first.AttachCgroup(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := ran(); n != 321 {
		t.Error("ran:", n)
	}
	hook, err := hooks.QueryFile(dir, uapi.AttachCgroupInetSockCreate, 0)
	if err != nil || len(hook.Programs) != 3 || hook.Flags != uapi.FAllowMulti {
		t.Errorf("%+v %v", hook, err)
	}
	var shown []struct {
		ID   uint32
		Name string
	}
	if out := oracle(t, "bpftool", "-j", "cgroup", "show", dir); out != nil {
		if err := json.Unmarshal(out, &shown); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for i, p := range hook.Programs {
			if len(shown) != 3 || shown[i].ID != p.ID {
				t.Errorf("bpftool says %s, query %+v", out, hook)
				break
			}
		}
	}
	if err := link.Update(second, first); err == nil {
		if n := ran(); n != 322 {
			t.Error("ran after update:", n)
		}
	} else {
		t.Error(err)
	}
	if err := link.Detach(); err != nil {
		t.Error(err)
	}
	link.Close()
	unset(third, dir)
	unset(second, dir)
	if n := ran(); n != 0 {
		t.Error("ran:", n)
	}
	for _, wrong := range []*nolink.CgroupOptions{{Mode: 8},
		{Mode: nolink.CgroupExclusive, Replace: first}} {
		if err := nolink.AddCgroup(first, dir, wrong); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}

// TestCgroupAnchors: places among others and revisions.
func TestCgroupAnchors(t *testing.T) {
	testkit.Kernel(t, "6.16")
	dir := enterCgroup(t)
	obj := load(t, only(open(t, "cgroup"), "first", "second", "third"), nil)
	first, second, third := obj.Program("first"), obj.Program("second"), obj.Program("third")
	order := array[uint64](t, obj, "order")
	attach := func(p *bpf.Program, opts *bpf.CgroupOptions) *bpf.Link {
		t.Helper()
		l, err := p.AttachCgroup(dir, opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	expect := func(want uint64) {
		t.Helper()
		*order = 0
		createSocket(t)
		if *order != want {
			t.Errorf("ran in order %d, not %d", *order, want)
		}
	}
	attach(first, nil)
	two := attach(second, &bpf.CgroupOptions{Anchor: anchor.First()})
	expect(21)
	three := attach(third, &bpf.CgroupOptions{Anchor: anchor.AfterLink(two)})
	expect(231)
	three.Close()
	three = attach(third, &bpf.CgroupOptions{Anchor: anchor.BeforeLinkID(linkID(t, two))})
	expect(321)
	three.Close()
	if err := nolink.AddCgroup(third, dir,
		&nolink.CgroupOptions{CgroupOptions: bpf.CgroupOptions{Anchor: anchor.Last()},
			Mode: nolink.CgroupMulti}); err != nil {
		t.Fatal(err)
	}
	expect(213)
	two.Close()
	// Next to a program without a link, another one without a link can be placed.
	add := func(p *bpf.Program, opts *bpf.CgroupOptions) error {
		return nolink.AddCgroup(p, dir,
			&nolink.CgroupOptions{CgroupOptions: *opts, Mode: nolink.CgroupMulti})
	}
	if err := add(second, &bpf.CgroupOptions{Anchor: anchor.Before(third)}); err != nil {
		t.Fatal(err)
	}
	expect(123)
	if err := nolink.RemoveCgroup(second, dir, nil); err != nil {
		t.Error(err)
	}
	hook, err := hooks.QueryFile(dir, uapi.AttachCgroupInetSockCreate, 0)
	if err != nil || hook.Revision == 0 {
		t.Fatalf("%+v %v", hook, err)
	}
	if err := add(second,
		&bpf.CgroupOptions{Anchor: anchor.AfterID(bpftest.ProgramID(t, third)),
			Revision: hook.Revision}); err != nil {
		t.Fatal(err)
	}
	expect(132)
	if err := nolink.RemoveCgroup(second, dir,
		&nolink.RemoveCgroupOptions{Revision: hook.Revision}); !errors.Is(err, syscall.ESTALE) {
		t.Error(err)
	}
	if err := nolink.RemoveCgroup(second, dir,
		&nolink.RemoveCgroupOptions{Revision: hook.Revision + 1}); err != nil {
		t.Error(err)
	}
	for _, err := range []error{outcome(second.AttachCgroup(dir,
		&bpf.CgroupOptions{Revision: hook.Revision})),
		add(second, &bpf.CgroupOptions{Revision: hook.Revision})} {
		if !errors.Is(err, syscall.ESTALE) || !strings.Contains(err.Error(), "revision is") {
			t.Error(err)
		}
	}
	if _, err := second.AttachCgroup(dir,
		&bpf.CgroupOptions{Anchor: anchor.Before(third)}); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "next to a link") {
		t.Error("a link next to a program:", err)
	}
	if err := nolink.RemoveCgroup(third, dir, nil); err != nil {
		t.Error(err)
	}
	expect(1)
	if err := add(second, &bpf.CgroupOptions{Anchor: anchor.Before(third)}); !errors.Is(err,
		bpf.ErrNotExist) {
		t.Error("an anchor that isn't there:", err)
	}
	closed := load(t, only(open(t, "cgroup"), "first"), nil)
	closed.Close()
	if _, err := second.AttachCgroup(dir,
		&bpf.CgroupOptions{Anchor: anchor.Before(closed.Program("first"))}); !errors.Is(err,
		syscall.EINVAL) ||
		!strings.Contains(err.Error(), "anchor, first") {
		t.Error(err)
	}
}

// TestCgroupPreorder: with Preorder an ancestor's program runs before the descendants'.
func TestCgroupPreorder(t *testing.T) {
	testkit.Kernel(t, "6.15")
	dir := enterCgroup(t)
	below := filepath.Join(dir, "below")
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(below) })
	obj := load(t, only(open(t, "cgroup"), "first", "second"), nil)
	first, second := obj.Program("first"), obj.Program("second")
	effective := func(preorder bool) []hooks.Program {
		a, err := first.AttachCgroup(dir, &bpf.CgroupOptions{Preorder: preorder})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		b, err := second.AttachCgroup(below, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		hook, err := hooks.QueryFile(below, uapi.AttachCgroupInetSockCreate, uapi.FQueryEffective)
		if err != nil || len(hook.Programs) != 2 {
			t.Fatalf("%+v %v", hook, err)
		}
		return hook.Programs
	}
	if list := effective(false); list[0].ID != bpftest.ProgramID(t, second) {
		t.Errorf("%+v", list)
	}
	if list := effective(true); list[0].ID != bpftest.ProgramID(t, first) {
		t.Errorf("%+v", list)
	}
}
