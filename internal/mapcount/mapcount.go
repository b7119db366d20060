// Package mapcount reads how many elements each map of the kernel holds, by an iterator program
// that calls the kernel's own function for it. User space has no other way than to walk through the
// keys.
package mapcount

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// function counts the elements of a hash, of whatever kind. It returns 0 for other maps.
const function = "bpf_map_sum_elem_count"

// Iterator walks through the kernel's maps.
type Iterator struct {
	ProgramID, LinkID uint32
	program, link     *sys.FD
	buf               []byte
}

// New loads and attaches the iterator program. It needs CAP_BPF and CAP_PERFMON; the error is
// errors.ErrUnsupported before 6.6, which has no such function. The caller closes the Iterator.
func New() (*Iterator, error) {
	k := kernel.Running()
	spec, err := k.BTF()
	if err != nil {
		return nil, err
	}
	sum, ok := spec.FindByName(function, btf.KindFunc)
	if !ok {
		return nil, fmt.Errorf("the kernel has no function %s: %w", function, errors.ErrUnsupported)
	}
	target, ok := spec.FindByName("bpf_iter_bpf_map", btf.KindFunc)
	if !ok {
		return nil, fmt.Errorf("the kernel has no iterator of maps: %w", errors.ErrUnsupported)
	}
	id, err := offset(spec, "bpf_map", "id")
	if err != nil {
		return nil, err
	}
	code := []asm.Instruction{
		asm.Mov64Reg(asm.R6, asm.R1),
		asm.LdxMem(asm.DW, asm.R7, asm.R6, 8), // bpf_iter__bpf_map.map
		asm.JmpImm(asm.JEQ, asm.R7, 0, 11),    // the end
		asm.LdxMem(asm.W, asm.R1, asm.R7, id),
		asm.StxMem(asm.DW, asm.R10, asm.R1, -16),
		asm.Mov64Reg(asm.R1, asm.R7),
		asm.CallKfuncID(int32(sum), 0),
		asm.StxMem(asm.DW, asm.R10, asm.R0, -8),
		asm.LdxMem(asm.DW, asm.R1, asm.R6, 0), // bpf_iter__bpf_map.meta
		asm.LdxMem(asm.DW, asm.R1, asm.R1, 0), // bpf_iter_meta.seq
		asm.Mov64Reg(asm.R2, asm.R10),
		asm.Alu64Imm(asm.Add, asm.R2, -16),
		asm.Mov64Imm(asm.R3, recordSize),
		asm.EmitCall(helperSeqWrite),
		asm.Mov64Imm(asm.R0, 0),
		asm.ExitInsn(),
	}
	license := []byte("GPL\x00")
	program, err := sys.ProgLoad(&sys.ProgLoadAttr{
		Type: uapi.ProgTracing, ExpectedAttachType: uapi.AttachTraceIter,
		AttachBTFID: uint32(target), Name: sys.Name("map_counts"),
		InsnCnt: uint32(len(code)), Insns: sys.Slice(asm.Raw(code)), License: sys.Slice(license),
	})
	if err != nil {
		return nil, k.Explain(err, "load an iterator of maps", kernel.CapBPF, kernel.CapPerfmon)
	}
	link, err := sys.LinkCreate(&sys.LinkCreateAttr{
		ProgFD: program.Uint32(), AttachType: uapi.AttachTraceIter,
	})
	if err != nil {
		program.Close()
		return nil, fmt.Errorf("attach an iterator of maps: %w", err)
	}
	it := &Iterator{program: program, link: link, buf: make([]byte, 16<<10)}
	p, err := sys.ProgInfoByFD(program.Int())
	if err == nil {
		it.ProgramID = p.ID
		var l *sys.LinkInfo
		if l, err = sys.LinkInfoByFD(link.Int()); err == nil {
			it.LinkID = l.ID
			return it, nil
		}
	}
	it.Close()
	return nil, fmt.Errorf("ids of an iterator of maps: %w", err)
}

// offset returns where a member of a struct of the kernel is.
func offset(spec *btf.Spec, of, member string) (int16, error) {
	if id, ok := spec.FindByName(of, btf.KindStruct); ok {
		t, _ := spec.Type(id)
		for i := range t.Vlen() {
			if m := t.Member(i); m.Name == member && m.BitOffset < 1<<15 {
				return int16(m.BitOffset / 8), nil
			}
		}
	}
	return 0, fmt.Errorf("the kernel's BTF has no %s.%s: %w", of, member, errors.ErrUnsupported)
}

// recordSize is the size of what the program writes for a map: its id and its count.
const recordSize = 16

// helperSeqWrite is the id of the helper bpf_seq_write.
const helperSeqWrite = 127

// Read sets counts[id] to the number of elements of each map that has an entry in counts. It isn't
// for concurrent use.
func (it *Iterator) Read(counts map[uint32]uint64) error {
	file, err := sys.IterCreate(it.link.Int())
	if err != nil {
		return fmt.Errorf("open an iterator of maps: %w", err)
	}
	defer file.Close()
	for filled := 0; ; {
		n, err := sys.Read(file.Int(), it.buf[filled:])
		if err == syscall.EAGAIN || err == syscall.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("read an iterator of maps: %w", err)
		}
		if n == 0 && filled != 0 {
			return fmt.Errorf("read an iterator of maps: %w", io.ErrUnexpectedEOF)
		}
		if n == 0 {
			return nil
		}
		data := it.buf[:filled+n]
		for ; len(data) >= recordSize; data = data[recordSize:] {
			id := uint32(binary.NativeEndian.Uint64(data))
			if _, ok := counts[id]; ok {
				counts[id] = binary.NativeEndian.Uint64(data[8:])
			}
		}
		filled = copy(it.buf, data)
	}
}

// Close detaches and unloads the program.
func (it *Iterator) Close() error { return errors.Join(it.link.Close(), it.program.Close()) }
