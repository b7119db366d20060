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

// TestStale: a skeleton opens the object that it was made from, and refuses one with another
// layout. Oracle: the two C sources, which clang compiles, and between which the named type
// changed.
func TestStale(t *testing.T) {
	const callbacks = `
struct ops { int (*first)(void); int flags; char name[8]; };
SEC("struct_ops/first") int first(void *ctx) { return 0; }
SEC(".struct_ops") struct ops mine = { .first = (void *)first, .name = "mine" };
`
	const ring = `
struct event { int pid; char comm[8]; };
const struct event *unused __attribute__((unused));
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
`
	const table = `
enum color { RED, GREEN };
typedef struct { int a, b; } pair_t;
struct key { short a, b; };
struct value { enum color color; pair_t pair; };
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct key);
	__type(value, struct value);
} m SEC(".maps");
`
	for _, c := range []struct{ name, source, from, to, stale string }{
		{"a map's type", table, "TYPE_HASH", "TYPE_LRU_HASH", "another map m"},
		{"a map's key", table, "short a, b", "short b, a", "another struct key"},
		{"the type of a map's value", table, "value, struct value", "value, long",
			"another map m, no struct value, no enum color, no typedef pair_t"},
		{"a constant", table, "RED, GREEN", "RED, BLUE, GREEN", "another enum color"},
		{"a typedef", table, "int a, b", "int a; unsigned b",
			"another struct value, another typedef pair_t"},
		{"a map that is gone", table, "} m SEC", "} n SEC", "no map m"},
		{"records", ring, "comm[8]", "comm[16]", "another struct event"},
		{"records of a type that is gone", ring, "struct event", "struct record",
			"no struct event"},
		{"variables of no size", "struct nothing {}; struct nothing before; int a;" +
			"int none[0]; int b;", "int b", "long b", "another section .bss"},
		{"struct_ops", callbacks, "int flags; char name[8];", "char name[8]; int flags;",
			"another struct ops"},
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
			o, err := skel.Open("x", object, types)
			if err != nil {
				t.Fatal(err)
			}
			defer o.Close()
			_, err = skel.Open("x", raw(strings.ReplaceAll(c.source, c.from, c.to)), types)
			if !errors.Is(err, skel.ErrStale) || err.Error() != "skeleton x: "+
				skel.ErrStale.Error()+": the object has "+c.stale+": generate the skeleton again" {
				t.Errorf("with %q: %v, want %q named", c.to, err, c.stale)
			}
		})
	}
}
