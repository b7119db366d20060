package facts

import (
	"bytes"
	"errors"
)

// ErrHidden reports that a kernel shows the names of its symbols but hides the addresses: all are
// 0.
var ErrHidden = errors.New("addresses of kernel symbols are hidden " +
	"(kernel.kptr_restrict, or no CAP_SYSLOG)")

// Symbol is one line of /proc/kallsyms. Name and Module are parts of the line.
type Symbol struct {
	Addr   uint64
	Type   byte // as nm prints it
	Name   []byte
	Module []byte // "" for vmlinux; "bpf", "ftrace", ... for symbols outside modules
}

// ParseSymbol reads "ffffffff81000000 T name", followed by "\t[module]" for symbols outside
// vmlinux.
func ParseSymbol(line []byte) (s Symbol, ok bool) {
	i := 0
	for ; i < len(line) && line[i] != ' '; i++ {
		c := line[i]
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
	if i == 0 || len(line) < i+4 || line[i+2] != ' ' {
		return s, false
	}
	s.Type = line[i+1]
	s.Name = line[i+3:]
	if tab := bytes.IndexByte(s.Name, '\t'); tab >= 0 {
		s.Name, s.Module = s.Name[:tab], bytes.Trim(s.Name[tab+1:], "[] \t")
	}
	return s, len(s.Name) > 0
}

// SymbolSet collects symbols with certain names from all those added (libbpf
// bpf_object__read_kallsyms_file). The name of a data symbol that LLVM made local ("x.llvm.123",
// type d) is the part before ".llvm.".
type SymbolSet struct {
	wanted map[string]*wantedSymbol
	shown  bool // some symbol, in the set or not, has an address
	// first is, by length of the name (63: longer), the set of its first bytes, which rules out
	// nearly every symbol
	first [64][4]uint64
}

type wantedSymbol struct {
	addr         uint64
	found, twice bool
}

// NewSymbolSet returns a set that looks for the names.
func NewSymbolSet(names []string) *SymbolSet {
	set := &SymbolSet{wanted: make(map[string]*wantedSymbol, len(names))}
	for _, name := range names {
		if name != "" && set.wanted[name] == nil {
			set.wanted[name] = new(wantedSymbol)
			set.first[min(len(name), 63)][name[0]>>6] |= 1 << (name[0] & 63)
		}
	}
	return set
}

// Add notes a symbol if its name is in the set.
func (set *SymbolSet) Add(s Symbol) {
	set.shown = set.shown || s.Addr != 0
	name := s.Name
	if s.Type == 'd' {
		if i := bytes.Index(name, llvmInfix[:]); i >= 0 {
			name = name[:i]
		}
	}
	if len(name) == 0 || set.first[min(len(name), 63)][name[0]>>6]&(1<<(name[0]&63)) == 0 {
		return
	}
	switch w := set.wanted[string(name)]; {
	case w == nil:
	case w.found && w.addr != s.Addr:
		w.twice = true
	default:
		w.addr, w.found = s.Addr, true
	}
}

// AddLine is ParseSymbol and Add in one. It parses a line only until it is clear that the symbol is
// not in the set, as almost none is. It reports whether the line is a symbol.
func (set *SymbolSet) AddLine(line []byte) bool {
	set.shown = set.shown || len(line) > 0 && hasAddress(line)
	if n := len(line); n > 19 && line[16] == ' ' && line[18] == ' ' && line[17] != 'd' &&
		line[n-1] != ']' {
		if set.first[min(n-19, 63)][line[19]>>6]&(1<<(line[19]&63)) == 0 {
			return true
		}
	}
	s, ok := ParseSymbol(line)
	if ok {
		set.Add(s)
	}
	return ok
}

// hasAddress reports whether a line begins with an address other than 0.
func hasAddress(line []byte) bool {
	for _, c := range line {
		if c != '0' {
			return c != ' '
		}
	}
	return false
}

// Hidden reports whether a name of the set was added, but no symbol with an address. (On x86 the
// symbols of per-CPU variables begin at 0. That does not count as hidden if other symbols have
// addresses.)
func (set *SymbolSet) Hidden() bool {
	if set.shown {
		return false
	}
	for _, w := range set.wanted {
		if w.found {
			return true
		}
	}
	return false
}

var llvmInfix = [...]byte{'.', 'l', 'l', 'v', 'm', '.'}

// Found returns the address of each name of the set that was added, and the names that were added
// with two addresses, of which the first counts. ambiguous is nil if there are none.
func (set *SymbolSet) Found() (addrs map[string]uint64, ambiguous map[string]bool) {
	addrs = make(map[string]uint64, len(set.wanted))
	for name, w := range set.wanted {
		if w.found {
			addrs[name] = w.addr
		}
		if w.twice {
			if ambiguous == nil {
				ambiguous = make(map[string]bool)
			}
			ambiguous[name] = true
		}
	}
	return addrs, ambiguous
}
