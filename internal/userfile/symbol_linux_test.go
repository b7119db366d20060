package userfile

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"syscall"
	"testing"
)

// TestSymbols: the functions of a process at addresses in and around them. The oracles are debug/elf,
// which says where in the file they are, and the kernel, which says where it is mapped.
func TestSymbols(t *testing.T) {
	path := program(t, "-static")
	cmd := exec.Command(path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	mappings, err := Mappings(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(mappings, func(m Mapping) bool { return m.Path == path })
	if at < 0 {
		t.Fatalf("%v lacks %s", mappings, path)
	}
	m := mappings[at]
	addr := func(name string, into uint64) uint64 {
		return symbolOffset(t, path, name) + into - m.Offset + m.Start
	}
	addrs := []uint64{addr("main", 4), 16, addr("add_more", 0), addr("add_numbers", 1), m.End - 1,
		1 << 63, addr("main", 0)}
	want := []string{"main", "", "add_more", "add_numbers",
		fmt.Sprintf("%s+%#x", m.name(), m.End-1-m.Start+m.Offset), "", "main"}
	got, err := Symbols(cmd.Process.Pid, addrs)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q %v, want %q", got, err, want)
	}
	if _, err := Symbols(1<<30, addrs); err == nil || !errors.Is(err, syscall.ESRCH) {
		t.Errorf("without a process: %v", err)
	}
}
