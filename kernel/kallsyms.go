package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// Ksyms looks symbols up in /proc/kallsyms, in one pass for all names (libbpf libbpf_kallsyms_parse). A name that isn't there is
// absent from addrs; a name with two different addresses is in ambiguous. For data symbols that LLVM made local ("x.llvm.123", type
// d) the part before ".llvm." counts as well. Without CAP_SYSLOG (or with kernel.kptr_restrict 2) all addresses are 0.
func (f *Facts) Ksyms(names []string) (addrs map[string]uint64, ambiguous map[string]bool, err error) {
	if len(names) == 0 {
		return nil, nil, nil
	}
	if runtime.GOOS != "linux" && f.shared.root == "" {
		return nil, nil, ErrNotLinux
	}
	wanted := make(map[string]*ksym, len(names))
	for _, name := range names {
		if wanted[name] == nil {
			wanted[name] = new(ksym)
		}
	}
	path := f.shared.root + "/proc/kallsyms"
	if err := EachSymbol(path, keepNames(wanted)); err != nil {
		return nil, nil, err
	}
	addrs = map[string]uint64{}
	for name, s := range wanted {
		if s.found {
			addrs[name] = s.addr
		}
		if s.twice {
			if ambiguous == nil {
				ambiguous = map[string]bool{}
			}
			ambiguous[name] = true
		}
	}
	return addrs, ambiguous, nil
}

type ksym struct {
	addr         uint64
	found, twice bool
}

// keepNames returns a function that remembers the addresses of the symbols in wanted. Nearly every symbol is turned away by its
// length and first byte, before any hashing.
func keepNames(wanted map[string]*ksym) func(Symbol) error {
	var first [64][4]uint64 // by length (63: longer), a set of first bytes
	for name := range wanted {
		if name != "" {
			first[min(len(name), 63)][name[0]>>6] |= 1 << (name[0] & 63)
		}
	}
	var llvm = []byte(".llvm.")
	return func(s Symbol) error {
		name := s.Name
		if s.Type == 'd' {
			if i := bytes.Index(name, llvm); i >= 0 {
				name = name[:i]
			}
		}
		if len(name) == 0 || first[min(len(name), 63)][name[0]>>6]&(1<<(name[0]&63)) == 0 {
			return nil
		}
		k := wanted[string(name)]
		if k == nil {
			return nil
		}
		if k.found && k.addr != s.Addr {
			k.twice = true
			return nil
		}
		k.addr, k.found = s.Addr, true
		return nil
	}
}

// Symbol is one line of /proc/kallsyms. Name and Module are valid until the next one.
type Symbol struct {
	Addr   uint64
	Type   byte // as nm prints it
	Name   []byte
	Module []byte // "" for vmlinux; "bpf", "ftrace", ... for what isn't a module
}

// EachSymbol calls each for every symbol of a file in the format of /proc/kallsyms, until each returns an error. It allocates one
// buffer. (The kernel hands out at most a page for each read; formatting it takes the kernel some 20 ms for 120,000 symbols.)
func EachSymbol(path string, each func(Symbol) error) error {
	file, err := os.Open(path)
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
			s, ok := parseSymbol(data[:end])
			if !ok {
				return fmt.Errorf("%s: line %d: %q is no symbol", path, line, data[:min(end, 80)])
			}
			if err := each(s); err != nil {
				return err
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

// parseSymbol reads "ffffffff81000000 T name" with "\t[module]" behind it for what isn't in vmlinux.
func parseSymbol(b []byte) (s Symbol, ok bool) {
	i := 0
	for ; i < len(b) && b[i] != ' '; i++ {
		c := b[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return s, false
		}
		if i >= 16 {
			return s, false
		}
		s.Addr = s.Addr<<4 | uint64(c)
	}
	if i == 0 || len(b) < i+4 || b[i+2] != ' ' {
		return s, false
	}
	s.Type = b[i+1]
	s.Name = b[i+3:]
	if tab := bytes.IndexByte(s.Name, '\t'); tab >= 0 {
		s.Name, s.Module = s.Name[:tab], bytes.Trim(s.Name[tab+1:], "[] \t")
	}
	return s, len(s.Name) > 0
}
