package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/object"
)

// The oracle of this file: the results of test runs of the target.

// freplaceTarget loads a program that has functions to replace; result runs it.
func freplaceTarget(t testing.TB) (p *bpf.Program, result func() uint32) {
	t.Helper()
	p = load(t, open(t, "freplace_target"), nil).Program("whole")
	return p, func() uint32 {
		t.Helper()
		r, err := p.Run(&bpf.RunOptions{Data: make([]byte, 64)})
		if err != nil {
			t.Fatal(err)
		}
		return r.Return
	}
}

// forTarget sets the target program for the load of the named programs.
func forTarget(o *object.Object, target *bpf.Program, names ...string) *object.Object {
	only(o, names...)
	for _, name := range names {
		o.Program(name).AttachProgFD = target.FD()
	}
	return o
}

func TestFreplace(t *testing.T) {
	trampolines(t)
	target, result := freplaceTarget(t)
	if r := result(); r != 103 {
		t.Fatal(r)
	}
	obj := loadForThread(t, forTarget(open(t, "fentry"), target, "replacement", "replacement_too"))
	p := obj.Program("replacement")
	t.Run("target of the load", func(t *testing.T) {
		l := attached(t, p)
		if r := result(); r != 144 {
			t.Errorf("the program returns %d", r)
		}
		_, err := obj.Program("replacement_too").Attach()
		if !errors.Is(err, syscall.EBUSY) ||
			!strings.Contains(err.Error(), fmt.Sprintf("by link %d", linkID(t, l))) {
			t.Error(err)
		}
		closeLink(t, l)
		if r := result(); r != 103 {
			t.Errorf("detached, it returns %d", r)
		}
	})
	t.Run("another target", func(t *testing.T) {
		other, result := freplaceTarget(t)
		l, err := p.AttachFreplace(other, "part")
		if err != nil {
			t.Fatal(err)
		}
		if r := result(); r != 144 {
			t.Errorf("the program returns %d", r)
		}
		_, err = obj.Program("replacement_too").AttachFreplace(other, "part")
		if !errors.Is(err, syscall.EBUSY) ||
			!strings.Contains(err.Error(), fmt.Sprintf("by link %d", linkID(t, l))) {
			t.Error(err)
		}
		closeLink(t, l)
		if r := result(); r != 103 {
			t.Errorf("detached, it returns %d", r)
		}
	})
	t.Run("errors", func(t *testing.T) {
		if _, err := p.AttachFreplace(target, "no_such"); !errors.Is(err, bpf.ErrNotExist) ||
			!strings.Contains(err.Error(), "no function no_such") {
			t.Error(err)
		}
		if _, err := p.AttachFreplace(target, "parts"); !errors.Is(err, bpf.ErrNotExist) ||
			!strings.Contains(err.Error(), "near: part") {
			t.Error(err)
		}
		if _, err := p.AttachFreplace(target, "other_part"); !errors.Is(err, syscall.EINVAL) {
			t.Error(err)
		}
		if _, err := p.AttachFreplace(target, ""); !errors.Is(err, syscall.EINVAL) {
			t.Error(err)
		}
		if _, err := p.AttachFreplace(nil, "part"); !errors.Is(err, syscall.EINVAL) {
			t.Error(err)
		}
		var refused *bpf.VerifierError
		if _, err := bpf.Load(forTarget(open(t, "fentry"), target,
			"other_signature"), nil); !errors.As(err, &refused) {
			t.Error(err)
		}
		if _, err := bpf.Load(only(open(t, "fentry"), "replacement"), nil); err == nil ||
			!strings.Contains(err.Error(), "AttachProgFD") {
			t.Error(err)
		}
	})
}

// TestFentryProgram traces the functions of another BPF program.
func TestFentryProgram(t *testing.T) {
	trampolines(t)
	target, result := freplaceTarget(t)
	obj := loadForThread(t, forTarget(open(t, "fentry"), target, "on_part", "on_whole"))
	links, err := obj.Attach()
	if err != nil {
		t.Fatal(err)
	}
	r := result()
	if err := links.Close(); err != nil {
		t.Error(err)
	}
	result()
	if n := *variable[uint64](t, obj, "in_program"); n != 1 {
		t.Errorf("one run while attached, seen %d", n)
	}
	if seen := *variable[int32](t, obj, "program_ret"); uint32(seen) != r {
		t.Errorf("the program returned %d, fexit saw %d", r, seen)
	}
}
