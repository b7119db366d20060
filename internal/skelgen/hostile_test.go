package skelgen_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/hostile"
	"github.com/purebpf/bpf/internal/skelgen"
	"github.com/purebpf/bpf/object"
)

// amplifiers make BTF with a struct root of which a skeleton could be far longer than the BTF.
var amplifiers = map[string]func(b *btf.Builder, n int){
	"members that share a long name": func(b *btf.Builder, n int) {
		u8, long := b.AddInt("unsigned char", 1, 0), strings.Repeat("n_", 2000)
		b.AddStruct("root", uint32(n))
		for i := range n {
			b.AddMember(long, u8, uint32(i)*8, 0)
		}
	},
	"anonymous structs in anonymous structs": func(b *btf.Builder, n int) {
		u8 := b.AddInt("unsigned char", 1, 0)
		inner := b.AddStruct("", 1)
		b.AddMember("x", u8, 0, 0)
		size := uint32(1)
		for range 24 {
			outer := b.AddStruct("", 2*size)
			b.AddMember("", inner, 0, 0)
			b.AddMember("", inner, size*8, 0)
			inner, size = outer, 2*size
		}
		b.AddStruct("root", size)
		b.AddMember("", inner, 0, 0)
	},
	"a chain of structs": func(b *btf.Builder, n int) {
		inner := b.AddInt("unsigned char", 1, 0)
		for i := range n {
			outer := b.AddStruct(fmt.Sprintf("s%d", i), 1)
			b.AddMember("x", inner, 0, 0)
			inner = outer
		}
		b.AddStruct("root", 1)
		b.AddMember("x", inner, 0, 0)
	},
	"bit fields": func(b *btf.Builder, n int) {
		u8 := b.AddInt("unsigned char", 1, 0)
		b.AddStruct("root", uint32(n))
		for i := range n {
			b.AddMember(fmt.Sprint("b", i), u8, uint32(i)*8, 3)
		}
	},
	"an enum": func(b *btf.Builder, n int) {
		enum := b.AddEnum("numbers", 4, false)
		for i := range n {
			b.AddEnumerator("SAME", int64(i))
		}
		b.AddStruct("root", 4)
		b.AddMember("x", enum, 0, 0)
	},
	"arrays of char": func(b *btf.Builder, n int) {
		char, u32 := b.AddInt("char", 1, btf.Signed), b.AddInt("unsigned int", 4, 0)
		var arrays []btf.ID
		size := uint32(0)
		for i := range min(n, 1<<14) {
			arrays = append(arrays, b.AddArray(u32, char, uint32(i+1)))
			size += uint32(i + 1)
		}
		b.AddStruct("root", size)
		at := uint32(0)
		for i, id := range arrays {
			b.AddMember("c", id, at*8, 0)
			at += uint32(i + 1)
		}
	},
	"an array that is too long": func(b *btf.Builder, n int) {
		u32 := b.AddInt("unsigned int", 4, 0)
		array := b.AddArray(u32, u32, 1<<29)
		b.AddStruct("root", 1<<31)
		b.AddMember("x", array, 0, 0)
	},
	"a struct in itself": func(b *btf.Builder, n int) {
		array := b.Len() + 1
		b.AddStruct("root", 4)
		b.AddMember("x", array, 0, 0)
		b.AddArray(1, 1, 1)
	},
}

// TestAmplifiers: BTF of which much would become takes bounded memory, and gives a skeleton that
// compiles or an error of one line. Oracles: the limit of memory, go/format and go/types.
func TestAmplifiers(t *testing.T) {
	c := newChecker()
	for name, build := range amplifiers {
		for _, n := range []int{10, 1000, 60000} {
			b := btf.NewBuilder(nil)
			build(b, n)
			spec, err := b.Spec()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			size := len(spec.Raw())
			var text []byte
			used := hostile.Allocated(func() {
				text, err = skelgen.Generate(&object.Object{BTF: spec},
					skelgen.Options{ObjectFile: "x.o", Types: []string{"root"}})
			})
			t.Logf("%s, %d bytes: %d bytes of text, %.2f of the memory allowed, %.90v", name, size,
				len(text), float64(used)/float64(hostile.Limit(size)), err)
			if used > hostile.Limit(size) {
				t.Errorf("%s: %d bytes allocate %d", name, size, used)
			}
			if err == nil && len(text) < 1<<17 {
				c.check(t, text)
			}
		}
	}
}
