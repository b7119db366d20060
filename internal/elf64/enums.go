package elf64

// Type is the kind of an ELF file (e_type).
type Type uint16

const (
	TypeRel  Type = 1 // ET_REL, a relocatable object file
	TypeExec Type = 2 // ET_EXEC, a program with fixed addresses
	TypeDyn  Type = 3 // ET_DYN, a shared library or a program without fixed addresses
)

// Machine is the processor of an ELF file (e_machine).
type Machine uint16

const (
	MachineNone      Machine = 0   // EM_NONE, what old LLVM wrote for BPF
	Machine386       Machine = 3   // EM_386
	MachinePPC64     Machine = 21  // EM_PPC64
	MachineS390      Machine = 22  // EM_S390, 32 and 64 bit
	MachineARM       Machine = 40  // EM_ARM
	MachineX86_64    Machine = 62  // EM_X86_64
	MachineAArch64   Machine = 183 // EM_AARCH64
	MachineRISCV     Machine = 243 // EM_RISCV
	MachineBPF       Machine = 247 // EM_BPF
	MachineLoongArch Machine = 258 // EM_LOONGARCH
)

// SectionType is the type of a section (sh_type).
type SectionType uint32

const (
	SectionNull        SectionType = 0          // SHT_NULL
	SectionProgBits    SectionType = 1          // SHT_PROGBITS
	SectionSymTab      SectionType = 2          // SHT_SYMTAB
	SectionStrTab      SectionType = 3          // SHT_STRTAB
	SectionDynamic     SectionType = 6          // SHT_DYNAMIC
	SectionNote        SectionType = 7          // SHT_NOTE
	SectionNoBits      SectionType = 8          // SHT_NOBITS
	SectionRel         SectionType = 9          // SHT_REL
	SectionDynSym      SectionType = 11         // SHT_DYNSYM
	SectionLLVMAddrSig SectionType = 0x6fff4c03 // SHT_LLVM_ADDRSIG
	SectionVerDef      SectionType = 0x6ffffffd // SHT_GNU_verdef
	SectionVerSym      SectionType = 0x6fffffff // SHT_GNU_versym
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
	IndexReserve SectionIndex = 0xff00 // SHN_LORESERVE: values from here on are not sections
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
	SymbolNoType  SymbolType = 0  // STT_NOTYPE
	SymbolObject  SymbolType = 1  // STT_OBJECT
	SymbolFunc    SymbolType = 2  // STT_FUNC
	SymbolSection SymbolType = 3  // STT_SECTION
	SymbolFile    SymbolType = 4  // STT_FILE
	SymbolIFunc   SymbolType = 10 // STT_GNU_IFUNC, a function that picks the function
)

// Visibility is the visibility of a symbol.
type Visibility uint8

const (
	VisDefault   Visibility = 0 // STV_DEFAULT
	VisInternal  Visibility = 1 // STV_INTERNAL
	VisHidden    Visibility = 2 // STV_HIDDEN
	VisProtected Visibility = 3 // STV_PROTECTED
)
