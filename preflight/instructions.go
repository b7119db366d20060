package preflight

import (
	"encoding/binary"
	"fmt"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// byteOrder adds a need for a machine of the object's byte order.
func (c *checker) byteOrder() {
	n := c.need(NeedOrder, orderName(c.o.Order.String()), "")
	var have string
	switch s := c.k.vmlinux(); {
	case s != nil:
		have = s.Order().String()
	case c.k.prober != nil:
		have = hostOrder()
	default:
		n.Answer, n.Reason = facts.Unknown, "the kernel has no BTF, so its byte order is not known"
		return
	}
	n.Answer, n.Reason = facts.Yes, "the kernel's"
	if have != c.o.Order.String() {
		n.Answer, n.Reason = facts.No, "the kernel is "+orderName(have)+
			"; compile the object for it"
	}
}

// hostOrder returns the byte order of this machine, as encoding/binary names it.
func hostOrder() string {
	if b := [2]byte{1, 0}; binary.NativeEndian.Uint16(b[:]) == 1 {
		return binary.LittleEndian.String()
	}
	return binary.BigEndian.String()
}

func orderName(order string) string {
	if order == "BigEndian" {
		return "big-endian"
	}
	return "little-endian"
}

// arrival is an instruction, or a form of one, that the first kernels with BPF lack.
type arrival struct {
	name  string
	since string
	shown []evidence // types that came in the same kernel
}

var (
	jump32 = arrival{name: "32-bit jump", since: "5.1"}
	atomic = arrival{name: "atomic operation", since: "5.12"}
	cpuV4  = []evidence{{btf.KindEnum, "bpf_attach_type", "BPF_TRACE_UPROBE_MULTI"}}
	bswap  = arrival{"unconditional byte swap", "6.6", cpuV4}
	gotol  = arrival{"long jump", "6.6", cpuV4}
	ldsx   = arrival{"sign-extending load", "6.6", cpuV4}
	movsx  = arrival{"sign-extending move", "6.6", cpuV4}
	sdiv   = arrival{"signed division", "6.6", cpuV4}
	arenas = []evidence{{btf.KindEnum, "bpf_map_type", "BPF_MAP_TYPE_ARENA"}}
	mayGo  = arrival{"may_goto", "6.9", arenas}
	spaces = arrival{"address space cast", "6.9", arenas}
	acqRel = arrival{name: "load-acquire or store-release", since: "6.15"}
	tables = []evidence{{btf.KindEnum, "bpf_map_type", "BPF_MAP_TYPE_INSN_ARRAY"}}
	gotoX  = arrival{"indirect jump", "6.19", tables}
)

// opcode returns the arrival of an opcode, nil if every kernel has it; valid is false if none up to
// 6.18 has it.
func opcode(op asm.Opcode) (came *arrival, valid bool) {
	class, code, x := asm.Class(op&7), asm.Opcode(op&0xf0), op&8 != 0
	switch class {
	case asm.ClassALU, asm.ClassALU64:
		switch {
		case asm.ALUOp(code) == asm.End && class == asm.ClassALU64:
			return &bswap, !x
		case asm.ALUOp(code) == asm.Neg:
			return nil, !x
		}
		return nil, asm.ALUOp(code) <= asm.End
	case asm.ClassJMP:
		switch code {
		case 0x00: // ja
			if x {
				return &gotoX, true
			}
		case 0x80, 0x90: // call, exit
			return nil, !x
		case 0xe0:
			return &mayGo, !x
		}
		return nil, code <= 0xd0
	case asm.ClassJMP32:
		switch code {
		case 0x00:
			return &gotol, !x
		case 0x80, 0x90:
			return nil, false
		}
		return &jump32, code <= 0xd0
	}
	return memory(class, asm.Mode(op&0xe0), asm.MemSize(op&0x18))
}

// memory is opcode for loads and stores.
func memory(class asm.Class, mode asm.Mode, size asm.MemSize) (came *arrival, valid bool) {
	switch {
	case class == asm.ClassLD && mode == asm.ModeIMM:
		return nil, size == asm.DW
	case class == asm.ClassLD:
		return nil, (mode == asm.ModeABS || mode == asm.ModeIND) && size != asm.DW
	case mode == asm.ModeMEM:
		return nil, true
	case class == asm.ClassLDX && mode == asm.ModeMEMSX:
		return &ldsx, size != asm.DW
	case class == asm.ClassSTX && mode == asm.ModeAtomic:
		if size == asm.B || size == asm.H {
			return &acqRel, true
		}
		return nil, true
	}
	return nil, false
}

// form returns the arrival of the form of an instruction, given by fields other than its opcode,
// nil if every kernel has it.
func form(insn asm.Instruction) *arrival {
	switch class, code := asm.Class(insn.Op&7), asm.ALUOp(insn.Op&0xf0); {
	case insn.IsAtomic() && insn.Imm&^0xff != 0:
		return &acqRel
	case insn.IsAtomic() && insn.Imm != 0:
		return &atomic
	case class != asm.ClassALU && class != asm.ClassALU64 || insn.Off == 0:
	case code == asm.Div || code == asm.Mod:
		return &sdiv
	case code == asm.Mov && insn.Off == 1:
		return &spaces
	case code == asm.Mov:
		return &movsx
	}
	return nil
}

// instructions adds needs for instructions that not every kernel has. The verifier checks all
// opcodes before it walks the code, and the other fields of an instruction when it reaches it.
func (c *checker) instructions() {
	c.eachProgram(func(p *plan.Program, reached []bool) {
		for i := 0; i < len(p.Insns); i++ {
			insn := p.Insns[i]
			came, valid := opcode(insn.Op)
			switch {
			case !valid:
				n := c.need(NeedInstruction, fmt.Sprintf("opcode %#02x", uint8(insn.Op)),
					p.Spec.Name)
				n.Answer, n.Reason = c.upTo618("no kernel has it")
			case came != nil:
				c.arrived(came, p.Spec.Name)
			default:
				if came := form(insn); came != nil && i < len(reached) && reached[i] {
					c.arrived(came, p.Spec.Name)
				}
			}
			if insn.IsPseudoFunc() && len(p.FuncInfo) == 0 && i < len(reached) && reached[i] {
				c.callback(p)
			}
			if insn.IsLdImm64() {
				i++
			}
		}
	})
}

func (c *checker) arrived(a *arrival, user string) {
	n := c.need(NeedInstruction, a.name, user)
	if n.Reason == "" {
		n.Answer, n.Reason = c.k.known(a.since, a.shown)
		if a == &gotol && n.Answer == facts.No {
			n.Answer, n.Reason = facts.Unknown, n.Reason+
				"; later releases of older kernels have it too"
		}
	}
}

// callback adds a need for the type information that the kernel wants about functions whose address
// is taken.
func (c *checker) callback(p *plan.Program) {
	n := c.need(NeedObjectBTF, "func_info", p.Spec.Name)
	n.Answer = facts.No
	n.Reason = "it passes the address of a function, whose type the kernel wants: " +
		"compile with -g and keep .BTF.ext"
}

// jumpTables adds a need for the maps that indirect jumps go through.
func (c *checker) jumpTables() {
	if c.plan == nil {
		return
	}
	for _, m := range c.plan.Maps {
		if m.Spec != nil || m.Type != uapi.MapInsnArray {
			continue
		}
		n := c.need(NeedMapType, m.Type.String(), ".jumptables")
		if n.Reason == "" {
			n.Answer, n.Reason = c.k.mapType(m.Type)
		}
	}
}
