package objdump

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/btf/core"
	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/uapi"
)

// Relocation types of the BPF ELF format.
const (
	relNone   = 0
	rel64x64  = 1  // R_BPF_64_64: ld_imm64
	rel64x32  = 10 // R_BPF_64_32: call
	quoteMost = 40 // bytes of a string literal shown in a comment
)

// comments describes what the instructions of one section refer to.
type comments struct {
	*object
	section *elf64.Section
	relocs  []elf64.Rel    // by offset
	core    []btf.CoreRelo // by offset
}

// comments collects the relocations and CO-RE records of a section.
func (o *object) comments(s *elf64.Section) *comments {
	c := &comments{object: o, section: s, core: o.core[s.Name]}
	for _, r := range o.relocs[uint32(s.Index)] {
		rels, err := o.file.Rels(r)
		if err != nil {
			o.warn(err)
			continue
		}
		for i := range rels.Len() {
			c.relocs = append(c.relocs, rels.At(i))
		}
	}
	slices.SortStableFunc(c.relocs, func(a, b elf64.Rel) int {
		return cmp.Compare(a.Offset, b.Offset)
	})
	return c
}

// comment appends what is known about the instruction at a byte offset.
func (c *comments) comment(dst []byte, off uint64, insn asm.Instruction) []byte {
	start := len(dst)
	if r, ok := c.reloc(off); ok {
		dst = c.reference(dst, insn, r)
	} else if insn.IsHelperCall() {
		if id := uint32(insn.Imm); id < uint32(len(uapi.HelperNames)) {
			dst = append(dst, uapi.HelperNames[id]...)
		}
	} else if insn.IsPseudoCall() || insn.IsPseudoFunc() {
		dst = c.function(dst, c.section, off+uint64(int64(insn.Imm)+1)*asm.Size)
	}
	i := sort.Search(len(c.core), func(i int) bool { return uint64(c.core[i].InsnOff) >= off })
	for ; i < len(c.core) && uint64(c.core[i].InsnOff) == off; i++ {
		if len(dst) > start {
			dst = append(dst, ", "...)
		}
		access, _ := c.spec.Name(c.core[i].AccessOff)
		dst = append(dst, "CO-RE "...)
		dst = append(dst, core.Describe(c.spec,
			core.Relo{Kind: core.Kind(c.core[i].Kind), Type: c.core[i].Type, Access: access})...)
		if len(dst)-start > longestName {
			return dst[:start+longestName]
		}
	}
	return dst
}

// reloc returns the relocation of the instruction at a byte offset.
func (c *comments) reloc(off uint64) (elf64.Rel, bool) {
	i := sort.Search(len(c.relocs), func(i int) bool { return c.relocs[i].Offset >= off })
	if i == len(c.relocs) || c.relocs[i].Offset != off || c.relocs[i].Type == relNone {
		return elf64.Rel{}, false
	}
	return c.relocs[i], true
}

// reference appends what a relocated instruction refers to.
func (c *comments) reference(dst []byte, insn asm.Instruction, r elf64.Rel) []byte {
	if c.symbols == nil {
		return dst
	}
	sym, ok := c.symbols.At(int(r.Symbol))
	if !ok {
		return fmt.Appendf(dst, "relocation with symbol %d of %d", r.Symbol, c.symbols.Len())
	}
	name, _ := c.symbols.Name(sym)
	name = name[:min(len(name), longestName)]
	if sym.Section == elf64.IndexUndef {
		if c.kfuncs[name] {
			return append(append(dst, "kfunc "...), name...)
		}
		return append(append(dst, "extern "...), name...)
	}
	section, ok := c.file.Section(uint32(sym.Section))
	if !ok || sym.Section >= elf64.IndexReserve {
		return append(dst, name...)
	}
	switch {
	case r.Type == rel64x32 || insn.IsCall():
		return c.function(dst, section, sym.Value+uint64(int64(insn.Imm)+1)*asm.Size)
	case r.Type != rel64x64:
		return fmt.Appendf(dst, "relocation type %d, symbol %s", r.Type, name)
	case section.Flags&elf64.FlagExec != 0:
		return c.function(dst, section, sym.Value+uint64(uint32(insn.Imm)))
	case section.Name == ".maps" || section.Name == "maps":
		return c.place(append(dst, "map "...), section, sym.Value)
	}
	at := sym.Value + uint64(uint32(insn.Imm))
	if strings.HasPrefix(section.Name, ".rodata.str") {
		return c.literal(dst, section, at)
	}
	return c.place(append(append(dst, section.Name...), ' '), section, at)
}

// function appends the name of the function at a byte offset of a section of code.
func (c *comments) function(dst []byte, section *elf64.Section, at uint64) []byte {
	dst = append(dst, "subprog "...)
	list := c.named[section.Index]
	i := sort.Search(len(list), func(i int) bool { return list[i].addr >= at })
	name := ""
	for ; i < len(list) && list[i].addr == at; i++ {
		// not a compiler's label, if there is a better one
		if s := list[i]; !s.data && (name == "" || strings.HasPrefix(name, "L")) {
			name = s.name
		}
	}
	if name != "" {
		return append(dst, name...)
	}
	return appendOffset(append(dst, section.Name...), at)
}

// place appends the name of the variable that contains a byte of a section and the distance from
// its start, or only the offset.
func (c *comments) place(dst []byte, section *elf64.Section, at uint64) []byte {
	list := c.named[section.Index]
	i := sort.Search(len(list), func(i int) bool { return list[i].addr > at })
	if i > 0 && at-list[i-1].addr < max(list[i-1].size, 1) {
		return appendOffset(append(dst, list[i-1].name...), at-list[i-1].addr)
	}
	return strconv.AppendUint(append(dst, "+0x"...), at, 16)
}

// literal appends the string literal at a byte offset of a section of strings.
func (c *comments) literal(dst []byte, section *elf64.Section, at uint64) []byte {
	dst = append(appendOffset(append(dst, section.Name...), at), ' ')
	data, err := c.file.Data(section)
	if err != nil || at >= uint64(len(data)) {
		return dst
	}
	text, _, _ := strings.Cut(string(data[at:min(at+quoteMost+1, uint64(len(data)))]), "\x00")
	if len(text) > quoteMost {
		return append(strconv.AppendQuoteToASCII(dst, text[:quoteMost]), "..."...)
	}
	return strconv.AppendQuoteToASCII(dst, text)
}

// appendOffset appends +0xN unless N is 0.
func appendOffset(dst []byte, off uint64) []byte {
	if off == 0 {
		return dst
	}
	return strconv.AppendUint(append(dst, "+0x"...), off, 16)
}
