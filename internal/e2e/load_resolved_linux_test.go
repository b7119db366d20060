package e2e

import (
	"github.com/purebpf/bpf"

	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// swapNames returns BTF in which the two typedefs have each other's names.
func swapNames(t *testing.T, raw []byte, a, b string) []byte {
	t.Helper()
	raw = bytes.Clone(raw)
	header := raw[:24]
	types := raw[24+binary.NativeEndian.Uint32(header[8:]):][:binary.NativeEndian.Uint32(
		header[12:])]
	strings := raw[24+binary.NativeEndian.Uint32(header[16:]):]
	at := func(name string) []byte {
		off := bytes.Index(strings, []byte("\x00"+name+"\x00")) + 1
		record := binary.NativeEndian.AppendUint32(nil, uint32(off))
		record = binary.NativeEndian.AppendUint32(record, 8<<24) // BTF_KIND_TYPEDEF
		i := bytes.Index(types, record)
		if off == 0 || i < 0 {
			testkit.Skip(t, "the kernel's BTF has no typedef %s", name)
		}
		return types[i : i+4]
	}
	x, y := at(a), at(b)
	for i := range x {
		x[i], y[i] = y[i], x[i]
	}
	return raw
}

// TestLoadOtherTypeIDs loads a program for a tracepoint with BTF of a kernel in which another
// tracepoint has its id. The oracle is the kernel's BTF: with it the program loads, and with the
// other BTF it would be attached to the other tracepoint.
func TestLoadOtherTypeIDs(t *testing.T) {
	testkit.Root(t)
	raw, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	if err != nil {
		testkit.Skip(t, "no kernel BTF: %v", err)
	}
	running := kernel.Running()
	o := only(open(t, "trace"), "on_sys_enter")
	for _, c := range []struct {
		name string
		btf  []byte
		want error
	}{
		{"the kernel's own", raw, nil},
		{"another's", swapNames(t, raw, "btf_trace_sys_enter", "btf_trace_sys_exit"),
			syscall.EINVAL},
	} {
		r := facts.Recording{Version: running.Version(), BTF: c.btf, CPUs: 1}
		r.Features = facts.Upstream(r.Version)
		obj, err := bpf.Load(o, &bpf.LoadOptions{Kernel: facts.NewRecorded(r)})
		obj.Close()
		if !errors.Is(err, c.want) {
			t.Errorf("BTF of %s: %v", c.name, err)
		}
	}
}

// TestLoadOtherAddress loads a program with the address that a kernel symbol has in another kernel,
// and with its own. The oracle is /proc/kallsyms.
func TestLoadOtherAddress(t *testing.T) {
	testkit.Root(t)
	list := kallsyms(t, "_text")
	if len(list) == 0 || list[0] == 0 {
		testkit.Skip(t, "/proc/kallsyms doesn't tell where _text is: %#x", list)
	}
	o, err := bpf.Open(testkit.Compile(t, ksymSource, "-DKIND=", "-Dbpf_link_fops=_text"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[uint64]error{list[0]: nil, list[0] + 64: syscall.EINVAL} {
		r := facts.Recording{Version: kernel.Running().Version(), CPUs: 1}
		r.Features = facts.Upstream(r.Version)
		r.Kallsyms = fmt.Appendf(nil, "%x T _text\n", address)
		obj, err := bpf.Load(o, &bpf.LoadOptions{Kernel: facts.NewRecorded(r)})
		obj.Close()
		if !errors.Is(err, want) {
			t.Errorf("address %#x: %v", address, err)
		}
	}
}
