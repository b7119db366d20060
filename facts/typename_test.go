package facts

import (
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/nearest"
)

// TestEachTypeName checks that the names are those of the types in the BTF, without the prefix.
func TestEachTypeName(t *testing.T) {
	b := btf.NewBuilder(nil)
	i := b.AddInt("sys_entex", 4, 0)
	for _, name := range []string{"btf_trace_sys_enter", "btf_trace_sys_exit", "sys_entes",
		"btf_trace_other"} {
		b.AddTypedef(name, i)
	}
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	n := nearest.To("sys_entr")
	EachTypeName(s, "btf_trace_", btf.KindTypedef, n.Offer)
	if got := n.Hint(); got != "near: sys_enter" {
		t.Error(got)
	}
}
