// Package oldkernel simulates, for tests, the running kernel without one of its features. Installed
// with funnel.Replace, it refuses the requests that kernels before the feature refuse, in the same
// way.
package oldkernel

import (
	"bytes"
	"encoding/binary"
	"sync"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Kernel stands between the code under test and the running kernel: Refuse sees every bpf(2) call
// and may answer it with an errno. All other calls go to the real kernel.
type Kernel struct {
	funnel.Kernel
	Refuse func(Call) syscall.Errno

	mu    sync.Mutex
	calls int
}

// BPF is bpf(2).
func (k *Kernel) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	r, e := -1, k.Refuse(Call{cmd, attr, size})
	if e == 0 {
		r, e = k.Kernel.BPF(cmd, attr, size, common)
		if cmd == uapi.CmdProgLoad && e == syscall.EAGAIN {
			return r, e
		}
	}
	k.mu.Lock()
	k.calls++
	k.mu.Unlock()
	return r, e
}

// Calls returns the number of calls. A load that was stopped by a signal (EAGAIN) and repeated
// counts once.
func (k *Kernel) Calls() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.calls
}

// Call is one bpf(2) call.
type Call struct {
	Cmd  uapi.Cmd
	Attr unsafe.Pointer
	Size uintptr
}

// Prog returns the attribute of BPF_PROG_LOAD.
func (c Call) Prog() *sys.ProgLoadAttr { return (*sys.ProgLoadAttr)(c.Attr) }

// Map returns the attribute of BPF_MAP_CREATE.
func (c Call) Map() *sys.MapCreateAttr { return (*sys.MapCreateAttr)(c.Attr) }

// Word returns the 32-bit field at an offset of the attribute.
func (c Call) Word(offset uintptr) uint32 { return *(*uint32)(unsafe.Add(c.Attr, offset)) }

func (c Call) insns() []asm.Instruction {
	a := c.Prog()
	raw := unsafe.Slice((*byte)(a.Insns.Unsafe()), 8*int(a.InsnCnt))
	list, err := asm.Decode(raw, binary.NativeEndian)
	if err != nil {
		panic(err)
	}
	return list
}

// CallsHelper reports whether the program calls a helper.
func (c Call) CallsHelper(id int32) bool {
	for _, insn := range c.insns() {
		if insn == asm.EmitCall(id) {
			return true
		}
	}
	return false
}

// addresses reports whether the program has an address in a map's value, at least the given offset
// from its start.
func (c Call) addresses(offset uint32) bool {
	insns := c.insns()
	for i, insn := range insns {
		if insn.IsLdImm64() && insn.Src() == asm.PseudoMapValue && i+1 < len(insns) &&
			uint32(insns[i+1].Imm) >= offset {
			return true
		}
	}
	return false
}

// WriteLog writes a program's log.
func (c Call) WriteLog(text string) {
	a := c.Prog()
	copy(unsafe.Slice((*byte)(a.LogBuf.Unsafe()), a.LogSize), text+"\x00")
}

// btf returns the BTF that is loaded.
func (c Call) btf() []byte {
	a := (*sys.BTFLoadAttr)(c.Attr)
	return unsafe.Slice((*byte)(a.BTF.Unsafe()), a.Size)
}

// btfHas reports whether the BTF has a type of that kind for which ok returns true (nil: any). It
// walks the types by the sizes in the kernel's documentation (Documentation/bpf/btf.rst).
func (c Call) btfHas(kind uint32, ok func(words []uint32) bool) bool {
	raw := c.btf()
	word := func(off uint32) uint32 { return binary.NativeEndian.Uint32(raw[off:]) }
	header, end := word(4), word(4)+word(12)
	for off := header; off < end; {
		info := word(off + 4)
		n := uint32(3)
		vlen := info & 0xffff
		switch info >> 24 & 0x1f {
		case 1, 14, 17:
			n++
		case 3:
			n += 3
		case 4, 5, 15, 19:
			n += 3 * vlen
		case 6, 13:
			n += 2 * vlen
		}
		var words []uint32
		for i := range n {
			words = append(words, word(off+4*i))
		}
		if info>>24&0x1f == kind && (ok == nil || ok(words)) {
			return true
		}
		off += 4 * n
	}
	return false
}

// btfName returns the string at an offset of the BTF's string section.
func (c Call) btfName(off uint32) string {
	raw := c.btf()
	word := func(off uint32) uint32 { return binary.NativeEndian.Uint32(raw[off:]) }
	text, _, _ := bytes.Cut(raw[word(4)+word(16)+off:], []byte{0})
	return string(text)
}
