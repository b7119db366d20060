package prog

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/cmd/bpf/internal/zoo"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// manyInstructions loads a program with instructions that the zoo's other programs don't have.
func manyInstructions(t *testing.T) *bpf.Program {
	t.Helper()
	insns := []asm.Instruction{
		asm.Mov64Reg(6, 1),
		{Op: 0x30, Imm: 4},                                 // r0 = *(u8 *)skb[4]
		asm.Mov64Imm(7, 2), {Op: 0x48, Regs: 0x70, Imm: 1}, // r0 = *(u16 *)skb[r7 + 1]
		asm.Mov64Imm(1, -5), asm.Alu32Imm(asm.Add, 1, -7),
		{Op: 0x87, Regs: 1}, {Op: 0x84, Regs: 1}, // r1 = -r1, w1 = -w1
		{Op: 0xd4, Regs: 1, Imm: 16}, {Op: 0xdc, Regs: 1, Imm: 64}, // le16, be64
		asm.StMem(asm.DW, 10, -8, 3), asm.StMem(asm.B, 10, -9, -1),
		asm.StxMem(asm.H, 10, 1, -12), asm.LdxMem(asm.DW, 2, 10, -8),
		asm.Atomic(asm.DW, asm.AtomicAdd, 10, 1, -8), asm.Atomic(asm.DW, asm.AtomicOr, 10, 1, -8),
		asm.Atomic(asm.DW, asm.AtomicXor|asm.AtomicFetch, 10, 1, -8),
		asm.Atomic(asm.DW, asm.AtomicXchg, 10, 1, -8),
		asm.Atomic(asm.DW, asm.AtomicCmpxchg, 10, 1, -8),
		asm.Alu64Reg(asm.Arsh, 2, 7), asm.Alu64Imm(asm.Xor, 2, 255), asm.Alu32Reg(asm.Lsh, 2, 7),
		asm.Alu64Imm(asm.Mod, 2, 3), asm.Alu64Reg(asm.Div, 2, 7),
		asm.JmpImm(asm.JSGT, 2, -1, 1), asm.Mov64Imm(3, 1),
		asm.Jmp32Imm(asm.JSET, 2, 0x10, 1), asm.Mov64Imm(3, 2),
		asm.JmpReg(asm.JLE, 2, 7, 1), asm.Mov64Imm(3, 3),
		asm.Jmp32Reg(asm.JNE, 2, 7, 1), asm.Goto(0),
	}
	wide := asm.LdImm64(4, 0x123456789abcdef0)
	insns = append(insns, wide[:]...)
	insns = append(insns, asm.Mov64Imm(0, 0), asm.ExitInsn())
	fd, err := sys.ProgLoad(&sys.ProgLoadAttr{Type: uapi.ProgSocketFilter,
		InsnCnt: uint32(len(insns)), Insns: sys.Slice(asm.Raw(insns)),
		License: sys.Slice([]byte("GPL\x00"))})
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	p, err := bpf.ProgramFromFD(fd.Int())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// TestDumpXlated: the oracle is Debian's bpftool, byte by byte.
func TestDumpXlated(t *testing.T) {
	testkit.Root(t)
	testkit.Tool(t, "bpftool")
	programs := inZoo(t)
	for _, p := range []*bpf.Program{programs[0], programs[len(programs)-1], manyInstructions(t)} {
		for _, words := range []string{"-n", "-j opcodes", "-p linum", "-n linum", "-n opcodes"} {
			option, words, _ := strings.Cut(words, " ") // -n changes nothing
			line := append([]string{"dump", "xlated", "id", idOf(t, p)}, strings.Fields(words)...)
			got, err := zoo.Run(t, Command(), append(line, option)...)
			if err != nil {
				t.Fatal(err)
			}
			want := zoo.Bpftool(t, append([]string{option, "prog"}, line...)...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%v %q %s: -bpftool +bpf:\n%s", p.Type(), line, option, diff)
			}
		}
	}
}

// TestDumpFile: the oracle is Debian's bpftool, which writes the same bytes; it can't write machine
// code, whose size the kernel tells.
func TestDumpFile(t *testing.T) {
	testkit.Root(t)
	testkit.Tool(t, "bpftool")
	p := manyInstructions(t)
	id, dir := idOf(t, p), t.TempDir()
	dumped := func(kind string) []byte {
		t.Helper()
		path := filepath.Join(dir, kind)
		if got := zoo.JSON(t, Command(), "dump", kind, "id", id, "file", path); got != nil {
			t.Errorf("dump %s file prints %v", kind, got)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	theirs := filepath.Join(dir, "theirs")
	zoo.Bpftool(t, "prog", "dump", "xlated", "id", id, "file", theirs)
	want, err := os.ReadFile(theirs)
	if got := dumped("xlated"); err != nil || !bytes.Equal(got, want) || len(got) == 0 {
		t.Errorf("%d bytes, bpftool wrote %d: %v", len(got), len(want), err)
	}
	info, err := p.Info()
	if err != nil {
		t.Fatal(err)
	}
	if info.JitedLen == 0 {
		return
	}
	if got := dumped("jited"); len(got) != info.JitedLen {
		t.Errorf("%d bytes of machine code, not %d", len(got), info.JitedLen)
	}
}

// TestDumpSeveral: the oracle is Debian's bpftool. Programs with the same tag are shown one after
// the other. The tag is of code that only this test loads.
func TestDumpSeveral(t *testing.T) {
	testkit.Root(t)
	testkit.Tool(t, "bpftool")
	a, b := manyInstructions(t), manyInstructions(t)
	info, err := a.Info()
	if err != nil {
		t.Fatal(err)
	}
	tag := []string{"tag", strings.ToLower(hexTag(info.Tag))}
	list := zoo.JSON(t, Command(), append([]string{"dump", "xlated"}, tag...)...).([]any)
	ids := map[string]bool{}
	for _, object := range list {
		ids[toText(object.(map[string]any)["id"])] = true
		if len(object.(map[string]any)["insns"].([]any)) < 30 {
			t.Errorf("few instructions: %v", object)
		}
	}
	if !ids[idOf(t, a)] || !ids[idOf(t, b)] {
		t.Errorf("programs %v, not %s and %s", ids, idOf(t, a), idOf(t, b))
	}
}

var (
	entryEdge = regexp.MustCompile(`fn_(\d+)_entry:s -> fn_\d+_bb_(\d+)`)
	flowEdge  = regexp.MustCompile(`fn_(\d+)_bb_(\d+):s -> fn_\d+_bb_(\d+)`)
)

// TestDumpVisual: the oracle is the text of the dump, whose jumps are the edges of the graph.
func TestDumpVisual(t *testing.T) {
	testkit.Root(t)
	p := manyInstructions(t)
	id := idOf(t, p)
	graph, err := zoo.Run(t, Command(), "dump", "xlated", "id", id, "visual")
	if err != nil {
		t.Fatal(err)
	}
	text, err := zoo.Run(t, Command(), "dump", "xlated", "id", id)
	if err != nil {
		t.Fatal(err)
	}
	jumps := strings.Count(text, "goto pc")
	conditional := strings.Count(text, " if ")
	// Each conditional jump has two edges, each other one has one; blocks before a target that no
	// jump ends have one.
	edges := len(flowEdge.FindAllString(graph, -1))
	if edges < jumps+conditional || len(entryEdge.FindAllString(graph, -1)) != 1 ||
		!strings.Contains(graph, "fn_0_exit:n") {
		t.Errorf("%d edges, %d jumps, %d conditional:\n%s", edges, jumps, conditional, graph)
	}
	if strings.Count(graph, "{") < strings.Count(graph, "}") {
		t.Errorf("braces:\n%s", graph)
	}
	if _, err := zoo.Run(t, Command(), "dump", "xlated", "id", id, "visual", "-j"); err == nil {
		t.Error("visual as JSON")
	}
}
