package inspect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

// Code is the code of a loaded program as the kernel holds it, with the source lines that it comes
// from.
type Code struct {
	// Insns are the instructions after verification: rewritten, with the addresses of maps removed.
	// They are nil for a caller who may not see them.
	Insns []asm.Instruction
	// Machine is the machine code of all functions, in their order; nil if the program was not
	// compiled.
	Machine   []byte
	Functions []Function
	// Lines are the records of line information in the order of their instructions. Programs
	// without BTF have none.
	Lines []Line
	Types *btf.Spec // of the program, nil if it has no BTF
}

// Function is a function of a program; the first is the program itself. Fields are 0 where the
// kernel doesn't tell them: Address needs CAP_SYSLOG with most settings of kernel.kptr_restrict.
type Function struct {
	Name    string  // "" if the program has no BTF
	Type    btf.ID  // in Types
	Insn    int     // index of its first instruction
	Address uint64  // of its machine code
	Size    uint32  // of its machine code, in bytes
	Tag     [8]byte // as in its symbol in kallsyms
}

// Line says which line of the source an instruction comes from, and those that follow it up to the
// next Line.
type Line struct {
	Insn    int    // index in Insns
	Address uint64 // of the machine code; 0 if the kernel doesn't tell it
	File    string
	Line    int
	Column  int
	Source  string // the text of the line, trimmed
}

// CodeOf reads the code of a loaded program and its line information (libbpf bpf_prog_linfo__new,
// for bpf_prog_info with all arrays; 5.0, instructions alone 4.13). The instructions, machine code
// and addresses need CAP_BPF and CAP_PERFMON or CAP_SYS_ADMIN, the texts of lines CAP_SYS_ADMIN.
func CodeOf(p *bpf.Program) (*Code, error) {
	var code *Code
	err := p.UseFD(func(fd int) (err error) {
		code, err = readCode(fd)
		return err
	})
	var known *bpf.Error
	if err != nil && !errors.As(err, &known) {
		err = failed("read code of program", p.Name(), err, kernel.CapSysAdmin)
	}
	return code, err
}

// lineRecord is struct bpf_line_info, funcRecord struct bpf_func_info.
type (
	lineRecord struct{ insn, file, text, lineCol uint32 }
	funcRecord struct{ insn, typ uint32 }
)

