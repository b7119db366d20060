// Package facts says what a resolver may ask about a kernel, live or recorded. It is an interface
// and its vocabulary: package kernel answers for the running kernel, Recorded for one that was
// written down. No system calls here.
package facts

import "github.com/purebpf/bpf/btf"

// Kernel answers questions about one kernel. Implementations are safe for concurrent use and may
// answer lazily; answers never change for the life of the value.
type Kernel interface {
	// Version is KERNEL_VERSION(a,b,c) as libbpf computes it, 0 if it cannot be told.
	Version() uint32
	// BTF is vmlinux BTF. The error wraps ErrNotExist when the kernel has none.
	BTF() (*btf.Spec, error)
	// Modules lists BTF of loaded modules in id order, each split over BTF().
	Modules() ([]*Module, error)
	// Ksyms looks addresses up in kallsyms, one pass for all names; absent names are absent from
	// the result. A name with two different addresses is in ambiguous. If the kernel hides
	// addresses, addrs has the names that there are, with 0, and err wraps ErrHidden.
	Ksyms(names []string) (addrs map[string]uint64, ambiguous map[string]bool, err error)
	// Kconfig is the text of the kernel's configuration.
	Kconfig() ([]byte, error)
	// Has answers whether the kernel has f. err says why the answer could not be found out; yes is
	// then false.
	Has(f Feature) (yes bool, err error)
	// PossibleCPUs is the number of possible CPUs, PageSize the size of a page in bytes.
	PossibleCPUs() (int, error)
	PageSize() int
}

// Module is the BTF of one kernel module.
type Module struct {
	Name string
	ID   uint32 // BTF object id, 0 when recorded
	BTF  *btf.Spec
}
