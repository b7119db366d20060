package cdump

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/purebpf/bpf/btf"
)

func build(t testing.TB, add func(b *btf.Builder)) *btf.Spec {
	t.Helper()
	b := btf.NewBuilder(nil)
	add(b)
	spec, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func dump(spec *btf.Spec) (string, error) {
	var out bytes.Buffer
	err := Header(&out, spec, &Options{Unsorted: true})
	return out.String(), err
}

// TestHostileNames: names can't end a line, a comment or a string. The oracle is C's grammar: every
// byte of the output outside of the frame is one that declarations of plain names have.
func TestHostileNames(t *testing.T) {
	const evil = "a\n#include </etc/passwd> */ \"\\ \x1b é}; int x"
	spec := build(t, func(b *btf.Builder) {
		i := b.AddInt("int"+evil, 4, btf.Signed)
		b.AddStruct(evil, 4)
		b.AddMember(evil, i, 0, 0)
		b.AddUnion(evil, 4)
		b.AddMember("int", i, 0, 0)
		b.AddEnum(evil, 4, false)
		b.AddEnumerator(evil, 1)
		b.AddEnumerator("9lives", 2)
		b.AddTypedef(evil, b.AddPtr(b.AddTypeTag(evil, i)))
		b.AddFwd(evil+"2", btf.KindStruct)
		b.AddTypedef("tagged", b.AddPtr(b.AddTypeAttr(evil, i)))
		proto := b.AddFuncProto(i)
		b.AddParam(evil, i)
		b.AddTypedef("function", b.AddPtr(proto))
		b.AddDeclTag("bpf_kfunc", b.AddFunc(evil, btf.LinkageGlobal, proto), -1)
	})
	text, err := dump(spec)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.TrimPrefix(text, text[:strings.Index(text, preamble)+len(preamble)])
	body = strings.TrimSuffix(body, body[strings.LastIndex(body, "#ifndef BPF_NO"):])
	quoted := regexp.MustCompile(`btf_type_tag\("([^"\\]|\\.)*"\)`)
	plain := regexp.MustCompile(`^[\w\s{}()\[\]*=,;]*$`)
	if rest := quoted.ReplaceAllString(body, ""); !plain.MatchString(rest) {
		t.Errorf("a name went through:\n%s", rest)
	}
	for _, want := range []string{"int_;", "_9lives = 2", "_int_x___2;"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing:\n%s", want, body)
		}
	}
	if n := strings.Count(body, "attribute"); n != 1 {
		t.Errorf("%d attributes instead of one:\n%s", n, body)
	}
}

// TestEndless: types that nest without end are an error, soon and in little memory.
func TestEndless(t *testing.T) {
	for name, add := range map[string]func(b *btf.Builder){
		"itself": func(b *btf.Builder) {
			s := b.AddStruct("s", 4)
			b.AddMember("s", s, 0, 0)
		},
		"typedefs": func(b *btf.Builder) { // of each other
			b.AddTypedef("a", 2)
			b.AddTypedef("b", 1)
		},
		"pointers": func(b *btf.Builder) {
			b.AddPtr(2)
			b.AddPtr(1)
		},
		"deep": func(b *btf.Builder) {
			for id := btf.ID(1); id < 100_000; id++ {
				b.AddConst(id + 1)
			}
			b.AddInt("int", 4, btf.Signed)
		},
		"doubling": func(b *btf.Builder) { // 2^60 members
			inner := b.AddInt("int", 4, btf.Signed)
			for range 60 {
				outer := b.AddStruct("", 0)
				b.AddMember("a", inner, 0, 0)
				b.AddMember("b", inner, 0, 0)
				inner = outer
			}
			b.AddStruct("s", 4)
			b.AddMember("m", inner, 0, 0)
		},
		"doubling functions": func(b *btf.Builder) {
			inner := b.AddInt("int", 4, btf.Signed)
			for range 60 {
				proto := b.AddFuncProto(inner)
				b.AddParam("a", inner)
				b.AddParam("b", inner)
				inner = proto
			}
			b.AddTypedef("f", inner)
		},
		"padding": func(b *btf.Builder) {
			b.AddStruct("s", 1<<32-8)
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec := build(t, add)
			var n counter
			err := Header(&n, spec, &Options{Unsorted: true})
			limit := minOutput + outputFactor*len(spec.Raw()) + flushAt
			if int(n) > limit {
				t.Errorf("%d bytes, the limit is %d", n, limit)
			}
			if !errors.Is(err, errTooMuch) && !errors.Is(err, errCycle) {
				t.Errorf("%v", err)
			}
		})
	}
}

type counter int

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// FuzzHeader: no BTF makes the dumper panic, hang or write without end.
func FuzzHeader(f *testing.F) {
	spec := build(f, func(b *btf.Builder) {
		i := b.AddInt("int", 4, btf.Signed)
		array := b.AddArray(i, i, 1)
		pointer := b.AddPtr(4)
		b.AddStruct("s", 16)
		b.AddMember("next", pointer, 0, 0)
		b.AddMember("bits", i, 64, 3)
		b.AddMember("all", array, 96, 0)
		b.AddEnum("e", 1, true)
		b.AddEnumerator("E", -1)
		b.AddTypedef("t", b.AddConst(b.AddPtr(b.AddFuncProto(i))))
	})
	f.Add(spec.Raw())
	f.Fuzz(func(t *testing.T, raw []byte) {
		spec, err := btf.Parse(raw, nil)
		if err != nil {
			return
		}
		for _, unsorted := range []bool{true, false} {
			var n counter
			Header(&n, spec, &Options{Unsorted: unsorted})
			if int(n) > 2*minOutput+outputFactor*len(raw) {
				t.Fatalf("%d bytes of C for %d of BTF", n, len(raw))
			}
		}
	})
}
