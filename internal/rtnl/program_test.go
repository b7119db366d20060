//go:build linux

package rtnl_test

import (
	"net"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// load loads a program until the test ends.
func load(t *testing.T, typ uapi.ProgType, insns ...asm.Instruction) *sys.FD {
	t.Helper()
	testkit.Root(t)
	prog, err := sys.ProgLoad(&sys.ProgLoadAttr{
		Type: typ, License: sys.Slice([]byte("GPL\x00")),
		Insns: sys.Slice(asm.Raw(insns)), InsnCnt: uint32(len(insns)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { prog.Close() })
	return prog
}

// counter loads a classifier that counts packets and lets the next one decide.
func counter(t *testing.T) (prog *sys.FD, count func() uint64) {
	t.Helper()
	m, err := sys.MapCreate(&sys.MapCreateAttr{
		Type: uapi.MapArray, KeySize: 4, ValueSize: 8, MaxEntries: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	value := asm.LdMapValue(asm.R1, m.Int(), 0)
	prog = load(t, uapi.ProgSchedCls,
		value[0], value[1],
		asm.Mov64Imm(asm.R2, 1),
		asm.Atomic(asm.DW, asm.AtomicAdd, asm.R1, asm.R2, 0),
		asm.Mov64Imm(asm.R0, -1), // TC_ACT_UNSPEC
		asm.ExitInsn(),
	)
	return prog, func() (n uint64) {
		var key uint32
		if err := sys.MapLookup(m.Int(), unsafe.Pointer(&key), unsafe.Pointer(&n), 0); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// ping sends a datagram to nobody over loopback.
func ping(t *testing.T) {
	t.Helper()
	c, err := net.Dial("udp4", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
}
