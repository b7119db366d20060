package btf

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
)

// The oracle is C libbpf, for which testdata/build.c makes the same calls: the result must be equal
// byte for byte, and the same calls refused.
func TestBuilderLibbpf(t *testing.T) {
	testkit.LittleEndian(t)
	out, err := exec.Command(testkit.LibbpfProgram(t, "testdata/build.c")).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(out)) {
		i := strings.LastIndexByte(line, ' ')
		want[line[:i]] = strings.TrimSpace(line[i:])
	}
	base := NewBuilder(nil)
	addAllKinds(base)
	split := NewBuilder(mustSpec(t, base))
	split.AddStruct("event", 4)
	split.AddMember("pid", 1, 0, 0)
	split.AddStruct("own", 4)
	split.AddMember("own", 1, 0, 0)
	split.AddPtr(base.Len())
	from := mustSpec(t, base)
	event, _ := from.Type(7)
	copied := NewBuilder(nil)
	copied.AddInt("first", 4, 0)
	if first := copied.AddSpec(from); first != 2 {
		t.Errorf("copies start at %d", first)
	}
	copied.AddType(event)
	copied.AddSpec(from)
	for name, b := range map[string]*Builder{"all": base, "split": split, "copy": copied,
		"empty": NewBuilder(nil)} {
		if got := hex.EncodeToString(b.Bytes()); got != want[name] {
			t.Errorf("%s: %v\n got %s\nwant %s", name, b.Err(), got, want[name])
		}
	}
	cases := builderCases
	for n := range 18 {
		cases = append(cases, struct {
			name string
			call func(b *Builder)
		}{fmt.Sprintf("float size %d", n), func(b *Builder) { b.AddFloat("x", uint32(n)) }})
	}
	for _, c := range cases {
		b := NewBuilder(nil)
		b.AddInt("int", 4, 0)
		c.call(b)
		got := "ok"
		if b.Err() != nil {
			got = "refused"
		}
		if got != want[c.name] {
			t.Errorf("%s: %s (%v), libbpf says %q", c.name, got, b.Err(), want[c.name])
		}
	}
	if len(want) != len(cases)+4 {
		t.Errorf("%d cases here, %d in build.c", len(cases)+4, len(want))
	}
}

// loadBTF loads BTF into the kernel and returns what bpftool prints about it there.
func loadBTF(t *testing.T, raw []byte) []byte {
	t.Helper()
	log := make([]byte, 1<<16)
	fd, err := sys.BTFLoad(&sys.BTFLoadAttr{
		BTF: sys.Ptr(unsafe.Pointer(&raw[0])), Size: uint32(len(raw)),
		LogBuf: sys.Ptr(unsafe.Pointer(&log[0])), LogSize: uint32(len(log)), LogLevel: 1,
	})
	if err != nil {
		t.Fatalf("kernel refuses BTF: %v\n%s", err, bytes.TrimRight(log, "\x00"))
	}
	defer fd.Close()
	info, err := sys.BTFInfoByFD(fd.Int())
	if err != nil {
		t.Fatal(err)
	}
	return testkit.Run(t, "bpftool", "btf", "dump", "id", fmt.Sprint(info.ID))
}

// The oracles: the kernel accepts BTF from the Builder, and bpftool prints it as we do, from the
// kernel and from a file.
func TestBuilderKernel(t *testing.T) {
	testkit.Root(t)
	b := NewBuilder(nil)
	addAllKinds(b)
	// Change what the kernel refuses: a flag without bit fields, gaps in padding names, extern
	// functions outside .ksyms.
	b.SetMember(8, 1, Member{Name: "low", Type: 1})
	b.SetInfo(8, KindUnion, 2, false)
	b.SetMember(7, 3, Member{Name: "b", Type: 1, BitOffset: 163, BitSize: 5})
	b.SetLinkage(23, LinkageGlobal)
	raw := b.Bytes()
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	want := rawText(mustSpec(t, b))
	if got := loadBTF(t, raw); !bytes.Equal(got, want) {
		firstDifference(t, want, got)
	}
	file := filepath.Join(t.TempDir(), "btf")
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := testkit.Run(t, "bpftool", "btf", "dump", "file", file); !bytes.Equal(got, want) {
		firstDifference(t, want, got)
	}
}

// rebuild copies a spec type by type.
func rebuild(s *Spec) *Builder {
	b := NewBuilder(s.Base())
	for t := range s.Types() {
		name := t.Name()
		switch t.Kind() {
		case KindInt:
			b.AddInt(name, t.Size(), t.IntEncoding())
		case KindPtr:
			b.AddPtr(t.Ref())
		case KindArray:
			a := t.Array()
			b.AddArray(a.Index, a.Elem, a.Nelems)
		case KindStruct, KindUnion:
			if t.Kind() == KindStruct {
				b.AddStruct(name, t.Size())
			} else {
				b.AddUnion(name, t.Size())
			}
			for i := range t.Vlen() {
				m := t.Member(i)
				b.AddMember(m.Name, m.Type, m.BitOffset, m.BitSize)
			}
		case KindEnum, KindEnum64:
			if t.Kind() == KindEnum {
				b.AddEnum(name, max(t.Size(), 4), t.KFlag())
				b.SetSize(t.ID(), t.Size()) // clang writes forward enums with size 0
			} else {
				b.AddEnum64(name, t.Size(), t.KFlag())
			}
			for i := range t.Vlen() {
				e := t.Enumerator(i)
				b.AddEnumerator(e.Name, e.Value)
			}
		case KindFwd:
			b.AddFwd(name, t.FwdKind())
		case KindTypedef:
			b.AddTypedef(name, t.Ref())
		case KindVolatile:
			b.AddVolatile(t.Ref())
		case KindConst:
			b.AddConst(t.Ref())
		case KindRestrict:
			b.AddRestrict(t.Ref())
		case KindFunc:
			b.AddFunc(name, t.Linkage(), t.Ref())
		case KindFuncProto:
			b.AddFuncProto(t.Ref())
			for i := range t.Vlen() {
				p := t.Param(i)
				b.AddParam(p.Name, p.Type)
			}
		case KindVar:
			b.AddVar(name, t.Linkage(), t.Ref())
		case KindDatasec:
			b.AddDatasec(name, t.Size())
			for i := range t.Vlen() {
				v := t.SecVar(i)
				b.AddSecVar(v.Type, v.Offset, v.Size)
			}
		case KindFloat:
			b.AddFloat(name, t.Size())
		case KindDeclTag:
			b.AddDeclTag(name, t.Ref(), t.Component())
		case KindTypeTag:
			b.AddTypeTag(name, t.Ref())
		}
	}
	return b
}

// The oracle is the compiler's BTF of every corpus object and the kernel's own. Edit keeps the
// bytes; adding every type anew gives the same dump.
func TestRebuild(t *testing.T) {
	testkit.LittleEndian(t)
	specs := map[string]*Spec{"vmlinux": vmlinux(t)}
	for _, path := range testkit.Corpus(t) {
		if s := objectSpec(t, path); s != nil {
			specs[testkit.CorpusName(path)] = s
		}
	}
	for name, s := range specs {
		if got := s.Edit().Bytes(); !bytes.Equal(got, s.Raw()) {
			t.Errorf("%s: Edit changes bytes: %d of %d", name, len(got), len(s.Raw()))
		}
		b := rebuild(s)
		again, err := b.Spec()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, want := rawText(again), rawText(s); !bytes.Equal(got, want) {
			t.Errorf("%s: rebuilt BTF differs", name)
			firstDifference(t, got, want)
		}
	}
}
