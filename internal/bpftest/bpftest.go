// Package bpftest loads the module's test programs for the tests of packages above bpf.
package bpftest

import (
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
)

// Load loads the named programs of an object file until the test ends.
func Load(t testing.TB, path string, names ...string) *bpf.Object {
	t.Helper()
	testkit.Root(t)
	o, err := bpf.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range o.Programs {
		p.Autoload = false
	}
	for _, name := range names {
		o.Program(name).Autoload = true
	}
	obj, err := bpf.Load(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { obj.Close() })
	return obj
}

// ProgramID returns the kernel's id of a program.
func ProgramID(t testing.TB, p *bpf.Program) uint32 {
	t.Helper()
	info, err := p.Info()
	if err != nil {
		t.Fatal(err)
	}
	return info.ID
}
