//go:build linux

package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
)

// TestFunctions: the table is written down here by hand, as the kernel writes it.
func TestFunctions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kallsyms")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ffffffff81000000 T first\n" +
		"ffffffff81000100 d data\n" +
		"ffffffff82000000 W third\n" +
		"ffffffff81000200 t second\t[module]\n")
	f, err := readFunctions(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		addr, offset uint64
		name         string
	}{
		{0xffffffff80ffffff, 0, ""},
		{0xffffffff81000000, 0, "first"},
		{0xffffffff810001ff, 0x1ff, "first"},
		{0xffffffff81000200, 0, "second"},
		{0xffffffff8100ffff, 0xfdff, "second"},
		{0xffffffff81010200, 0, ""}, // too far
		{0xffffffff82000001, 1, "third"},
		{0, 0, ""},
	} {
		name, offset, ok := f.At(x.addr)
		if name != x.name || offset != x.offset || ok != (x.name != "") {
			t.Errorf("%#x is %s+%#x (%v), not %s+%#x", x.addr, name, offset, ok, x.name, x.offset)
		}
	}
	if _, _, ok := (*Functions)(nil).At(1); ok {
		t.Error("no table has a function")
	}
	write("0000000000000000 T first\n")
	if _, err := readFunctions(path); !errors.Is(err, facts.ErrHidden) {
		t.Error(err)
	}
}

// TestFunctionsOfKernel: the oracle is the other reader of the table, which finds addresses by
// name.
func TestFunctionsOfKernel(t *testing.T) {
	testkit.Root(t)
	addrs, _, err := Running().Ksyms([]string{"vfs_read", "vfs_write", "do_exit"})
	if err != nil {
		testkit.Skip(t, "no addresses: %v", err)
	}
	f, err := ReadFunctions()
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for want, addr := range addrs {
		name, offset, ok := f.At(addr + 1)
		if !ok || offset != 1 {
			t.Errorf("%#x+1 is %s+%#x, not %s", addr, name, offset, want)
		}
		if name == want { // unless it has another name, too
			same++
		}
	}
	if same == 0 {
		t.Error("no function has its name")
	}
}
