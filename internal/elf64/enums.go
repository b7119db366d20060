package elf64

// Type is the kind of an ELF file (e_type).
type Type uint16

// TypeRel (ET_REL) is a relocatable object file.
const TypeRel Type = 1

// Machine is the processor of an ELF file (e_machine).
type Machine uint16

const (
	MachineNone Machine = 0   // EM_NONE, what old LLVM wrote for BPF
	MachineBPF  Machine = 247 // EM_BPF
)

// SectionType is the type of a section (sh_type).
type SectionType uint32

const (
	SectionNull        SectionType = 0          // SHT_NULL
	SectionProgBits    SectionType = 1          // SHT_PROGBITS
	SectionSymTab      SectionType = 2          // SHT_SYMTAB
	SectionStrTab      SectionType = 3          // SHT_STRTAB
	SectionNoBits      SectionType = 8          // SHT_NOBITS
	SectionRel         SectionType = 9          // SHT_REL
	SectionLLVMAddrSig SectionType = 0x6fff4c03 // SHT_LLVM_ADDRSIG
)

// SectionFlags are the flags of a section (sh_flags).
type SectionFlags uint64

const (
	FlagWrite SectionFlags = 1 // SHF_WRITE
	FlagAlloc SectionFlags = 2 // SHF_ALLOC
	FlagExec  SectionFlags = 4 // SHF_EXECINSTR
)

// SectionIndex is the section of a symbol (st_shndx).
type SectionIndex uint16

const (
	IndexUndef   SectionIndex = 0      // SHN_UNDEF
	IndexReserve SectionIndex = 0xff00 // SHN_LORESERVE: from here on it is no section
	IndexAbs     SectionIndex = 0xfff1 // SHN_ABS
	IndexCommon  SectionIndex = 0xfff2 // SHN_COMMON
)

// Bind is the binding of a symbol.
type Bind uint8

const (
	BindLocal  Bind = 0 // STB_LOCAL
	BindGlobal Bind = 1 // STB_GLOBAL
	BindWeak   Bind = 2 // STB_WEAK
)

// SymbolType is the type of a symbol.
type SymbolType uint8

const (
	SymbolNoType  SymbolType = 0 // STT_NOTYPE
	SymbolObject  SymbolType = 1 // STT_OBJECT
	SymbolFunc    SymbolType = 2 // STT_FUNC
	SymbolSection SymbolType = 3 // STT_SECTION
	SymbolFile    SymbolType = 4 // STT_FILE
)

// Visibility is the visibility of a symbol.
type Visibility uint8

const (
	VisDefault   Visibility = 0 // STV_DEFAULT
	VisInternal  Visibility = 1 // STV_INTERNAL
	VisHidden    Visibility = 2 // STV_HIDDEN
	VisProtected Visibility = 3 // STV_PROTECTED
)
