package skelgen_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/hostile"
	"github.com/purebpf/bpf/internal/skelgen"
	"github.com/purebpf/bpf/object"
)

// stubs are the packages that skeletons import, as far as they name them.
var stubs = map[string]string{
	"github.com/purebpf/bpf": `package bpf
type Object struct{}
func (*Object) Attach() (Links, error) { return nil, nil }
type Map struct{}
type Program struct{}
type Link struct{}
type Links []*Link
type LoadOptions struct{}
type TypedMap[K, V any] struct{}
type PerCPUMap[K, V any] struct{}
`,
	"github.com/purebpf/bpf/object": `package object
type Object struct{}
type Map struct{}
type Program struct{}
`,
	"github.com/purebpf/bpf/skel": `package skel
import ("github.com/purebpf/bpf"; "github.com/purebpf/bpf/object")
type Type struct { Name string; Sum uint64 }
type Opened struct { Object *object.Object }
func Open(string, []byte, []Type) (*Opened, error) { return nil, nil }
func (*Opened) Map(string, **object.Map) {}
func (*Opened) Program(string, **object.Program) {}
func (*Opened) Err() error { return nil }
func (*Opened) Close() error { return nil }
func (*Opened) Load(*bpf.LoadOptions) (*Loaded, error) { return nil, nil }
func (*Opened) StructOps(string) *Ops { return nil }
func Section[T any](*Opened, string, **T) {}
type Ops struct{}
func (*Ops) Program(string, **object.Program) {}
func OpsMember[T any](*Ops, int, *T) {}
type Loaded struct { Object *bpf.Object }
func (*Loaded) Map(string, **bpf.Map) {}
func (*Loaded) Program(string, **bpf.Program) {}
func (*Loaded) Err() error { return nil }
func (*Loaded) Close() error { return nil }
func MapOf[K, V any](*Loaded, string, **bpf.TypedMap[K, V]) {}
func PerCPUMapOf[K, V any](*Loaded, string, **bpf.PerCPUMap[K, V]) {}
func RingOf[T any](*Loaded, string, **Ring[T]) {}
func PerfBufOf[T any](*Loaded, string, **PerfBuf[T]) {}
func UserRingOf(*Loaded, string, **UserRing) {}
func LiveSection[T any](*Loaded, string, **T) {}
func LiveConst[T any](*Loaded, string, *Const[T]) {}
func LiveArena[T any](*Loaded, string, int, **T) {}
func LinkOf(bpf.Links, string) *bpf.Link { return nil }
type Bound struct { Loaded }
func Bind(string, *bpf.Object) *Bound { return nil }
func (*Bound) Has(string) bool { return false }
func VarOf[T any](*Bound, string, **T) {}
type Const[T any] struct { p *T }
type Ring[T any] struct{}
type PerfBuf[T any] struct{}
type UserRing struct{}
type Raw struct{}
type Ptr[T any] uint64
type Bool uint8
type Int128 struct { _ [0]uint64; b [16]byte }
type Uint128 struct { _ [0]uint64; b [16]byte }
func Bits([]byte, uint, uint) uint64 { return 0 }
func SignedBits([]byte, uint, uint) int64 { return 0 }
func SetBits([]byte, uint, uint, uint64) {}
func Get[T any]([]byte) T { panic(0) }
func Set[T any]([]byte, T) {}
func Tail[T any]([]byte, int) []T { return nil }
func Text([]byte) string { return "" }
func SetText([]byte, string) error { return nil }
`,
}

// checker checks the types of skeletons.
type checker struct {
	known map[string]*types.Package
}

func newChecker() *checker {
	return &checker{map[string]*types.Package{}}
}

// Import returns stubs of the packages that skeletons import.
func (c *checker) Import(path string) (*types.Package, error) {
	text, ok := stubs[path]
	if !ok && path == "embed" {
		text, ok = "package embed\n", true
	}
	if !ok && path == "unsafe" {
		return types.Unsafe, nil
	}
	if !ok && path == "strconv" {
		text, ok = "package strconv\nfunc FormatInt(int64, int) string { return \"\" }\n"+
			"func FormatUint(uint64, int) string { return \"\" }\n", true
	}
	if !ok {
		return nil, fmt.Errorf("there is no stub of %s", path)
	}
	if c.known[path] == nil {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, text, 0)
		if err != nil {
			return nil, err
		}
		if c.known[path], err = (&types.Config{Importer: c}).Check(path, fset, []*ast.File{file},
			nil); err != nil {
			return nil, err
		}
	}
	return c.known[path], nil
}

// check parses a skeleton, compares it with what gofmt writes, and checks its types, among them the
// constants of the layout, for 64-bit and 32-bit machines.
func (c *checker) check(t *testing.T, text []byte) {
	t.Helper()
	formatted, err := format.Source(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !bytes.Equal(formatted, text) {
		t.Fatalf("gofmt would write\n%s\ninstead of\n%s", formatted, text)
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "x_skel.go", text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range []string{"amd64", "386"} {
		conf := types.Config{Importer: c, Sizes: types.SizesFor("gc", arch)}
		if _, err := conf.Check("main", fset, []*ast.File{file}, nil); err != nil {
			t.Fatalf("%s: %v\n%s", arch, err, text)
		}
	}
}

// FuzzGenerate writes skeletons of every input that is an object. Oracles: go/format, go/types and
// the limit of memory.
func FuzzGenerate(f *testing.F) {
	for _, pattern := range []string{"../../testdata/*.o", "../../object/testdata/*.o"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			f.Fatal(pattern, err)
		}
		for _, path := range paths {
			raw, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			if len(raw) < 16<<10 {
				f.Add(raw)
			}
		}
	}
	c := newChecker()
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := object.Parse(raw, "fuzz.o")
		if err != nil {
			return
		}
		for _, sub := range []bool{false, true} {
			generate(t, c, o, len(raw), skelgen.Options{ObjectFile: "fuzz.o", Subskeleton: sub})
		}
	})
}

