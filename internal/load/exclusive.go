package load

import (
	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/sha256"
	"github.com/purebpf/bpf/plan"
)

// exclusiveHash returns the hash by which the kernel knows the one program that may use an
// exclusive map: SHA-256 over its instructions, with the immediates of both halves of every load of
// a map's address taken as 0, because they hold descriptors. The kernel makes a program's tag of
// the same hash.
func (x *execution) exclusiveHash(pp *plan.Program) ([32]byte, error) {
	insns := append([]asm.Instruction(nil), pp.Insns...)
	for _, f := range pp.Fixups {
		if f.Kind != plan.FixModuleBTFFD || f.Insn < 0 || f.Insn+1 >= len(insns) {
			continue
		}
		fd, err := x.moduleFD(f.Module) // stays the same until the programs are loaded
		if err != nil {
			return [32]byte{}, err
		}
		insns[f.Insn+1].Imm = int32(fd.Int())
	}
	for i := 0; i+1 < len(insns); i++ {
		if in := insns[i]; in.IsLdImm64() &&
			(in.Src() == asm.PseudoMapFD || in.Src() == asm.PseudoMapValue) {
			insns[i].Imm, insns[i+1].Imm = 0, 0
			i++
		}
	}
	return sha256.Sum(asm.Raw(insns)), nil
}
