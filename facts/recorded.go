package facts

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/purebpf/bpf/btf"
)

// ErrNotRecorded reports that a recording does not contain the requested fact. The kernel may have
// it or not.
var ErrNotRecorded = errors.New("not recorded")

// Recording contains recorded facts about a kernel, possibly only some. The zero value of a field
// means that nothing is known, except where noted.
type Recording struct {
	Version  uint32              // KERNEL_VERSION(a,b,c)
	BTF      []byte              // content of /sys/kernel/btf/vmlinux; empty if the kernel has none
	Modules  []ModuleRecording   // BTF of loaded modules; nil if there are none
	Kallsyms []byte              // text of /proc/kallsyms
	Kconfig  []byte              // text of the configuration
	Features [NumFeatures]Answer // see Upstream for the features of a version
	CPUs     int                 // possible CPUs
	PageSize int                 // 0: 4096
}

// ModuleRecording is the BTF of one module.
type ModuleRecording struct {
	Name string
	BTF  []byte // content of /sys/kernel/btf/NAME, split over vmlinux
}

// Recorded is a recorded kernel. It works on any OS and without privileges. It implements Kernel.
type Recorded struct {
	r       Recording
	btf     func() (*btf.Spec, error)
	modules func() ([]*Module, error)
}

var _ Kernel = (*Recorded)(nil)

// NewRecorded returns a Kernel that answers from a recording, whose contents must not change
// afterwards. BTF is parsed when it is first used.
func NewRecorded(r Recording) *Recorded {
	k := &Recorded{r: r}
	k.btf = sync.OnceValues(k.parseBTF)
	k.modules = sync.OnceValues(k.parseModules)
	return k
}

// Version returns the recorded version, 0 if it was not recorded.
func (k *Recorded) Version() uint32 { return k.r.Version }

// BTF returns the kernel's BTF. The error wraps fs.ErrNotExist if there is none.
func (k *Recorded) BTF() (*btf.Spec, error) { return k.btf() }

func (k *Recorded) parseBTF() (*btf.Spec, error) {
	if len(k.r.BTF) == 0 {
		return nil, fmt.Errorf("the recorded kernel has no BTF: %w", fs.ErrNotExist)
	}
	s, err := btf.Parse(k.r.BTF, nil)
	if err != nil {
		return nil, fmt.Errorf("the recorded kernel's BTF: %w", err)
	}
	return s, nil
}

// Modules returns the BTF of the recorded modules in the order of the recording.
func (k *Recorded) Modules() ([]*Module, error) { return k.modules() }

func (k *Recorded) parseModules() ([]*Module, error) {
	if len(k.r.Modules) == 0 {
		return nil, nil
	}
	base, err := k.BTF()
	if err != nil {
		return nil, err
	}
	list := make([]*Module, len(k.r.Modules))
	for i, m := range k.r.Modules {
		s, err := btf.Parse(m.BTF, base)
		if err != nil {
			return nil, fmt.Errorf("BTF of the recorded module %s: %w", m.Name, err)
		}
		list[i] = &Module{Name: m.Name, BTF: s}
	}
	return list, nil
}

// Ksyms looks up addresses in the recorded kallsyms.
func (k *Recorded) Ksyms(names []string) (addrs map[string]uint64, ambiguous map[string]bool,
	err error) {
	if len(names) == 0 {
		return nil, nil, nil
	}
	if k.r.Kallsyms == nil {
		return nil, nil, fmt.Errorf("addresses of kernel symbols: %w", ErrNotRecorded)
	}
	set := NewSymbolSet(names)
	rest := k.r.Kallsyms
	for n := 1; len(rest) > 0; n++ {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		s, ok := ParseSymbol(line)
		if !ok {
			return nil, nil, fmt.Errorf("recorded kallsyms, line %d: %q is not a symbol", n,
				line[:min(len(line), 80)])
		}
		set.Add(s)
	}
	addrs, ambiguous = set.Found()
	if set.Hidden() {
		return addrs, ambiguous, fmt.Errorf("recorded kallsyms: %w", ErrHidden)
	}
	return addrs, ambiguous, nil
}

// Kconfig returns the recorded configuration.
func (k *Recorded) Kconfig() ([]byte, error) {
	if k.r.Kconfig == nil {
		return nil, fmt.Errorf("configuration: %w", ErrNotRecorded)
	}
	return k.r.Kconfig, nil
}

// Has returns the recorded answer; if it is Unknown, the error wraps ErrNotRecorded.
func (k *Recorded) Has(f Feature) (bool, error) {
	if f >= NumFeatures || k.r.Features[f] == Unknown {
		return false, fmt.Errorf("feature %s: %w", f, ErrNotRecorded)
	}
	return k.r.Features[f] == Yes, nil
}

// PossibleCPUs returns the recorded number of possible CPUs.
func (k *Recorded) PossibleCPUs() (int, error) {
	if k.r.CPUs <= 0 {
		return 0, fmt.Errorf("number of CPUs: %w", ErrNotRecorded)
	}
	return k.r.CPUs, nil
}

// PageSize returns the recorded size of a page in bytes, 4096 if it was not recorded.
func (k *Recorded) PageSize() int {
	if k.r.PageSize == 0 {
		return 4096
	}
	return k.r.PageSize
}
