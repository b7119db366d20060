// Package facts defines the interface by which a resolver asks about a kernel, and the types of the
// answers. Package kernel implements the interface for the running kernel, Recorded for a
// recording. Package facts makes no system calls.
package facts

import "github.com/purebpf/bpf/btf"

// Kernel answers questions about one kernel. Implementations are safe for concurrent use and may
// answer lazily; answers never change for the life of the value.
type Kernel interface {
	// Version returns KERNEL_VERSION(a,b,c) as libbpf computes it, 0 if it is not known.
	Version() uint32
	// BTF returns the BTF of vmlinux. The error wraps ErrNotExist if the kernel has none.
	BTF() (*btf.Spec, error)
	// Modules returns the BTF of the loaded modules in id order, each split over BTF().
	Modules() ([]*Module, error)
	// Ksyms looks up addresses in kallsyms, in one pass for all names. Names that are not there are
	// absent from addrs. A name with two different addresses is in ambiguous. If the kernel hides
	// addresses, addrs has the names that exist, with address 0, and err wraps ErrHidden.
	Ksyms(names []string) (addrs map[string]uint64, ambiguous map[string]bool, err error)
	// Kconfig returns the text of the kernel's configuration.
	Kconfig() ([]byte, error)
	// Has reports whether the kernel has f. If that cannot be determined, yes is false and err says
	// why.
	Has(f Feature) (yes bool, err error)
	// PossibleCPUs returns the number of possible CPUs, PageSize the size of a page in bytes.
	PossibleCPUs() (int, error)
	PageSize() int
}

// Module is the BTF of one kernel module.
type Module struct {
	Name string
	ID   uint32 // BTF object id, 0 when recorded
	BTF  *btf.Spec
}
