package core

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// twoResults is the offset of two_program.c's results, in bytes from the start of its context.
const twoResults = 512

// symbolData returns the bytes of a variable.
func symbolData(t *testing.T, path, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf64.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	syms, err := f.Symbols(f.SectionByName(".symtab"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range syms.Len() {
		sym, _ := syms.At(i)
		if n, _ := syms.Name(sym); n != name {
			continue
		}
		sec, ok := f.Section(uint32(sym.Section))
		if !ok {
			break
		}
		data, err := f.Data(sec)
		if err != nil {
			t.Fatal(err)
		}
		return data[sym.Value : sym.Value+sym.Size]
	}
	t.Fatalf("%s has no variable %s", path, name)
	return nil
}

// TestTwoObjects runs a program on data of a "kernel" that was compiled separately, with other
// layouts of the same types. The oracles are clang, which laid out the data, and the kernel, which
// ran the program.
func TestTwoObjects(t *testing.T) {
	testkit.Root(t)
	testkit.LittleEndian(t)
	program := readObject(t, "testdata/two_program.bpf.o")
	target := NewTarget(readObject(t, "testdata/two_kernel.bpf.o").btf, nil)

	relos := program.relos(t)
	target.Prefetch(program.btf, plainRelos(relos))
	x := target.NewResolver(program.btf)
	poisoned := 0
	for _, r := range relos {
		res, err := x.Resolve(r.Relo)
		if err != nil {
			t.Fatal(err)
		}
		insns := program.insns[r.section]
		if res.Poisons(insns[r.insn]) {
			poisoned++
		}
		if err := res.Patch(insns, r.insn); err != nil {
			t.Fatal(err)
		}
	}
	// These are old_field, gone and the load of signed_widened, all behind checks.
	if poisoned != 3 {
		t.Errorf("%d instructions poisoned, want 3", poisoned)
	}

	ctx := make([]byte, 4096)
	copy(ctx, symbolData(t, "testdata/two_kernel.bpf.o", "image"))
	runProgram(t, program.insns["syscall"], ctx)

	want := symbolData(t, "testdata/two_kernel.bpf.o", "expected")
	id, ok := target.BTF().FindByName("result", btf.KindEnum)
	if !ok {
		t.Fatal("no enum result")
	}
	names, _ := target.BTF().Type(id)
	if n := names.Vlen() - 1; n*8 != len(want) {
		t.Fatalf("%d results, %d bytes of expected values", n, len(want))
	}
	for i := range names.Vlen() - 1 {
		got, want := binary.NativeEndian.Uint64(ctx[twoResults+8*i:]),
			binary.NativeEndian.Uint64(want[8*i:])
		if got != want {
			t.Errorf("%s: program read %#x, want %#x", names.Enumerator(i).Name, got, want)
		}
	}
}

// runProgram lets the kernel verify and run a program of type syscall once; ctx is its context.
func runProgram(t *testing.T, insns []asm.Instruction, ctx []byte) {
	t.Helper()
	log := make([]byte, 1<<20)
	license, err := sys.CString("GPL")
	if err != nil {
		t.Fatal(err)
	}
	prog, err := sys.ProgLoad(&sys.ProgLoadAttr{
		Type:     uapi.ProgSyscall,
		InsnCnt:  uint32(len(insns)),
		Insns:    sys.Slice(insns),
		License:  license,
		LogLevel: 1,
		LogSize:  uint32(len(log)),
		LogBuf:   sys.Slice(log),
		Flags:    uapi.FSleepable,
	})
	if err != nil {
		t.Fatalf("load: %v\n%s", err, log[:bytes.IndexByte(log, 0)])
	}
	defer prog.Close()
	run := sys.ProgTestRunAttr{
		ProgFD:    uint32(prog.Int()),
		CtxSizeIn: uint32(len(ctx)),
		CtxIn:     sys.Ptr(unsafe.Pointer(unsafe.SliceData(ctx))),
	}
	if err := sys.ProgTestRun(&run); err != nil {
		t.Fatal(fmt.Errorf("run: %w", err))
	}
}
