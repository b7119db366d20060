package records_test

import (
	"testing"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// worst returns objects whose programs are as hard to follow as their size allows.
func worst(t *testing.T) map[string]*object.Object {
	t.Helper()
	const n = 1 << 16
	store := func(off int16) asm.Instruction {
		return asm.Instruction{Op: 0x7b, Regs: asm.Regs(asm.RFP, asm.R0), Off: off} // stxdw
	}
	branch := func(off int16) asm.Instruction {
		return asm.Instruction{Op: 0x15, Regs: asm.Regs(asm.R6, 0), Off: off} // jeq r6, 0
	}
	output := []asm.Instruction{
		{Op: asm.OpCall, Imm: 130}, // ringbuf_output
		{Op: asm.OpExit},
	}
	program := func(insn func(i int) asm.Instruction) *object.Object {
		var code []asm.Instruction
		for i := range n {
			code = append(code, insn(i))
		}
		m := &object.Map{Name: "events", Type: uapi.MapRingBuf}
		p := &object.Program{Function: object.Function{Name: "p", Insns: append(code, output...)}}
		return &object.Object{Programs: []*object.Program{p}, Maps: []*object.Map{m},
			Subprogs: []*object.Function{&p.Function}}
	}
	return map[string]*object.Object{
		"branches ahead": program(func(i int) asm.Instruction {
			if i%2 == 0 {
				return branch(int16(i % 3000 & ^1))
			}
			return store(int16(-8 * (i % 64)))
		}),
		"branches back": program(func(i int) asm.Instruction {
			if i%2 == 0 && i > 4000 {
				return branch(int16(-(i % 3000) &^ 1))
			}
			return store(int16(-8 * (i % 64)))
		}),
		"stores everywhere": program(func(i int) asm.Instruction {
			if i%64 == 0 {
				return branch(32)
			}
			return store(int16(-i))
		}),
		"calls of itself": program(func(i int) asm.Instruction {
			return asm.Instruction{Op: asm.OpCall, Regs: asm.Regs(0, asm.CallSubprog),
				Imm: int32(-i - 1)}
		}),
	}
}
