package maprules

import (
	"bytes"
	"strconv"

	"github.com/purebpf/bpf/facts"
)

// Kernel has the facts that rules depend on. The zero value is a kernel about which nothing is
// known: pages of 4 KiB and the usual configuration.
type Kernel struct {
	Version  uint32 // KERNEL_VERSION, 0 if not known
	PageSize int    // in bytes, 0 for 4096
	CPUs     int    // possible CPUs, 0 if not known
	Nodes    []int  // online NUMA nodes, nil if not known
	Kconfig  []byte // nil if not known
	// Sizeof returns the size of a kernel struct, 0 if that is not known. It may be nil.
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

// option returns a number from the kernel's configuration.
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

// kmalloc returns KMALLOC_MAX_SIZE, the size of the largest contiguous allocation.
func (k *Kernel) kmalloc() uint64 {
	order := uint64(10)
	if n, ok := k.option("CONFIG_ARCH_FORCE_MAX_ORDER"); ok && n > 0 && n < 32 {
		order = n
		// before, it was the first order that is not allocated
		if !facts.AtLeast(k.Version, "6.4") {
			order--
		}
	}
	return k.page() << order
}

// perCPU returns PCPU_MIN_UNIT_SIZE, the size of the largest per-CPU allocation.
func (k *Kernel) perCPU() uint64 { return max(32<<10, k.page()) }

// sizeof returns the size of a kernel struct; usual is the size in most kernels.
func (k *Kernel) sizeof(name string, usual uint32) uint64 {
	if k.Sizeof != nil {
		if n := k.Sizeof(name); n != 0 {
			return uint64(n)
		}
	}
	return uint64(usual)
}
