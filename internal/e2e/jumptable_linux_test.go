package e2e

import (
	"github.com/purebpf/bpf"

	"encoding/binary"
	"errors"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// insnArrays is a kernel that accepts maps of instructions (6.19): it makes arrays with values of
// that size instead. It records programs and replaces them by one that the verifier knows.
type insnArrays struct {
	funnel.Kernel
	made  []sys.MapCreateAttr
	insns map[string][]asm.Instruction
}

func (k *insnArrays) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	switch cmd {
	case uapi.CmdMapCreate:
		a := *(*sys.MapCreateAttr)(attr)
		if a.Type == uapi.MapInsnArray {
			k.made = append(k.made, a)
			a.Type = uapi.MapArray
		}
		return k.Kernel.BPF(cmd, unsafe.Pointer(&a), size, common)
	case uapi.CmdProgLoad:
		a := *(*sys.ProgLoadAttr)(attr)
		insns := unsafe.Slice((*asm.Instruction)(a.Insns.Unsafe()), a.InsnCnt)
		k.insns[a.Name.String()] = append([]asm.Instruction(nil), insns...)
		if a.Name.String() == "jump" {
			harmless := []asm.Instruction{asm.Mov64Imm(asm.R0, 0), asm.ExitInsn()}
			a.Insns, a.InsnCnt, a.FuncInfoCnt, a.LineInfoCnt = sys.Slice(harmless), 2, 0, 0
			a.FuncInfoRecSize, a.LineInfoRecSize, a.FuncInfo, a.LineInfo = 0, 0, sys.Pointer{},
				sys.Pointer{}
		}
		return k.Kernel.BPF(cmd, unsafe.Pointer(&a), size, common)
	}
	return k.Kernel.BPF(cmd, attr, size, common)
}

// TestJumpTable loads object/testdata/jumptable.o and reads back what the kernel got. The oracle is
// the source, whose table has 56 and 72 bytes, struct bpf_insn_array_value of the UAPI header
// (orig_off first, 16 bytes), and the kernel, which refuses to change a frozen map.
func TestJumpTable(t *testing.T) {
	testkit.Root(t)
	testkit.LittleEndian(t)
	o, err := bpf.Open("../../object/testdata/jumptable.o", nil)
	if err != nil {
		t.Fatal(err)
	}
	k := &insnArrays{insns: map[string][]asm.Instruction{}}
	defer funnel.Replace(k)()
	obj := load(t, only(o, "jump"), nil)
	insns := k.insns["jump"]
	if len(k.made) != 1 || len(insns) != 11 {
		t.Fatalf("%d tables are made, the program has %d instructions", len(k.made), len(insns))
	}
	if a := k.made[0]; a.KeySize != 4 || a.ValueSize != 16 || a.MaxEntries != 2 || a.BTFFD != 0 ||
		a.Name.String() != ".jumptables" {
		t.Errorf("%+v", a)
	}
	fd := int(insns[0].Imm)
	for i, want := range []uint32{56 / 8, 72 / 8} {
		key, value := uint32(i), [16]byte{}
		if err := sys.MapLookup(fd, unsafe.Pointer(&key), unsafe.Pointer(&value), 0); err != nil {
			t.Fatal(err)
		}
		if got := binary.NativeEndian.Uint32(value[:]); got != want ||
			[12]byte(value[4:]) != [12]byte{} {
			t.Errorf("entry %d is % x, want %d", i, value, want)
		}
		if err := sys.MapUpdate(fd, unsafe.Pointer(&key),
			unsafe.Pointer(&value), uapi.Any); !errors.Is(err, syscall.EPERM) {
			t.Errorf("changing entry %d of a frozen table: %v", i, err)
		}
	}
	if insns[0].Src() != asm.PseudoMapValue || insns[1].Imm != 0 {
		t.Errorf("the first instructions are %v", insns[:2])
	}
	if len(obj.Maps()) != 0 {
		t.Errorf("the table is one of %v", obj.Maps())
	}
	if err := obj.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sys.MapFreeze(fd); !errors.Is(err, syscall.EBADF) {
		t.Errorf("the table of a closed object: %v", err)
	}
}
