package maprules

import (
	"bytes"
	"strconv"

	"github.com/purebpf/bpf/facts"
)

// Kernel is what rules depend on. The zero value is a kernel of which nothing is known: pages of
// 4 KiB and the usual configuration.
type Kernel struct {
	Version  uint32 // KERNEL_VERSION, 0: not known
	PageSize int    // bytes, 0: 4096
	CPUs     int    // possible ones, 0: not known
	Kconfig  []byte // nil: not known
	// Sizeof answers the size of one of the kernel's structs, 0 if that is not known. nil: nothing
	// is known.
	Sizeof func(name string) uint32
}

// Newest is the first release whose rules are not in the table.
const Newest = "6.19"

// page returns the size of a page.
func (k *Kernel) page() uint64 {
	if k.PageSize <= 0 {
		return 4096
	}
	return uint64(k.PageSize)
}

// option returns a number in the kernel's configuration.
func (k *Kernel) option(name string) (uint64, bool) {
	for line := range bytes.Lines(k.Kconfig) {
		value, ok := bytes.CutPrefix(line, []byte(name+"="))
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 32)
		return n, err == nil
	}
	return 0, false
}

// kmalloc is KMALLOC_MAX_SIZE, the largest piece of memory that the kernel allocates in one.
func (k *Kernel) kmalloc() uint64 {
	order := uint64(10)
	if n, ok := k.option("CONFIG_ARCH_FORCE_MAX_ORDER"); ok && n > 0 && n < 32 {
		order = n
		if !facts.AtLeast(k.Version, "6.4") { // it was the first order that is not allocated
			order--
		}
	}
	return k.page() << order
}

// perCPU is PCPU_MIN_UNIT_SIZE, the largest piece of per-CPU memory.
func (k *Kernel) perCPU() uint64 { return max(32<<10, k.page()) }

// sizeof returns the size of a struct of the kernel; usual is that of most kernels.
func (k *Kernel) sizeof(name string, usual uint32) uint64 {
	if k.Sizeof != nil {
		if n := k.Sizeof(name); n != 0 {
			return uint64(n)
		}
	}
	return uint64(usual)
}
