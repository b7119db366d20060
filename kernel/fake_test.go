//go:build linux

package kernel

import (
	"encoding/binary"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// fake stands between this package and the kernel it runs on: refuse sees every bpf(2) call and may answer it with an errno.
// What it lets through is the real kernel's.
type fake struct {
	sys.Kernel
	refuse func(c call) syscall.Errno

	mu    sync.Mutex
	calls int
}

// call is one bpf(2) call.
type call struct {
	cmd    uapi.Cmd
	attr   unsafe.Pointer
	size   uintptr
	common *sys.CommonAttr
}

func (f *fake) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr, common *sys.CommonAttr) (int, syscall.Errno) {
	f.mu.Lock()
	f.calls++
	f.mu.Unlock()
	if e := f.refuse(call{cmd, attr, size, common}); e != 0 {
		return -1, e
	}
	return f.Kernel.BPF(cmd, attr, size, common)
}

// install makes a fake the kernel for this test.
func install(t testing.TB, refuse func(c call) syscall.Errno) *fake {
	f := &fake{refuse: refuse}
	restore := sys.Replace(f)
	t.Cleanup(restore)
	return f
}

func (c call) prog() *sys.ProgLoadAttr  { return (*sys.ProgLoadAttr)(c.attr) }
func (c call) maps() *sys.MapCreateAttr { return (*sys.MapCreateAttr)(c.attr) }

// word is the 32-bit field at an offset of the attribute.
func (c call) word(offset uintptr) uint32 { return *(*uint32)(unsafe.Add(c.attr, offset)) }

func (c call) insns() []asm.Instruction {
	a := c.prog()
	raw := unsafe.Slice((*byte)(a.Insns.Unsafe()), 8*int(a.InsnCnt))
	list, err := asm.Decode(raw, binary.NativeEndian)
	if err != nil {
		panic(err)
	}
	return list
}

// calls reports whether the program calls a helper.
func (c call) callsHelper(id int32) bool {
	for _, insn := range c.insns() {
		if insn == asm.EmitCall(id) {
			return true
		}
	}
	return false
}

// loads reports whether the program has an ld_imm64 with that pseudo source.
func (c call) loadsPseudo(src uint8) bool {
	for _, insn := range c.insns() {
		if insn.Op == 0x18 && uint8(insn.Regs>>4) == src {
			return true
		}
	}
	return false
}

// btf returns the BTF that is loaded.
func (c call) btf() []byte {
	a := (*sys.BTFLoadAttr)(c.attr)
	return unsafe.Slice((*byte)(a.BTF.Unsafe()), a.Size)
}

// btfKinds reports whether the BTF has a type of that kind for which ok holds (nil: any). It walks the types by the sizes that the
// kernel's documentation gives (Documentation/bpf/btf.rst).
func (c call) btfHas(kind uint32, ok func(words []uint32) bool) bool {
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

// btfName is the string at an offset of the BTF's string section.
func (c call) btfName(off uint32) string {
	raw := c.btf()
	word := func(off uint32) uint32 { return binary.NativeEndian.Uint32(raw[off:]) }
	return cString(raw[word(4)+word(16)+off:])
}

func unsafeBytes(p sys.Pointer, n uint32) []byte { return unsafe.Slice((*byte)(p.Unsafe()), n) }
