package kernel

import (
	"os"
	"slices"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// TestFunctionLists compares the two lists of functions that a kernel has.
func TestFunctionLists(t *testing.T) {
	testkit.Root(t)
	tracefs := testkit.Tracefs(t)
	list, err := os.Open(tracefs + "/available_filter_functions_addrs")
	if err != nil {
		testkit.Skip(t, "the kernel doesn't show the addresses of functions (6.5): %v", err)
	}
	list.Close()
	found, err := matchWithAddresses(tracefs+"/available_filter_functions_addrs", "tcp_*")
	if err != nil {
		t.Fatal(err)
	}
	names, err := matchNames(tracefs+"/available_filter_functions", "tcp_*")
	if err != nil {
		t.Fatal(err)
	}
	bySymbol, err := matchSymbols("/proc/kallsyms", "tcp_*", names)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	slices.Sort(bySymbol)
	if len(found) != len(bySymbol) {
		t.Fatalf("%d addresses in tracefs, %d of symbols", len(found), len(bySymbol))
	}
	for i := range found {
		if found[i]-bySymbol[i] > 16 {
			t.Errorf("function %d: %#x in tracefs, %#x in kallsyms", i, found[i], bySymbol[i])
		}
	}
}