// FuzzTypes writes skeletons with all types of every input that is BTF. Oracles: as those of
// FuzzGenerate.
func FuzzTypes(f *testing.F) {
	f.Add(everything(f).Raw())
	c := newChecker()
	f.Fuzz(func(t *testing.T, raw []byte) {
		spec, err := btf.Parse(raw, nil)
		if err != nil {
			return
		}
		opts := skelgen.Options{ObjectFile: "fuzz.o"}
		for typ := range spec.Types() {
			if k := typ.Kind(); (k.IsComposite() || k.IsEnum() || k == btf.KindTypedef) &&
				typ.Name() != "" && len(opts.Types) < 16 {
				opts.Types = append(opts.Types,
					strings.ToLower(strings.TrimSuffix(k.String(), "64"))+
						" "+typ.Name())
			}
		}
		o := &object.Object{Name: "fuzz", BTF: spec}
		if !generate(t, c, o, len(raw), opts) {
			for _, name := range opts.Types {
				one := opts
				one.Types = []string{name}
				generate(t, c, o, len(raw), one)
			}
		}
	})
}

// generate checks the skeleton of an object that size bytes describe, and returns false if there is
// none.
func generate(t *testing.T, c *checker, o *object.Object, size int, opts skelgen.Options) bool {
	t.Helper()
	var text []byte
	var err error
	if n := hostile.Allocated(func() {
		text,
			err = skelgen.Generate(o, opts)
	}); n > hostile.Limit(size) {
		t.Errorf("the skeleton of %d bytes allocates %d, and has %d", size, n, len(text))
	}
	if err != nil {
		if err.Error() == "" || strings.ContainsAny(err.Error(), "\n\x00\x1b") {
			t.Errorf("an error like %q", err)
		}
		return false
	}
	c.check(t, text)
	return true
}

// everything builds a type of each kind, with names that are none for Go.
func everything(t testing.TB) *btf.Spec {
	b := btf.NewBuilder(nil)
	u8, char := b.AddInt("unsigned char", 1, 0), b.AddInt("char", 1, btf.Signed)
	u32, u64 := b.AddInt("unsigned int", 4, 0), b.AddInt("unsigned long long", 8, 0)
	i128 := b.AddInt("__int128", 16, btf.Signed)
	boolean, double := b.AddInt("_Bool", 1, btf.Bool), b.AddFloat("double", 8)
	long := b.AddFloat("long double", 16)
	enum := b.AddEnum("type", 4, true)
	b.AddEnumerator("func", -1)
	b.AddEnumerator("FUNC", 2)
	b.AddEnumerator("a\nb*/", 2)
	enum64 := b.AddEnum64("", 8, false)
	b.AddEnumerator("BIG", -1)
	typedef := b.AddTypedef("state\n}", enum64)
	point := b.AddStruct("point", 16)
	b.AddMember("x", u32, 0, 0)
	b.AddMember("y", u64, 64, 0)
	union := b.AddUnion("", 16)
	b.AddMember("a", u64, 0, 0)
	b.AddMember("p", point, 0, 0)
	b.AddMember("low", u32, 0, 5)
	hole := b.AddStruct("", 5)
	b.AddMember("tag", u8, 0, 0)
	b.AddMember("odd", u32, 8, 0)
	b.AddStruct("if */ \x1b", 256)
	for _, m := range []struct {
		name      string
		typ       btf.ID
		off, bits uint32
	}{
		{"type", enum, 0, 0}, {"Type", boolean, 32, 0}, {"range", typedef, 64, 0},
		{"", union, 128, 0},
		{"", hole, 256, 0}, {"f1", u32, 296, 3}, {"f2", enum, 299, 4}, {"f3", u64, 303, 33},
		{"d", double, 384, 0}, {"ld", long, 512, 0}, {"i128", i128, 640, 0},
		{"naïve_ß", u8, 768, 0},
		{"crooked", u64, 776, 0}, {"scan", u32, 840, 1}, {"零", u8, 848, 0},
		{"tail", char, 856, 0},
	} {
		b.AddMember(m.name, m.typ, m.off, m.bits)
	}
	comm := b.AddArray(u32, char, 16)
	flex := b.AddArray(u32, point, 0)
	b.AddStruct("list", 24)
	b.AddMember("next", b.Len(), 0, 0)
	b.AddMember("comm", comm, 64, 0)
	b.AddMember("rest", flex, 192, 0)
	b.AddPtr(b.Len() - 1)
	spec, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// TestEverything prints nothing: it is the seed of FuzzTypes, of which the skeleton must not fail.
func TestEverything(t *testing.T) {
	spec := everything(t)
	opts := skelgen.Options{ObjectFile: "x.o", Types: []string{"point", "if */ \x1b", "list"}}
	text, err := skelgen.Generate(&object.Object{BTF: spec}, opts)
	if err != nil {
		t.Fatal(err)
	}
	newChecker().check(t, text)
	if os.Getenv("SHOW") != "" {
		t.Logf("%s", text)
	}
}
