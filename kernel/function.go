package kernel

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/glob"
	"github.com/purebpf/bpf/internal/nearest"
)

// # Functions that match a pattern
//
// kprobe.multi attaches to functions that ftrace can patch; the kernel lists them in tracefs. Since
// 6.5 there is a list with their addresses, which is sufficient. Older kernels list only names, so
// the addresses come from /proc/kallsyms: those of the symbols whose name matches the pattern and
// is in the list. Some kernels list names that LLVM made ("name.llvm.123") without their suffix.
// The text after a name ("[module]") does not matter. If several functions share a name, all of
// them are attached to.

// MatchFunctions returns the addresses of the functions that ftrace can patch and whose names match
// a pattern of '*' and '?'. tracefs is its mount point. MatchFunctions needs CAP_DAC_OVERRIDE
// unless tracefs may be read, and before 6.5 CAP_SYSLOG. The error is errors.ErrUnsupported if the
// kernel does not list functions (CONFIG_DYNAMIC_FTRACE).
func MatchFunctions(tracefs, pattern string) ([]uint64, error) {
	addresses, err := matchWithAddresses(tracefs+"/available_filter_functions_addrs", pattern)
	if err == nil {
		return addresses, nil
	}
	names, namesErr := matchNames(tracefs+"/available_filter_functions", pattern)
	if namesErr != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = namesErr
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("this kernel doesn't list the functions that match "+
				"(CONFIG_DYNAMIC_FTRACE): %w", errors.ErrUnsupported)
		}
		return nil, err
	}
	return matchSymbols(kallsymsPath, pattern, names)
}

// eachFunction calls each for every line of a file in tracefs that lists functions.
func eachFunction(path string, each func(line []byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if err := each(lines.Bytes()); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// matchWithAddresses reads lines of "address name [module]".
func matchWithAddresses(path, pattern string) ([]uint64, error) {
	var list []uint64
	err := eachFunction(path, func(line []byte) error {
		text, rest, ok := bytes.Cut(line, []byte{' '})
		name, _, _ := bytes.Cut(rest, []byte{' '})
		if !ok || len(name) == 0 {
			return fmt.Errorf("%q is not a function: %w", line, syscall.EINVAL)
		}
		if !glob.Match(pattern, name) {
			return nil
		}
		address, err := strconv.ParseUint(string(text), 16, 64)
		if err != nil {
			return err
		}
		list = append(list, address)
		return nil
	})
	return list, err
}

// matchNames reads lines of "name [module]" and returns the names, sorted.
func matchNames(path, pattern string) ([]string, error) {
	var list []string
	err := eachFunction(path, func(line []byte) error {
		name, _, _ := bytes.Cut(line, []byte{' '})
		if glob.Match(pattern, name) {
			list = append(list, string(name))
		}
		return nil
	})
	slices.Sort(list)
	return slices.Compact(list), err
}

// matchSymbols returns the addresses of the symbols in a file like kallsyms that match the pattern
// and are among names.
func matchSymbols(path, pattern string, names []string) ([]uint64, error) {
	if len(names) == 0 {
		return nil, nil
	}
	var list []uint64
	err := EachSymbol(path, func(s facts.Symbol) error {
		if !glob.Match(pattern, s.Name) || !contains(names, s.Name) {
			return nil
		}
		if s.Addr == 0 {
			return fmt.Errorf("%s: %w: %w", path, facts.ErrHidden, syscall.EPERM)
		}
		list = append(list, s.Addr)
		return nil
	})
	return list, err
}

// contains reports whether name, or the name from which LLVM made it, is among the sorted names.
func contains(names []string, name []byte) bool {
	if _, ok := slices.BinarySearchFunc(names, name, compareName); ok {
		return true
	}
	i := bytes.Index(name, []byte(".llvm."))
	if i < 0 {
		return false
	}
	_, ok := slices.BinarySearchFunc(names, name[:i], compareName)
	return ok
}

func compareName(a string, b []byte) int {
	switch {
	case a < string(b):
		return -1
	case a > string(b):
		return 1
	}
	return 0
}

// MissingFunctions returns the names that are not in the kernel's list of functions that ftrace can
// patch, and a hint with names similar to the first of them. It reads the same files as
// MatchFunctions.
func MissingFunctions(tracefs string, names []string) (missing []string, near string, err error) {
	there := make(map[string]bool, len(names))
	for _, s := range names {
		there[s] = false
	}
	path := tracefs + "/available_filter_functions"
	err = eachFunction(path, func(line []byte) error {
		name, _, _ := bytes.Cut(line, []byte{' '})
		if _, wanted := there[string(name)]; wanted {
			there[string(name)] = true
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	for _, s := range names {
		if !there[s] {
			missing = append(missing, s)
		}
	}
	if len(missing) == 0 {
		return nil, "", nil
	}
	n := nearest.To(missing[0])
	err = eachFunction(path, func(line []byte) error {
		name, _, _ := bytes.Cut(line, []byte{' '})
		n.Offer(name)
		return nil
	})
	return missing, n.Hint(), err
}
