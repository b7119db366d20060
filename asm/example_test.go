package asm_test

import (
	"fmt"

	"github.com/purebpf/bpf/asm"
)

// The smallest program: return 0.
func ExampleInstruction_String() {
	for _, i := range []asm.Instruction{asm.Mov64Imm(asm.R0, 0), asm.ExitInsn()} {
		fmt.Println(i)
	}
	// Output:
	// r0 = 0x0
	// exit
}
