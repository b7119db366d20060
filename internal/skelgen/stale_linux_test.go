package skelgen_test

import (
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/skelgen"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/skel"
)

// sumLine is a line of a skeleton that says of what layout a type was.
var sumLine = regexp.MustCompile(`(?m)^\t\{Name: (".*"), Sum: (0x[0-9a-f]+)\},$`)

// sums returns the types that a skeleton of an object compares.
func sums(t *testing.T, raw []byte) []skel.Type {
	t.Helper()
	o, err := object.Parse(raw, "x.bpf.o")
	if err != nil {
		t.Fatal(err)
	}
	text, err := skelgen.Generate(o, skelgen.Options{ObjectFile: "x.bpf.o"})
	if err != nil {
		t.Fatal(err)
	}
	var list []skel.Type
	for _, m := range sumLine.FindAllSubmatch(text, -1) {
		name, err := strconv.Unquote(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		sum, err := strconv.ParseUint(string(m[2]), 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, skel.Type{Name: name, Sum: sum})
	}
	return list
}

// TestStale: a skeleton opens the object that it was made from, and refuses one with another layout.
// Oracle: the two C sources, which clang compiles, and between which the named type changed.
func TestStale(t *testing.T) {
	const callbacks = `
struct ops { int (*first)(void); int flags; char name[8]; };
SEC("struct_ops/first") int first(void *ctx) { return 0; }
SEC(".struct_ops") struct ops mine = { .first = (void *)first, .name = "mine" };
`
	for _, c := range []struct{ name, source, from, to, stale string }{
		{"variables of no size", "struct nothing {}; struct nothing before; int a;" +
			"int none[0]; int b;", "int b", "long b", "section .bss"},
		{"struct_ops", callbacks, "int flags; char name[8];", "char name[8]; int flags;",
			"struct ops"},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := func(source string) []byte {
				b, err := os.ReadFile(testkit.Compile(t, helpers+source))
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			object := raw(c.source)
			types := sums(t, object)
			if o, err := skel.Open("x", object, types); err != nil {
				t.Error(err)
			} else {
				o.Close()
			}
			_, err := skel.Open("x", raw(strings.Replace(c.source, c.from, c.to, 1)), types)
			if !errors.Is(err, skel.ErrStale) || !strings.Contains(err.Error(), c.stale+" is") {
				t.Errorf("with %q: %v, want %q named", c.to, err, c.stale)
			}
		})
	}
}