func readCode(fd int) (*Code, error) {
	size, err := sys.ProgInfoByFD(fd)
	if err != nil {
		return nil, err
	}
	xlated, machine := make([]byte, size.XlatedProgLen), make([]byte, size.JitedProgLen)
	symbols, lengths := make([]uint64, size.NrJitedKsyms), make([]uint32, size.NrJitedFuncLens)
	funcs, lines := make([]funcRecord, size.NrFuncInfo), make([]lineRecord, size.NrLineInfo)
	addresses := make([]uint64, size.NrJitedLineInfo)
	tags := make([][8]byte, size.NrProgTags)
	info := sys.ProgInfo{
		XlatedProgLen: size.XlatedProgLen, XlatedProgInsns: sys.Slice(xlated),
		JitedProgLen: size.JitedProgLen, JitedProgInsns: sys.Slice(machine),
		NrJitedKsyms: size.NrJitedKsyms, JitedKsyms: sys.Slice(symbols),
		NrJitedFuncLens: size.NrJitedFuncLens, JitedFuncLens: sys.Slice(lengths),
		NrFuncInfo: size.NrFuncInfo, FuncInfo: sys.Slice(funcs),
		FuncInfoRecSize: uint32(unsafe.Sizeof(funcRecord{})),
		NrLineInfo:      size.NrLineInfo, LineInfo: sys.Slice(lines),
		LineInfoRecSize: uint32(unsafe.Sizeof(lineRecord{})),
		NrJitedLineInfo: size.NrJitedLineInfo, JitedLineInfo: sys.Slice(addresses),
		JitedLineInfoRecSize: 8,
		NrProgTags:           size.NrProgTags, ProgTags: sys.Slice(tags),
	}
	if _, err := sys.ObjInfo(fd, unsafe.Pointer(&info), uint32(unsafe.Sizeof(info))); err != nil {
		return nil, err
	}
	code := new(Code)
	if !info.XlatedProgInsns.IsNil() && info.XlatedProgLen > 0 { // else the kernel withholds them
		if code.Insns, err = asm.Decode(xlated, binary.NativeEndian); err != nil {
			return nil, err
		}
	}
	if !info.JitedProgInsns.IsNil() && info.JitedProgLen > 0 {
		code.Machine = machine
	}
	if info.JitedKsyms.IsNil() {
		symbols = nil
	}
	if info.JitedLineInfo.IsNil() {
		addresses = nil
	}
	types, err := typesOf(size.BTFID)
	if err != nil {
		return nil, err
	}
	code.Types = types
	count := max(len(symbols), len(lengths), len(funcs), len(tags), 1)
	for i := range count {
		f := Function{}
		if i < len(funcs) {
			f.Insn, f.Type = int(funcs[i].insn), btf.ID(funcs[i].typ)
			if types != nil {
				if typ, ok := types.Type(btf.ID(funcs[i].typ)); ok {
					f.Name = typ.Name()
				}
			}
		}
		if i < len(symbols) {
			f.Address = symbols[i]
		}
		if i < len(lengths) {
			f.Size = lengths[i]
		}
		if i == 0 {
			f.Tag = size.Tag
		} else if i < len(tags) {
			f.Tag = tags[i]
		}
		code.Functions = append(code.Functions, f)
	}
	for i, r := range lines {
		l := Line{Insn: int(r.insn), Line: int(r.lineCol >> 10), Column: int(r.lineCol & 0x3ff)}
		if i < len(addresses) {
			l.Address = addresses[i]
		}
		if types != nil {
			l.File, _ = types.Name(r.file)
			text, _ := types.Name(r.text)
			l.Source = strings.TrimSpace(text)
		}
		code.Lines = append(code.Lines, l)
	}
	return code, nil
}

// typesOf reads the BTF of a program, nil if it has none or is being unloaded.
func typesOf(id uint32) (*btf.Spec, error) {
	if id == 0 {
		return nil, nil
	}
	types, err := kernel.BTFByID(id, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("its BTF, with id %d: %w", id, err)
	}
	return types, nil
}

// LineAt returns the line that an instruction comes from, by its index in Insns (libbpf
// bpf_prog_linfo__lfind). ErrNotExist if there is none.
func (c *Code) LineAt(insn int) (Line, error) {
	var found *Line
	if c == nil || c.Insns != nil && insn >= len(c.Insns) {
		return Line{}, fmt.Errorf("no instruction %d: %w", insn, syscall.ENOENT)
	}
	for i := range c.Lines {
		if c.Lines[i].Insn > insn {
			break
		}
		found = &c.Lines[i]
	}
	if found == nil {
		return Line{}, fmt.Errorf("no line information for instruction %d: %w", insn,
			syscall.ENOENT)
	}
	return *found, nil
}

// LineAtAddress returns the line that machine code at an address comes from, such as one of a stack
// trace (libbpf bpf_prog_linfo__lfind_addr_func). ErrNotExist if the address isn't in the program,
// or if there is no line information for it.
func (c *Code) LineAtAddress(address uint64) (Line, error) {
	if c == nil {
		return Line{}, fmt.Errorf("no code at address %#x: %w", address, syscall.ENOENT)
	}
	for i, f := range c.Functions {
		if f.Address == 0 || address < f.Address || address-f.Address >= uint64(f.Size) {
			continue
		}
		end := len(c.Insns)
		if i+1 < len(c.Functions) {
			end = c.Functions[i+1].Insn
		}
		var found *Line
		for j := range c.Lines {
			l := &c.Lines[j]
			if l.Insn >= f.Insn && (l.Insn < end || i+1 == len(c.Functions)) &&
				l.Address != 0 && l.Address <= address {
				found = l
			}
		}
		if found != nil {
			return *found, nil
		}
	}
	return Line{}, fmt.Errorf("no line information for address %#x: %w", address, syscall.ENOENT)
}
