// Package arenapages allocates and frees pages of arenas as programs do, by two programs that call
// the kernel's functions for it. User space has no other way to get pages that programs don't use,
// or any at all with BPF_F_SEGV_ON_FAULT.
package arenapages

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Pages are the programs for one arena.
type Pages struct{ allocate, free *sys.FD }

// request is the context of both programs.
type request struct {
	address uint64 // where; in what allocate returns, 0 if there is no room
	count   uint64
}

// The places of the fields of a request.
const (
	addressOffset = int16(unsafe.Offsetof(request{}.address))
	countOffset   = int16(unsafe.Offsetof(request{}.count))
)

// Load loads the programs for the arena of a descriptor, which must be mapped. It needs CAP_BPF and
// CAP_PERFMON; the error is errors.ErrUnsupported if the kernel has no arenas. The caller closes
// the Pages.
func Load(arena int) (*Pages, error) {
	p := &Pages{}
	var err error
	if p.allocate, err = load(arena, "arena_alloc", "bpf_arena_alloc_pages", []asm.Instruction{
		asm.Mov64Imm(asm.R4, -1), // any NUMA node
		asm.Mov64Imm(asm.R5, 0),  // flags
	}, []asm.Instruction{
		asm.StxMem(asm.DW, asm.R6, asm.R0, addressOffset),
	}); err != nil {
		return nil, err
	}
	if p.free, err = load(arena, "arena_free", "bpf_arena_free_pages", nil, nil); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// load loads a program that calls function with the map, the address, the count and what the
// instructions before the call add.
func load(arena int, name, function string, before, then []asm.Instruction) (*sys.FD, error) {
	k := kernel.Running()
	spec, err := k.BTF()
	if err != nil {
		return nil, err
	}
	id, ok := spec.FindByName(function, btf.KindFunc)
	if !ok {
		return nil, fmt.Errorf("the kernel has no function %s: %w", function, errors.ErrUnsupported)
	}
	ld := asm.LdMapFD(asm.R1, arena)
	code := []asm.Instruction{
		asm.Mov64Reg(asm.R6, asm.R1),
		ld[0], ld[1],
		asm.LdxMem(asm.DW, asm.R2, asm.R6, addressOffset),
		asm.LdxMem(asm.DW, asm.R3, asm.R6, countOffset),
	}
	code = append(code, before...)
	code = append(code, asm.CallKfuncID(int32(id), 0))
	code = append(code, then...)
	code = append(code, asm.Mov64Imm(asm.R0, 0), asm.ExitInsn())
	license := []byte("GPL\x00")
	fd, err := sys.ProgLoad(&sys.ProgLoadAttr{
		Type: uapi.ProgSyscall, Flags: uapi.FSleepable, Name: sys.Name(name),
		InsnCnt: uint32(len(code)), Insns: sys.Slice(asm.Raw(code)), License: sys.Slice(license),
	})
	return fd, k.Explain(err, "load a program that calls "+function, kernel.CapBPF,
		kernel.CapPerfmon)
}

// Allocate returns the address of count pages of zeroes: at, or where there is room if at is 0.
// ENOMEM if there is none.
func (p *Pages) Allocate(at uint64, count int) (uint64, error) {
	r := request{at, uint64(count)}
	if err := run(p.allocate, &r); err != nil {
		return 0, err
	}
	if r.address == 0 {
		return 0, fmt.Errorf("no room for %d pages: %w", count, syscall.ENOMEM)
	}
	return r.address, nil
}

// Free gives count pages back.
func (p *Pages) Free(at uint64, count int) error { return run(p.free, &request{at, uint64(count)}) }

func run(program *sys.FD, r *request) error {
	return sys.ProgTestRun(&sys.ProgTestRunAttr{
		ProgFD: program.Uint32(), CtxIn: sys.Slice(unsafe.Slice(r, 1)),
		CtxSizeIn: uint32(unsafe.Sizeof(*r)),
	})
}

// Closed reports whether Close was called.
func (p *Pages) Closed() bool { return p.allocate.Closed() }

// Close closes the programs. The pages stay as they are.
func (p *Pages) Close() error { return errors.Join(p.allocate.Close(), p.free.Close()) }
