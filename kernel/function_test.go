package kernel

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/nearest"
)

// TestMatchFunctions reads lists of functions as kernels write them. The oracle is what libbpf
// takes from them.
func TestMatchFunctions(t *testing.T) {
	dir := t.TempDir()
	symbols := dir + "/kallsyms"
	writeFile(t, symbols, strings.Join([]string{
		"ffffffff81000000 T tcp_a",
		"ffffffff81000010 t tcp_a",
		"ffffffff81000020 t tcp_c.llvm.123",
		"ffffffff81000030 t tcp_d.llvm.456",
		"ffffffff81000040 t tcp_not_listed",
		"ffffffffc0000000 t tcp_m\t[module]",
		"ffffffff81000050 T udp_a",
	}, "\n")+"\n")
	listed := dir + "/available_filter_functions"
	writeFile(t, listed, "tcp_d.llvm.456\ntcp_c\ntcp_m [module]\ntcp_a\ntcp_a\nudp_a\n")
	names, err := matchNames(listed, "tcp_*")
	if err != nil || fmt.Sprint(names) != "[tcp_a tcp_c tcp_d.llvm.456 tcp_m]" {
		t.Errorf("names %q: %v", names, err)
	}
	addresses, err := matchSymbols(symbols, "tcp_*", names)
	if want := "[ffffffff81000000 ffffffff81000010 ffffffff81000020 ffffffff81000030 ffffffffc0000000]"; err != nil || fmt.Sprintf("%x", addresses) != want {
		t.Errorf("addresses %x, want %s: %v", addresses, want, err)
	}
	writeFile(t, symbols, "0000000000000000 T tcp_a\n")
	if _, err := matchSymbols(symbols, "tcp_*", names); !errors.Is(err, syscall.EPERM) ||
		!errors.Is(err, facts.ErrHidden) {
		t.Errorf("hidden addresses: %v", err)
	}
	for _, bad := range []string{"ffffffff81000000\n", "xyz tcp_a\n", " tcp_a\n"} {
		writeFile(t, dir+"/bad", bad)
		if _, err := matchWithAddresses(dir+"/bad", "*"); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if _, err := MatchFunctions(t.TempDir(), "*"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("no lists: %v", err)
	}
}

func TestNearest(t *testing.T) {
	symbol := func(want string, lines ...string) string {
		k := &FunctionSymbol{name: want}
		if module, name, ok := strings.Cut(want, ":"); ok {
			k.module, k.name = module, name
		}
		k.near = nearest.To(k.name)
		for _, line := range lines {
			s, ok := facts.ParseSymbol([]byte(line))
			if !ok {
				t.Fatal(line)
			}
			k.add(s)
		}
		return k.Hint()
	}
	for _, c := range []struct{ name, want, got string }{
		{"typo", "near: do_unlinkat",
			symbol("do_unlinkta", "1 T do_unlinkat", "2 T __pfx_do_unlinkta", "3 T do_rmdir")},
		{"the compiler's name first", "near: do_it.isra.0, do_is",
			symbol("do_it", "1 T do_is", "2 t do_it.isra.0", "2 t do_it.isra.0")},
		{"renamed in 6.10", "near: kmalloc_noprof",
			symbol("kmalloc", "1 T kmalloc_noprof", "1 T kmalloc_node_noprof")},
		{"three at most", "near: aaaaaaab, aaaaaaac, aaaaaaad",
			symbol("aaaaaaaa", "1 t aaaaaabb", "1 t aaaaaaab", "1 t aaaaaaac", "1 t aaaaaaad",
				"1 t aaaaaaae")},
		{"several functions", "there are 2 functions of that name: give the address of one",
			symbol("f", "1 t f", "2 t f")},
		{"data", "the symbol is not a function, its type is D", symbol("f", "1 D f")},
		{"other module", "m has a function of that name, not n",
			symbol("n:f", "1 t f\t[m]", "2 t g\t[n]")},
		{"no module", "no module n is loaded", symbol("n:f", "1 t f\t[m]")},
		{"nothing near", "", symbol("abcdefgh", "1 t zzzzzzzz")},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
