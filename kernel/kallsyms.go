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
	if err := eachLine(path, keepNames(wanted)); err != nil {
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

// keepNames returns a function that remembers the addresses of the symbols in wanted. A line is taken apart only as far as it takes
// to see that it isn't wanted: nearly all are turned away by the length and the first byte of their name, before any hashing and
// before the address is read.
func keepNames(wanted map[string]*ksym) func(line []byte) bool {
	var first [64][4]uint64 // by length (63: longer), a set of first bytes
	for name := range wanted {
		if name != "" {
			first[min(len(name), 63)][name[0]>>6] |= 1 << (name[0] & 63)
		}
	}
	candidate := func(name []byte) bool {
		return len(name) > 0 && first[min(len(name), 63)][name[0]>>6]&(1<<(name[0]&63)) != 0
	}
	return func(line []byte) bool {
		if len(line) > 19 && line[16] == ' ' && line[18] == ' ' && line[17] != 'd' && line[len(line)-1] != ']' && !candidate(line[19:]) {
			return true
		}
		s, ok := parseSymbol(line)
		if !ok {
			return false
		}
		name := s.Name
		if s.Type == 'd' {
			if i := bytes.Index(name, llvmSuffix); i >= 0 {
				name = name[:i]
			}
		}
		if !candidate(name) {
			return true
		}
		switch k := wanted[string(name)]; {
		case k == nil:
		case k.found && k.addr != s.Addr:
			k.twice = true
		default:
			k.addr, k.found = s.Addr, true
		}
		return true
	}
}

// llvmSuffix starts what LLVM appends to symbols that link-time optimisation made global.
var llvmSuffix = []byte(".llvm.")

// Symbol is one line of /proc/kallsyms. Name and Module are valid until the next one.
type Symbol struct {
	Addr   uint64
	Type   byte // as nm prints it
	Name   []byte
	Module []byte // "" for vmlinux; "bpf", "ftrace", ... for what isn't a module
}

// EachSymbol calls each for every symbol of a file in the format of /proc/kallsyms, until each returns an error.
func EachSymbol(path string, each func(Symbol) error) error {
	var failed error
	err := eachLine(path, func(line []byte) bool {
		s, ok := parseSymbol(line)
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

// eachLine calls take for every line of a file, without its end, until take returns false, which is an error about that line. It
// allocates one buffer. (The kernel hands out at most a page of kallsyms for each read; formatting it takes the kernel some
// 20 ms for 120,000 symbols.)
func eachLine(path string, take func(line []byte) bool) error {
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
			if !take(data[:end]) {
				return fmt.Errorf("%s: line %d: %q is no symbol", path, line, data[:min(end, 80)])
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
