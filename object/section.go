package object

import (
	"bytes"
	"slices"
	"strings"

	"github.com/purebpf/bpf/internal/elf64"
)

// secKind is the role of a section for a loader.
type secKind uint8

const (
	secOther secKind = iota
	secCode
	secData
	secRodata
	secBss
	secStructOps
	secArena
	secJumpTables
	secMaps
	secRel
)

// ArenaSection is the section of the global variables in an arena (clang's address space 1).
const ArenaSection = ".addr_space.1"

const (
	jumpTablesSection = ".jumptables"
	kconfigSection    = ".kconfig"
	ksymsSection      = ".ksyms"
	mapsSection       = ".maps"
)

// findSymbols opens the symbol table, of which there must be exactly one.
func (p *parser) findSymbols() error {
	var tab *elf64.Section
	for i := 1; i < len(p.f.Sections); i++ {
		s := &p.f.Sections[i]
		if s.Type != elf64.SectionSymTab {
			continue
		}
		if tab != nil {
			return p.fail(ReasonFormat, s.Name, "a second symbol table; the first is section %d",
				tab.Index)
		}
		tab = s
	}
	if tab == nil {
		return p.fail(ReasonNotFound, "",
			"no symbol table: was the object stripped? strip -g keeps the symbols")
	}
	syms, err := p.f.Symbols(tab)
	if err != nil {
		return p.failWith(ReasonFormat, "", err, "")
	}
	p.syms = syms
	return nil
}

// classify looks at every section in file order and reads what needs no symbols.
func (p *parser) classify() error {
	p.kinds = make([]secKind, len(p.f.Sections))
	for i := 1; i < len(p.f.Sections); i++ {
		s := &p.f.Sections[i]
		if skipped(s) || s.Type == elf64.SectionSymTab {
			continue
		}
		kind, err := p.classifyOne(s)
		if err != nil {
			return err
		}
		p.kinds[i] = kind
	}
	p.budget = p.f.Size()
	return nil
}

func (p *parser) classifyOne(s *elf64.Section) (secKind, error) {
	progBits := s.Type == elf64.SectionProgBits
	switch s.Name {
	case "license":
		return secOther, p.readLicense(s)
	case "version":
		return secOther, p.readVersion(s)
	case "maps":
		return secOther, p.fail(ReasonNotSupported, s.Name,
			`legacy map definitions (SEC("maps"), struct bpf_map_def) are not supported by libbpf 1.0 and later; `+
				`define maps with BTF instead: struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1024); __type(key, __u32); __type(value, __u64); } name SEC(".maps");`)
	case mapsSection:
		p.maps = s.Index
		return secMaps, nil
	case ".BTF", ".BTF.ext":
		if !progBits {
			return secOther, p.fail(ReasonFormat, s.Name, "section type %d, want 1 (SHT_PROGBITS)",
				s.Type)
		}
		if s.Name == ".BTF" {
			p.btf = s
		} else {
			p.ext = s
		}
		return secOther, nil
	}
	switch {
	case progBits && s.Size > 0 && s.Flags&elf64.FlagExec != 0:
		if s.Name == ".text" {
			p.text = s.Index
		}
		return secCode, nil
	case progBits && s.Size > 0 && isFamily(s.Name, ".data"):
		return secData, nil
	case progBits && s.Size > 0 && isFamily(s.Name, ".rodata"):
		return secRodata, nil
	case progBits && s.Size > 0 && isStructOps(s.Name):
		return secStructOps, nil
	case progBits && s.Size > 0 && s.Name == ArenaSection:
		return secArena, nil
	case progBits && s.Size > 0 && s.Name == jumpTablesSection:
		return secJumpTables, nil
	case s.Type == elf64.SectionNoBits && isFamily(s.Name, ".bss"):
		return secBss, nil
	case s.Type == elf64.SectionRel:
		return p.classifyRel(s)
	}
	p.note(s.Name, "skipped: not a section that a loader reads")
	return secOther, nil
}

// classifyRel keeps relocations of code, map slots and struct_ops variables.
func (p *parser) classifyRel(s *elf64.Section) (secKind, error) {
	target, ok := p.f.Section(s.Info)
	if !ok {
		return secOther, p.fail(ReasonFormat, s.Name, "relocates section %d; there are %d sections",
			s.Info, len(p.f.Sections))
	}
	if s.EntSize != 16 {
		return secOther, p.fail(ReasonFormat, s.Name, "relocations of %d bytes, want 16", s.EntSize)
	}
	if target.Flags&elf64.FlagExec != 0 || target.Name == mapsSection || isStructOps(target.Name) {
		return secRel, nil
	}
	p.note(s.Name, "skipped: relocations of a section that a loader does not relocate")
	return secOther, nil
}

// skipped reports whether a section is part of every object and unused by a loader, so that it
// needs no note.
func skipped(s *elf64.Section) bool {
	if s.Type == elf64.SectionStrTab || s.Type == elf64.SectionLLVMAddrSig {
		return true
	}
	if s.Type == elf64.SectionProgBits && s.Size == 0 && s.Name == ".text" {
		return true
	}
	name := strings.TrimPrefix(s.Name, ".rel")
	if strings.HasPrefix(name, ".debug_") {
		return true
	}
	return len(name) < len(s.Name) && (name == ".BTF" || name == ".BTF.ext")
}

// isFamily reports whether a section is base or "base.something".
func isFamily(name, base string) bool {
	return strings.HasPrefix(name, base) && (len(name) == len(base) || name[len(base)] == '.')
}

func isStructOps(name string) bool {
	switch strings.TrimPrefix(name, "?") {
	case ".struct_ops", ".struct_ops.link":
		return true
	}
	return false
}

func (p *parser) hasStructOps() bool { return slices.Contains(p.kinds, secStructOps) }

// readLicense reads the text up to the first NUL, at most 63 bytes: the kernel compares it with
// "GPL" and others.
func (p *parser) readLicense(s *elf64.Section) error {
	b, err := p.data(s)
	if err != nil {
		return err
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	p.o.License = string(b[:min(len(b), 63)])
	return nil
}

// readVersion reads the kernel version that kprobe programs must have on kernels before 5.0.
func (p *parser) readVersion(s *elf64.Section) error {
	b, err := p.data(s)
	if err != nil {
		return err
	}
	if len(b) != 4 {
		return p.fail(ReasonFormat, s.Name, "%d bytes, want 4", len(b))
	}
	p.o.KernVersion = p.o.Order.Uint32(b)
	return nil
}
