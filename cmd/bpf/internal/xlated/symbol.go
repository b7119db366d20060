package xlated

import (
	"errors"
	"fmt"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/kernel"
)

// Symbols are the names of the functions that a program calls.
type Symbols struct {
	code   *inspect.Code
	base   uint64            // that the kernel counts helpers from; 0: addresses can't be seen
	byAddr map[uint64]string // "" until it is found
}

// errFound ends a walk over symbols.
var errFound = errors.New("found")

// ReadSymbols finds the names of what code calls. Without the privilege to see addresses, calls
// have numbers.
func ReadSymbols(code *inspect.Code) *Symbols {
	s := &Symbols{code: code, byAddr: map[uint64]string{}}
	var calls []asm.Instruction
	for i := 0; i < len(code.Insns); i++ {
		if in := code.Insns[i]; in.IsLdImm64() {
			i++
		} else if in.IsCall() {
			calls = append(calls, in)
		}
	}
	if len(calls) == 0 {
		return s
	}
	const symbols = "/proc/kallsyms"
	kernel.EachSymbol(symbols, func(sym facts.Symbol) error {
		if string(sym.Name) == "__bpf_call_base" {
			s.base = sym.Addr
			return errFound
		}
		return nil
	})
	if s.base == 0 {
		return s
	}
	for _, c := range calls {
		s.byAddr[s.target(c)] = ""
	}
	left := len(s.byAddr)
	kernel.EachSymbol(symbols, func(sym facts.Symbol) error {
		if name, wanted := s.byAddr[sym.Addr]; wanted && name == "" {
			s.byAddr[sym.Addr] = string(sym.Name)
			if left--; left == 0 {
				return errFound
			}
		}
		return nil
	})
	return s
}

// target returns the address that a call goes to.
func (s *Symbols) target(i asm.Instruction) uint64 {
	if n := int(i.Imm); i.IsPseudoCall() && n >= 0 && n < len(s.code.Functions) &&
		s.code.Functions[n].Address != 0 {
		return s.code.Functions[n].Address
	}
	return s.base + uint64(int64(i.Imm))
}

// Call returns the target of a call.
func (s *Symbols) Call(i asm.Instruction) string {
	address := s.target(i)
	name := s.byAddr[address]
	if name == "" {
		name = fmt.Sprintf("0x%x", address)
	}
	switch {
	case !i.IsPseudoCall():
		return name
	case s.code.Machine == nil && s.code.Functions[0].Address == 0:
		return fmt.Sprintf("%+d", i.Off) // interpreted
	}
	return fmt.Sprintf("%+d#%s", i.Off, name)
}
