package kernel

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/purebpf/bpf/facts"
)

// Functions names addresses of the kernel's functions, its modules' and BPF programs' too, as they
// were when the table was read. It takes some ten megabytes.
type Functions struct {
	starts []uint64
	ends   []int // of the names in text, by start
	text   []byte
}

// ReadFunctions reads the table from /proc/kallsyms. The error wraps facts.ErrHidden if the kernel
// hides addresses from this process (kernel.kptr_restrict, without CAP_SYSLOG).
func ReadFunctions() (*Functions, error) { return readFunctions("/proc/kallsyms") }

func readFunctions(path string) (*Functions, error) {
	type function struct {
		addr uint64
		name string
	}
	var all []function
	symbols := 0
	err := EachSymbol(path, func(s facts.Symbol) error {
		symbols++
		switch {
		case s.Addr == 0:
		case s.Type == 't' || s.Type == 'T' || s.Type == 'w' || s.Type == 'W':
			all = append(all, function{s.Addr, string(s.Name)})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 && symbols > 0 {
		return nil, fmt.Errorf("%s: %w", path, facts.ErrHidden)
	}
	slices.SortStableFunc(all, func(a, b function) int { return cmp.Compare(a.addr, b.addr) })
	f := &Functions{}
	for _, x := range all {
		f.starts = append(f.starts, x.addr)
		f.text = append(f.text, x.name...)
		f.ends = append(f.ends, len(f.text))
	}
	return f, nil
}

// maxFunction is the size of the largest function: what is further from a start is in none.
const maxFunction = 1 << 16

// At returns the function that an address is in, as far as its start tells, and the offset from
// there. A nil Functions has none.
func (f *Functions) At(addr uint64) (name string, offset uint64, ok bool) {
	if f == nil {
		return "", 0, false
	}
	i, found := slices.BinarySearch(f.starts, addr)
	if !found {
		i--
	}
	if i < 0 || addr-f.starts[i] >= maxFunction {
		return "", 0, false
	}
	from := 0
	if i > 0 {
		from = f.ends[i-1]
	}
	return string(f.text[from:f.ends[i]]), addr - f.starts[i], true
}
