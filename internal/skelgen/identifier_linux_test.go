package skelgen_test

import (
	"testing"

	"github.com/purebpf/bpf/internal/skelgen"
)

// TestIdentifiers: Go code of names that are easily taken twice or cut. Oracles: go/format and
// go/types.
func TestIdentifiers(t *testing.T) {
	for _, c := range []struct {
		name, source string
		opts         skelgen.Options
	}{
		{"a name that begins with a letter of two bytes", "int a = 1;",
			skelgen.Options{ObjectFile: "ölb.bpf.o"}},
		{"a struct with the name of a subskeleton's variables",
			"struct data_vars { int x; } a = { 1 };", skelgen.Options{Subskeleton: true}},
		{"a section with the name of a subskeleton's variables",
			"int a = 1; int b SEC(\".data.vars\") = 2;", skelgen.Options{Subskeleton: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.opts.ObjectFile == "" {
				c.opts.ObjectFile = "x.bpf.o"
			}
			text, err := skelgen.Generate(compiled(t, c.source), c.opts)
			if err != nil {
				t.Fatal(err)
			}
			newChecker().check(t, text)
		})
	}
}
