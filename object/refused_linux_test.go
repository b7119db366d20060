package object_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

const refusedHeader = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#define A { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, int); }
struct inner A;
char LICENSE[] SEC("license") = "GPL";
`

// refused are sources of objects that no loader opens, each with a word of our error. C libbpf
// gives the error number.
var refused = []struct {
	name, source, word string
	flags              []string
}{
	{"static program", `SEC("socket") static int p(void *c) { return 0; } void *keep SEC("license") = p;`, "is static", []string{"-g0"}},
	{"legacy maps", `struct { int a; } m SEC("maps");`, "legacy", nil},
	{"version too long", `long v SEC("version") = 1;`, "want 4", nil},
	{"map without type", `struct { __uint(max_entries, 1); } m SEC(".maps");`, "has no type", nil},
	{"map without fields", `struct { int x[0]; int (*type)[2]; } m SEC(".maps");`, "unknown", nil},
	{"mistyped field", `struct { __uint(type, 1); __uint(max_entires, 1); } m SEC(".maps");`,
		"near: max_entries", nil},
	{"unknown field", `struct { __uint(type, 1); __uint(no_such_field, 1); } m SEC(".maps");`,
		"no_such_field", nil},
	{"field is a number", `struct { int type; } m SEC(".maps") = { 2 };`, "__uint", nil},
	{"field points to a number", `struct { int *type; } m SEC(".maps");`, "__uint", nil},
	{"key sizes differ",
		`struct { __uint(type, 1); __uint(key_size, 8); __type(key, int); } m SEC(".maps");`,
		"another field", nil},
	{"value sizes differ",
		`struct { __uint(type, 1); __type(value, int); __uint(value_size, 8); } m SEC(".maps");`,
		"another field", nil},
	{"key is no pointer", `struct { __uint(type, 1); int key; } m SEC(".maps");`, "__type", nil},
	{"key has no size", `struct s; struct { __uint(type, 1); struct s *key; } m SEC(".maps");`,
		"size of field", nil},
	{"map is no struct", `int m SEC(".maps") = 3;`, "want STRUCT", nil},
	{"static map", `static struct A m SEC(".maps"); SEC("socket") int p(void *c) { return bpf_map_lookup_elem(&m, &(int){0}) != 0; }`, "static", nil},
	{"hidden map", `__hidden struct A m SEC(".maps"); SEC("socket") int p(void *c) { return bpf_map_lookup_elem(&m, &(int){0}) != 0; }`, "static", nil},
	{"pinning", `struct { __uint(type, 1); __uint(pinning, 2); } m SEC(".maps");`, "pinning", nil},
	{"pinned inner map",
		`struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __array(values, struct { __uint(type, 1); __uint(pinning, 1); }); } m SEC(".maps");`, "inner", nil},
	{"map_extra of two constants",
		`struct { __uint(type, 1); enum { X, Y } map_extra; } m SEC(".maps");`, "2 constants", nil},
	{"map_extra is a number",
		`struct { __uint(type, 1); int map_extra; } m SEC(".maps") = { .map_extra = 3 };`,
		"map_extra", nil},
	{"values not last", `struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); int (*values[0])[1]; __uint(max_entries, 1); } m SEC(".maps");`, "last", nil},
	{"values of a hash", `struct { __uint(type, 1); __array(values, struct A); } m SEC(".maps");`,
		"maps of maps", nil},
	{"values before type",
		`struct { __uint(max_entries, 1); __array(values, struct A); } m SEC(".maps");`,
		"type must come before", nil},
	{"values not an array",
		`struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); struct A *values; } m SEC(".maps");`,
		"__array", nil},
	{"values of some length",
		`struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); struct A *values[2]; } m SEC(".maps");`,
		"__array", nil},
	{"values of numbers",
		`struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); int values[0]; } m SEC(".maps");`,
		"want PTR", nil},
	{"values point to numbers",
		`struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); int *values[0]; } m SEC(".maps");`,
		"inner map", nil},
	{"values are no programs",
		`struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); int *values[0]; } m SEC(".maps");`,
		"FUNC_PROTO", nil},
	{"values need 4 bytes",
		`struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(value_size, 8); __array(values, struct A); } m SEC(".maps");`, "value size of 4", nil},
	{"maps three deep", `struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __array(values, struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __array(values, struct A); }); } m SEC(".maps");`, "one level", nil},
	{"inner map without type",
		`struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __array(values, struct { __uint(max_entries, 1); }); } m SEC(".maps");`, "m.inner", nil},
	{"hash of maps with long keys",
		`struct inner i SEC(".maps"); struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __type(key, long); __array(values, struct inner); } m SEC(".maps") = { .values = { &i } };`, "4 bytes", nil},
	{"value is not a map",
		`int x; struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(key_size, 4); __array(values, struct inner); } m SEC(".maps") = { .values = { (void *)&x } };`, "is not a map", nil},
	{"slot before values",
		`struct inner i SEC(".maps"); struct { int (*type)[BPF_MAP_TYPE_ARRAY_OF_MAPS]; __uint(key_size, 4); __array(values, struct inner); } m SEC(".maps") = { .type = (void *)&i };`, "no element", nil},
	{"value of a plain map",
		`struct inner i SEC(".maps"); struct { int (*type)[2]; } m SEC(".maps") = { .type = (void *)&i };`, "takes no initial values", nil},
	{"value is a subprogram",
		`__noinline int sub(void *c) { return 0; } struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(key_size, 4); __array(values, int (void *)); } m SEC(".maps") = { .values = { (void *)&sub } };`, "is not a program", nil},
	{"two arenas", `struct { __uint(type, 33); } m SEC(".maps"), n SEC(".maps");`,
		"two arenas", nil},
	{"arena data without arena", `int x SEC(".addr_space.1") = 1; struct A m SEC(".maps");`,
		"BPF_MAP_TYPE_ARENA", nil},
	{"struct_ops of no name", `struct { int a; } s SEC(".struct_ops") = { 1 };`, "anonymous", nil},
	{"struct_ops of no struct", `int s SEC(".struct_ops") = 1;`, "want STRUCT", nil},
	{"struct_ops with another program",
		`SEC("xdp") int p(void *c) { return 0; } struct ops { int (*f)(void); }; struct ops s SEC(".struct_ops") = { (void *)p };`, `SEC("struct_ops")`, nil},
	{"struct_ops with a subprogram",
		`__noinline int p(void *c) { return 0; } struct ops { int (*f)(void); }; struct ops s SEC(".struct_ops") = { (void *)p };`, `SEC("struct_ops")`, nil},
	{"struct_ops slot is no function",
		`SEC("struct_ops") int p(void *c) { return 0; } struct ops { int *f; }; struct ops s SEC(".struct_ops") = { (void *)p };`, "not a function pointer", nil},
	{"extern of no section", `extern int x; SEC("socket") int p(void *c) { return x; }`,
		"link the objects", nil},
	{"extern of another section",
		`extern int x SEC(".data"); SEC("socket") int p(void *c) { return x; }`,
		"unrecognized extern section", nil},
	{"kconfig struct", `extern struct { int a; } X __kconfig; SEC("socket") int p(void *c) { return X.a; }`, "no configuration value", nil},
	{"kconfig long long long",
		`extern __int128 X __kconfig; SEC("socket") int p(void *c) { return X; }`,
		"no configuration value", nil},
	{"kconfig pointer", `extern int *X __kconfig; SEC("socket") int p(void *c) { return X != 0; }`,
		"no configuration value", nil},
	{"kconfig ints", `extern int X[2] __kconfig; SEC("socket") int p(void *c) { return X[1]; }`,
		"no configuration value", nil},
	{"kconfig enum", `extern enum other { O } X __kconfig; SEC("socket") int p(void *c) { return X; }`, "no configuration value", nil},
	{"kconfig wide bool",
		`extern bool X[2][2] __kconfig; SEC("socket") int p(void *c) { return X[1][1]; }`,
		"no configuration value", nil},
	{"kconfig function",
		`extern int X(void) __kconfig; SEC("socket") int p(void *c) { return X(); }`,
		"function", nil},
	{"extern without BTF", `extern int x; SEC("socket") int p(void *c) { return x; }`,
		"BTF", []string{"-g0"}},
	{"maps without BTF", `struct A m SEC(".maps");`, "-g", []string{"-g0"}},
	{"common variable", `int x; SEC("socket") int p(void *c) { return x; }`,
		"in section 65522", []string{"-fcommon"}},
	{"call into another section",
		`SEC("xdp") __noinline int q(int *c) { return *c; } SEC("socket") int p(int *c) { return q(c); }`, ".text", nil},
	{"address of an entry program",
		`SEC("xdp") __noinline int q(void *c) { return 0; } SEC("socket") long p(void *c) { return (long)q; }`, "neither maps nor data", nil},
	{"variable in a section of no meaning",
		`int x SEC("mine") = 3; SEC("socket") int p(void *c) { return x; }`,
		"neither maps nor data", nil},
	{"not for BPF", `int x;`, "machine 62", []string{"-target", "x86_64-linux-gnu"}},
	{"32 bit", `int x;`, "class",
		[]string{"-target", "i386-linux-gnu", "-w", "-Wno-error", "-include", "/dev/null"}},
}

// TestRefused compiles objects that no loader opens. The oracle is the error number from C libbpf.
func TestRefused(t *testing.T) {
	for _, tc := range refused {
		t.Run(strings.ReplaceAll(tc.name, " ", "_"), func(t *testing.T) {
			source := refusedHeader + tc.source
			if strings.HasPrefix(tc.name, "not for") || strings.HasPrefix(tc.name, "32") {
				source = tc.source
			}
			path := testkit.Compile(t, source, append([]string{"-Wno-error", "-w"}, tc.flags...)...)
			want := libbpfOpen(t, path)[0]
			_, err := readObject(t, path)
			checkRefused(t, want, err, tc.word)
		})
	}
}

func checkRefused(t *testing.T, want opened, err error, word string) {
	t.Helper()
	var oe *object.Error
	if !errors.As(err, &oe) || int(oe.Reason) != want.Errno ||
		!strings.Contains(err.Error(), word) {
		t.Errorf("%v\nwant error %d and the word %q", err, want.Errno, word)
		return
	}
	if errors.Is(err, errors.ErrUnsupported) != (want.Errno == 95) {
		t.Errorf("%v: errors.Is ErrUnsupported %v", err, !(want.Errno == 95))
	}
	t.Log(err)
}

// TestRefusedFiles does the same with files that a compiler does not make. The oracle is the error
// number from C libbpf.
func TestRefusedFiles(t *testing.T) {
	plain := readFile(t, "testdata/subprogs.o")
	symtab := func(b []byte, set func(header []byte)) {
		order := byteOrder(b)
		for i := range uint64(order.Uint16(b[60:])) {
			if h := b[order.Uint64(b[40:])+i*64:]; order.Uint32(h[4:]) == 2 {
				set(h)
			}
		}
	}
	for _, tc := range []struct {
		name, word string
		edit       func(b []byte) []byte
	}{
		{"text", "magic", func(b []byte) []byte {
			return []byte(strings.Repeat("no object ",
				20))
		}},
		{"short", "too short", func(b []byte) []byte { return b[:20] }},
		{"executable", "ELF type 2", func(b []byte) []byte { b[16] = 2; return b }},
		{"no symbol table", "stripped", func(b []byte) []byte {
			symtab(b, func(h []byte) { h[4] = 1 })
			return b
		}},
		{"symbol size", "want 24", func(b []byte) []byte {
			symtab(b, func(h []byte) { h[56] = 16 })
			return b
		}},
		{"no symbol names", "symbol names", func(b []byte) []byte {
			symtab(b, func(h []byte) { h[40] = 0 })
			return b
		}},
		{"cut", "section headers", func(b []byte) []byte { return b[:len(b)-64] }},
	} {
		path := filepath.Join(t.TempDir(), "broken.o")
		if err := os.WriteFile(path, tc.edit(append([]byte(nil), plain...)), 0o600); err != nil {
			t.Fatal(err)
		}
		want := libbpfOpen(t, path)[0]
		_, err := readObject(t, path)
		t.Log(tc.name)
		checkRefused(t, want, err, tc.word)
	}
}

// TestRelaxedMaps ignores unknown fields on request. The oracle is libbpf's description of
// relaxed_maps; the map is the same as without the field.
func TestRelaxedMaps(t *testing.T) {
	path := testkit.Compile(t,
		refusedHeader+`struct { __uint(type, 1); __uint(no_such_field, 1); __uint(max_entries, 3); } m SEC(".maps");`)
	o, err := (&object.Options{RelaxedMaps: true}).Parse(readFile(t, path), path)
	if err != nil {
		t.Fatal(err)
	}
	if m := o.Map("m"); m.Type != 1 || m.MaxEntries != 3 {
		t.Errorf("%+v", m)
	}
	if d := cmp.Diff([]object.Note{{Section: ".maps",
		Text: `map "m": unknown field "no_such_field" ignored`}}, o.Notes); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}
