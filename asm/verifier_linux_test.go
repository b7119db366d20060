package asm_test

import (
	"bytes"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// verifierLog loads a program that the verifier must accept and returns the verifier's log.
func verifierLog(t *testing.T, insns []asm.Instruction) string {
	t.Helper()
	testkit.Root(t)
	log := make([]byte, 1<<16)
	fd, err := sys.ProgLoad(&sys.ProgLoadAttr{
		Type:     uapi.ProgSocketFilter,
		License:  sys.Slice([]byte("GPL\x00")),
		Insns:    sys.Slice(asm.Raw(insns)),
		InsnCnt:  uint32(len(insns)),
		LogLevel: 2, LogSize: uint32(len(log)), LogBuf: sys.Slice(log),
	})
	text, _, _ := bytes.Cut(log, []byte{0})
	if errors.Is(err, syscall.ENOSYS) {
		testkit.Skip(t, "this machine has no bpf(2) (user mode emulation)")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if err := fd.Close(); err != nil {
		t.Error(err)
	}
	return string(text)
}

var (
	address  = regexp.MustCompile(`(r\d+) ([+-]) (0x[0-9a-f]+)`)
	value    = regexp.MustCompile(`= (0x[0-9a-f]+)$`)
	distance = regexp.MustCompile(`goto ([+-])(0x[0-9a-f]+)`)
	word     = regexp.MustCompile(`\bw(\d+)`)
)

// kernelText rewrites our text as the kernel's disassembler prints it: decimal offsets, pc+1, and r
// registers for every width.
func kernelText(text string) string {
	decimal := func(hex string) string {
		v, err := strconv.ParseUint(hex[2:], 16, 64)
		if err != nil {
			panic(err)
		}
		return strconv.FormatUint(v, 10)
	}
	text = address.ReplaceAllStringFunc(text, func(s string) string {
		m := address.FindStringSubmatch(s)
		return m[1] + " " + m[2] + decimal(m[3])
	})
	text = distance.ReplaceAllStringFunc(text, func(s string) string {
		m := distance.FindStringSubmatch(s)
		return "goto pc" + m[1] + decimal(m[2])
	})
	text = value.ReplaceAllStringFunc(text, func(s string) string { return "= " + decimal(s[2:]) })
	return word.ReplaceAllString(text, "r$1")
}

// compareWithVerifier compares the text of the first instructions of an accepted program with the
// verifier's log.
func compareWithVerifier(t *testing.T, insns []asm.Instruction, first int) {
	t.Helper()
	log := verifierLog(t, insns)
	for i, insn := range insns[:first] {
		want := strconv.Itoa(i) + ": (" + strconv.FormatUint(uint64(insn.Op)|0x100, 16)[1:] + ") " +
			kernelText(insn.String())
		if !strings.Contains(log, want+" ") && !strings.Contains(log, want+"\n") {
			t.Errorf("%d %s: the verifier has no %q in\n%s", i, insn, want, log)
		}
	}
}

// Oracle: the running kernel's disassembler, for instructions that LLVM 19 does not know or prints
// differently.
func TestTextOfVerifier(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		compareWithVerifier(t, []asm.Instruction{
			asm.StMem(asm.DW, asm.RFP, -8, 7),
			asm.LdxMem(asm.W, asm.R1, asm.RFP, -8),
			asm.StxMem(asm.H, asm.RFP, asm.R1, -16),
			asm.Mov64Imm(asm.R0, 0),
			asm.ExitInsn(),
		}, 3)
	})
	t.Run("may_goto", func(t *testing.T) {
		testkit.Kernel(t, "6.9")
		compareWithVerifier(t, []asm.Instruction{
			asm.Mov64Reg(asm.R6, asm.R1),
			{Op: asm.OpMayGoto, Off: 1},
			asm.Mov64Reg(asm.R6, asm.R1),
			asm.Mov64Imm(asm.R0, 0),
			asm.ExitInsn(),
		}, 2)
	})
	t.Run("load_acquire", func(t *testing.T) {
		testkit.Kernel(t, "6.15")
		insns := []asm.Instruction{asm.StMem(asm.DW, asm.RFP, -8, 7), asm.Mov64Reg(asm.R1, asm.RFP)}
		for _, size := range []asm.MemSize{asm.B, asm.H, asm.W, asm.DW} {
			insns = append(insns, asm.Atomic(size, asm.LoadAcquire, asm.R2, asm.R1, -8),
				asm.Atomic(size, asm.StoreRelease, asm.R1, asm.R2, -8))
		}
		compareWithVerifier(t, append(insns, asm.Mov64Imm(asm.R0, 0), asm.ExitInsn()), len(insns))
	})
}
