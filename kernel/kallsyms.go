package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/input"
)

// Ksyms looks up symbols in /proc/kallsyms, in one pass for all names (libbpf
// libbpf_kallsyms_parse). A name that does not exist is absent from addrs; a name with two
// different addresses is in ambiguous. For data symbols that LLVM made local ("x.llvm.123", type d)
// the part before ".llvm." counts as well. Without CAP_SYSLOG (or with kernel.kptr_restrict 2) all
// addresses are 0: addrs then has the names that exist, and err wraps facts.ErrHidden.
func (f *Facts) Ksyms(names []string) (addrs map[string]uint64, ambiguous map[string]bool,
	err error) {
	if len(names) == 0 {
		return nil, nil, nil
	}
	if runtime.GOOS != "linux" && f.shared.root == "" {
		return nil, nil, ErrNotLinux
	}
	set := facts.NewSymbolSet(names)
	if err := eachLine(f.shared.root+"/proc/kallsyms", set.AddLine); err != nil {
		return nil, nil, err
	}
	addrs, ambiguous = set.Found()
	if set.Hidden() {
		return addrs, ambiguous, fmt.Errorf("/proc/kallsyms: %w", facts.ErrHidden)
	}
	return addrs, ambiguous, nil
}

// EachSymbol calls each for every symbol of a file in the format of /proc/kallsyms, until each
// returns an error.
func EachSymbol(path string, each func(facts.Symbol) error) error {
	var failed error
	err := eachLine(path, func(line []byte) bool {
		s, ok := facts.ParseSymbol(line)
		if ok {
			failed = each(s)
		}
		return ok && failed == nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// eachLine calls take for every line of a file, without the newline, until take returns false,
// which makes eachLine return an error about that line. It allocates one buffer. (The kernel
// returns at most a page of kallsyms per read; formatting takes it some 20 ms for 120,000 symbols.)
func eachLine(path string, take func(line []byte) bool) error {
	file, err := input.Open(path, input.MaxKallsyms)
	if err != nil {
		return fmt.Errorf("kernel symbols: %w", err)
	}
	defer file.Close()
	buf := make([]byte, 64<<10)
	held, line := 0, 0
	for {
		n, err := file.Read(buf[held:])
		held += n
		data := buf[:held]
		for {
			end := bytes.IndexByte(data, '\n')
			if end < 0 {
				break
			}
			line++
			if !take(data[:end]) {
				return fmt.Errorf("%s: line %d: %q is not a symbol",
					path, line, data[:min(end, 80)])
			}
			data = data[end+1:]
		}
		held = copy(buf, data)
		switch {
		case errors.Is(err, io.EOF) && held == 0:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%s: line %d: it is cut short", path, line+1)
		case err != nil:
			return fmt.Errorf("kernel symbols: %w", err)
		case held == len(buf):
			return fmt.Errorf("%s: line %d is longer than %d bytes", path, line+1, len(buf))
		}
	}
}
