package e2e

import (
	"github.com/purebpf/bpf"

	"bytes"
	"encoding/json"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// The oracles of this file: packets and test runs that the tests make, /sys/kernel/btf, and
// bpftool.

// module skips on a kernel that has no BTF for that module.
func module(t testing.TB, name string) {
	t.Helper()
	if _, err := os.Stat("/sys/kernel/btf/" + name); err != nil {
		testkit.Skip(t, "no module %s with BTF is loaded", name)
	}
}

// ip runs the tool of that name in the test's network namespace.
func ip(t testing.TB, args string) {
	t.Helper()
	testkit.Run(t, "ip", strings.Fields(args)...)
}

// broadcast sends a packet out of an interface of the test's network namespace.
func broadcast(t testing.TB, dev string) {
	t.Helper()
	i, err := net.InterfaceByName(dev)
	if err != nil {
		t.Fatal(err)
	}
	s, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	frame := make([]byte, 60)
	copy(frame, "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x08\x00")
	if err := unix.Sendto(s, frame, 0,
		&unix.SockaddrLinklayer{Ifindex: i.Index, Halen: 6}); err != nil {
		t.Fatal(err)
	}
}

// TestModuleFunctions attaches to functions of modules, found in their BTF.
func TestModuleFunctions(t *testing.T) {
	trampolines(t)
	t.Run("fentry dummy_xmit", func(t *testing.T) {
		module(t, "dummy")
		testkit.Netns(t)
		ip(t, "link add pb0 type dummy")
		ip(t, "link set pb0 up")
		obj := load(t, only(open(t, "fentry"), "on_dummy"), nil)
		attached(t, obj.Program("on_dummy"))
		before := *variable[uint64](t, obj, "module_entered")
		broadcast(t, "pb0")
		if n := *variable[uint64](t, obj, "module_entered") - before; n == 0 {
			t.Error("a packet was sent, none seen")
		}
	})
	t.Run("fexit veth_xmit", func(t *testing.T) {
		module(t, "veth")
		testkit.Netns(t)
		ip(t, "link add pb0 type veth peer name pb1")
		ip(t, "link set pb0 up")
		ip(t, "link set pb1 up")
		obj := load(t, only(open(t, "fentry"), "on_veth"), nil)
		attached(t, obj.Program("on_veth"))
		before := *variable[uint64](t, obj, "module_left")
		broadcast(t, "pb0")
		if n := *variable[uint64](t, obj, "module_left") - before; n == 0 {
			t.Error("a packet was sent, none seen")
		}
	})
}

func TestTypedKsym(t *testing.T) {
	testkit.Root(t)
	if !configured(t, "CONFIG_KALLSYMS_ALL") {
		testkit.Skip(t, "the kernel was built without CONFIG_KALLSYMS_ALL: it doesn't know where its variables are")
	}
	obj := load(t, only(open(t, "fentry"), "typed_ksym"), nil)
	for cpu := range uint32(runtime.NumCPU()) {
		*variable[uint32](t, obj, "wanted_cpu") = cpu
		r, err := obj.Program("typed_ksym").Run(&bpf.RunOptions{Data: make([]byte, 64)})
		if err != nil || r.Return != cpu {
			t.Errorf("runqueue of cpu %d says %d (%v)", cpu, r.Return, err)
		}
	}
}

// TestModuleBTF: modules are found with their types. The oracle is /sys/kernel/btf.
func TestModuleBTF(t *testing.T) {
	testkit.Root(t)
	list, err := kernel.Running().Modules()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dummy", "veth", "nf_conntrack"} {
		t.Run(name, func(t *testing.T) {
			module(t, name)
			raw, err := os.ReadFile("/sys/kernel/btf/" + name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range list {
				if m.Name == name && bytes.Equal(m.BTF.Raw(), raw) {
					return
				}
			}
			t.Errorf("not among %d modules, or with other bytes", len(list))
		})
	}
}

// TestModuleType: CO-RE finds a type that only a module has. The oracle is what bpftool prints of
// the module's BTF.
func TestModuleType(t *testing.T) {
	testkit.Root(t)
	module(t, "veth")
	var dump struct {
		Types []struct {
			Kind, Name string
			Members    []struct {
				Name string
				Bits uint32 `json:"bits_offset"`
			}
		}
	}
	out := testkit.Run(t, "bpftool", "-j", "btf", "dump", "file", "/sys/kernel/btf/veth", "-B",
		"/sys/kernel/btf/vmlinux")
	if err := json.Unmarshal(out, &dump); err != nil {
		t.Fatal(err)
	}
	want := uint32(0)
	for _, typ := range dump.Types {
		for _, m := range typ.Members {
			if typ.Kind == "STRUCT" && typ.Name == "veth_priv" && m.Name == "requested_headroom" {
				want = m.Bits / 8
			}
		}
	}
	if want == 0 {
		t.Fatal("bpftool has no veth_priv.requested_headroom")
	}
	obj := load(t, only(open(t, "fentry"), "module_type"), nil)
	r, err := obj.Program("module_type").Run(&bpf.RunOptions{Data: make([]byte, 64)})
	if err != nil || r.Return != want {
		t.Errorf("offset %d, bpftool says %d (%v)", int32(r.Return), want, err)
	}
}

// TestModuleKfunc calls a function of nf_conntrack, which finds no connection.
func TestModuleKfunc(t *testing.T) {
	testkit.Root(t)
	if !configured(t, "CONFIG_NF_CONNTRACK") {
		module(t, "nf_conntrack")
	}
	obj := load(t, only(open(t, "fentry"), "module_kfunc"), nil)
	r, err := obj.Program("module_kfunc").Run(&bpf.RunOptions{Data: make([]byte, 64)})
	if err != nil || syscall.Errno(-int32(r.Return)) != syscall.ENOENT {
		t.Errorf("%d %v, want -ENOENT", int32(r.Return), err)
	}
}
