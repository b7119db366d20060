package btf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// addAllKinds adds the same types as all_kinds in testdata/build.c.
func addAllKinds(b *Builder) {
	b.AddInt("int", 4, Signed)
	b.AddInt("char", 1, Char)
	b.AddInt("_Bool", 1, Bool)
	b.AddInt("__int128", 16, 0)
	b.AddPtr(1)
	b.AddArray(1, 2, 16)
	b.AddStruct("event", 24)
	b.AddMember("pid", 1, 0, 0)
	b.AddMember("comm", 6, 32, 0)
	b.AddMember("a", 1, 160, 3)
	b.AddMember("", 1, 163, 5)
	b.AddUnion("", 8)
	b.AddMember("p", 5, 0, 0)
	b.AddMember("low", 1, 0, 7)
	b.AddEnum("e", 4, false)
	b.AddEnumerator("E_A", 1)
	b.AddEnumerator("E_B", 4294967295)
	b.AddEnumerator("E_C", -2147483648)
	b.AddEnum("", 1, false)
	b.AddEnumerator("E_A", 7)
	b.AddEnum64("e64", 8, false)
	b.AddEnumerator("BIG", 0x123456789abcdef0)
	b.AddEnum64("se64", 8, true)
	b.AddEnumerator("NEG", -5)
	b.AddFwd("later", KindStruct)
	b.AddFwd("ulater", KindUnion)
	b.AddFwd("elater", KindEnum)
	b.AddTypedef("event_t", 7)
	b.AddVolatile(1)
	b.AddConst(1)
	b.AddRestrict(5)
	b.AddFuncProto(1)
	b.AddParam("ctx", 5)
	b.AddParam("", 0)
	b.AddFunc("prog", LinkageGlobal, 20)
	b.AddFunc("sub", LinkageStatic, 20)
	b.AddFunc("kfunc", LinkageExtern, 20)
	b.AddVar("counter", LinkageGlobal, 1)
	b.AddVar("stat", LinkageStatic, 1)
	b.AddDatasec(".data", 8)
	b.AddSecVar(24, 0, 4)
	b.AddSecVar(25, 4, 4)
	b.AddFloat("double", 8)
	b.AddDeclTag("tag", 7, 1)
	b.AddDeclTag("tag", 21, -1)
	b.AddTypeTag("user", 1)
	b.AddPtr(30)
}

// builderCases are single calls that libbpf may refuse; build.c has the same calls under the same
// names.
var builderCases = []struct {
	name string
	call func(b *Builder)
}{
	{"int size 0", func(b *Builder) { b.AddInt("x", 0, 0) }},
	{"int size 3", func(b *Builder) { b.AddInt("x", 3, 0) }},
	{"int size 16", func(b *Builder) { b.AddInt("x", 16, 0) }},
	{"int size 32", func(b *Builder) { b.AddInt("x", 32, 0) }},
	{"int encoding 8", func(b *Builder) { b.AddInt("x", 4, 8) }},
	{"int no name", func(b *Builder) { b.AddInt("", 4, 0) }},
	{"float no name", func(b *Builder) { b.AddFloat("", 8) }},
	{"ptr forward", func(b *Builder) { b.AddPtr(1000) }},
	{"ptr max", func(b *Builder) { b.AddPtr(0x7fffffff) }},
	{"ptr beyond", func(b *Builder) { b.AddPtr(0x80000000) }},
	{"typedef no name", func(b *Builder) { b.AddTypedef("", 1) }},
	{"type tag no value", func(b *Builder) { b.AddTypeTag("", 1) }},
	{"member of int", func(b *Builder) { b.AddMember("x", 1, 0, 0) }},
	{"member no name", func(b *Builder) { b.AddStruct("s", 4); b.AddMember("", 1, 0, 0) }},
	{"member unaligned", func(b *Builder) { b.AddStruct("s", 4); b.AddMember("x", 1, 3, 0) }},
	{"member 255 bits", func(b *Builder) { b.AddStruct("s", 4); b.AddMember("x", 1, 3, 255) }},
	{"member 256 bits", func(b *Builder) { b.AddStruct("s", 4); b.AddMember("x", 1, 3, 256) }},
	{"member bit 0xffffff", func(b *Builder) {
		b.AddStruct("s",
			4)
		b.AddMember("x", 1, 0xffffff, 1)
	}},
	{"member bit 0x1000000", func(b *Builder) {
		b.AddStruct("s",
			4)
		b.AddMember("x", 1, 0x1000000, 1)
	}},
	{"plain member bit 0x1000000",
		func(b *Builder) { b.AddStruct("s", 4); b.AddMember("x", 1, 0x1000000, 0) }},
	{"union member at 8", func(b *Builder) { b.AddUnion("u", 4); b.AddMember("x", 1, 8, 0) }},
	{"enum size 0", func(b *Builder) { b.AddEnum("e", 0, false) }},
	{"enum size 3", func(b *Builder) { b.AddEnum("e", 3, false) }},
	{"enum size 8", func(b *Builder) { b.AddEnum("e", 8, false) }},
	{"enum size 16", func(b *Builder) { b.AddEnum("e", 16, false) }},
	{"enum no name", func(b *Builder) { b.AddEnum("", 4, false) }},
	{"enum value no name", func(b *Builder) { b.AddEnum("e", 4, false); b.AddEnumerator("", 4) }},
	{"enum value 2^32-1", func(b *Builder) {
		b.AddEnum("e", 4,
			false)
		b.AddEnumerator("x", 0xffffffff)
	}},
	{"enum value 2^32", func(b *Builder) {
		b.AddEnum("e", 4,
			false)
		b.AddEnumerator("x", 0x100000000)
	}},
	{"enum value -2^31", func(b *Builder) {
		b.AddEnum("e", 4,
			false)
		b.AddEnumerator("x", -2147483648)
	}},
	{"enum value -2^31-1", func(b *Builder) {
		b.AddEnum("e", 4,
			false)
		b.AddEnumerator("x", -2147483649)
	}},
	{"enum value of struct", func(b *Builder) { b.AddStruct("e", 4); b.AddEnumerator("x", 1) }},
	{"fwd no name", func(b *Builder) { b.AddFwd("", KindStruct) }},
	{"func no name", func(b *Builder) { b.AddFunc("", LinkageStatic, 1) }},
	{"func linkage 3", func(b *Builder) { b.AddFunc("f", 3, 1) }},
	{"param of int", func(b *Builder) { b.AddParam("x", 1) }},
	{"param no name", func(b *Builder) { b.AddFuncProto(0); b.AddParam("", 1) }},
	{"var no name", func(b *Builder) { b.AddVar("", 0, 1) }},
	{"var linkage 3", func(b *Builder) { b.AddVar("v", 3, 1) }},
	{"datasec no name", func(b *Builder) { b.AddDatasec("", 1) }},
	{"section variable of int", func(b *Builder) { b.AddSecVar(1, 0, 4) }},
	{"decl tag no value", func(b *Builder) { b.AddDeclTag("", 1, -1) }},
	{"decl tag component -2", func(b *Builder) { b.AddDeclTag("x", 1, -2) }},
}

func mustSpec(t testing.TB, b *Builder) *Spec {
	t.Helper()
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	return s
}

// The oracle is the text that a reader of the calls expects.
func TestPatch(t *testing.T) {
	b := NewBuilder(nil)
	addAllKinds(b)
	s := mustSpec(t, b)
	e := s.Edit()
	e.SetName(7, "renamed")
	e.SetName(8, "")
	e.SetInfo(16, KindConst, 0, false)
	e.SetInfo(27, KindStruct, 0, false)
	e.SetSize(27, 16)
	e.SetRef(17, 2)
	e.SetLinkage(21, LinkageStatic)
	e.SetLinkage(24, LinkageStatic)
	e.SetSecVar(26, 1, SecVar{Type: 24, Offset: 32, Size: 8})
	e.SetMember(7, 0, Member{Name: "tgid", Type: 2, BitOffset: 8, BitSize: 4})
	e.SetParamName(20, 1, "named")
	e.SetParam(20, 0, Param{"c", 2})
	e.SetInfo(26, KindStruct, 2, false)
	patched, err := e.Spec()
	if err != nil {
		t.Fatal(err)
	}
	got := string(rawText(patched))
	for _, want := range []string{
		"[7] STRUCT 'renamed' size=24 vlen=4\n\t'tgid' type_id=2 bits_offset=8 bitfield_size=4\n\t'comm'",
		"[8] UNION '(anon)'",
		"[16] CONST 'event_t' type_id=7",
		"[27] STRUCT 'double' size=16 vlen=0\n[28]",
		"[17] VOLATILE '(anon)' type_id=2",
		"[21] FUNC 'prog' type_id=20 linkage=static",
		"[24] VAR 'counter' type_id=1, linkage=static",
		"[20] FUNC_PROTO '(anon)' ret_type_id=1 vlen=2\n\t'c' type_id=2\n\t'named' type_id=0\n",
		"[26] STRUCT '.data' size=8 vlen=2\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if !bytes.Equal(s.Raw(), b.Bytes()) {
		t.Error("editing changed the original")
	}
}

// A patch that does not fit is refused and leaves the record alone.
func TestPatchRefused(t *testing.T) {
	for name, patch := range map[string]func(b *Builder){
		"type 0":          func(b *Builder) { b.SetName(0, "x") },
		"type beyond":     func(b *Builder) { b.SetRef(b.Len(), 1) },
		"other length":    func(b *Builder) { b.SetInfo(1, KindPtr, 0, false) },
		"vlen":            func(b *Builder) { b.SetInfo(7, KindStruct, 3, true) },
		"unknown kind":    func(b *Builder) { b.SetInfo(5, 77, 0, false) },
		"no size":         func(b *Builder) { b.SetSize(5, 8) },
		"no reference":    func(b *Builder) { b.SetRef(1, 2) },
		"no linkage":      func(b *Builder) { b.SetLinkage(1, 0) },
		"linkage 3":       func(b *Builder) { b.SetLinkage(21, 3) },
		"variable 2":      func(b *Builder) { b.SetSecVar(26, 2, SecVar{}) },
		"variable -1":     func(b *Builder) { b.SetSecVar(26, -1, SecVar{}) },
		"variable of int": func(b *Builder) { b.SetSecVar(1, 0, SecVar{}) },
		"member bit": func(b *Builder) {
			b.SetMember(7, 0, Member{BitOffset: 1 << 24, BitSize: 1})
		},
		"parameter of int": func(b *Builder) { b.SetParamName(1, 0, "x") },
		"NUL in a name":    func(b *Builder) { b.SetName(1, "a\x00b") },
	} {
		b := NewBuilder(nil)
		addAllKinds(b)
		before := b.Bytes()
		patch(b)
		if b.Err() == nil || b.Bytes() != nil {
			t.Errorf("%s: not refused", name)
			continue
		}
		if _, err := b.Spec(); err != b.Err() {
			t.Errorf("%s: Spec gives %v instead of %v", name, err, b.Err())
		}
		err := b.err
		b.err = nil
		if !bytes.Equal(b.Bytes(), before) {
			t.Errorf("%s: changed despite %v", name, err)
		}
	}
}

// TestVlenLimit adds more elements than the 24 bits of vlen allow.
func TestVlenLimit(t *testing.T) {
	b := NewBuilder(nil)
	b.AddFuncProto(0)
	host.PutUint32(b.types[4:], infoWord(KindFuncProto, maxVlen-1, false))
	b.AddParam("", 0)
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	b.AddParam("", 0)
	if !errors.Is(b.Err(), ErrTooBig) {
		t.Errorf("got %v", b.Err())
	}
}

// TestReadOnlyHeader checks that BTF with unknown header fields can be read but not changed.
func TestReadOnlyHeader(t *testing.T) {
	b := NewBuilder(nil)
	b.AddInt("int", 4, 0)
	raw := b.Bytes()
	grown := append(append(append([]byte{}, raw[:24]...), make([]byte, 16)...), raw[24:]...)
	host.PutUint32(grown[4:], 40)
	s, err := Parse(grown, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Edit().Spec(); err != nil {
		t.Errorf("zero fields: %v", err)
	}
	grown[36] = 1
	if s, err = Parse(grown, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Edit().Spec(); !errors.Is(err, ErrReadOnly) {
		t.Errorf("got %v", err)
	}
}

// Both byte orders contain the same data. The oracles are swapping twice, and the words of a
// header.
func TestBytesOrder(t *testing.T) {
	b := NewBuilder(nil)
	addAllKinds(b)
	want := rawText(mustSpec(t, b))
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		raw := b.BytesOrder(order)
		if order.Uint16(raw) != magic || order.Uint32(raw[4:]) != headerMin {
			t.Fatalf("%v: header % x", order, raw[:24])
		}
		s, err := Parse(raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := rawText(s); !bytes.Equal(got, want) {
			firstDifference(t, got, want)
		}
		if s.Order() != order || !bytes.Equal(s.Raw(), raw) {
			t.Errorf("%v: order is %v", order, s.Order())
		}
	}
}

// TestCopyRefused copies between BTFs that do not fit together.
func TestCopyRefused(t *testing.T) {
	a, b := NewBuilder(nil), NewBuilder(nil)
	addAllKinds(a)
	b.AddInt("int", 4, 0)
	base, other := mustSpec(t, a), mustSpec(t, b)
	split := NewBuilder(base)
	split.AddStruct("own", 4)
	split.AddMember("m", 1, 0, 0)
	split.AddPtr(base.Len())
	s := mustSpec(t, split)

	into := NewBuilder(base)
	into.AddFloat("float", 4)
	first := into.AddSpec(s)
	want := "[32] FLOAT 'float' size=4\n[33] STRUCT 'own' size=4 vlen=1\n\t'm' type_id=1 bits_offset=0\n[34] PTR '(anon)' type_id=33\n"
	if got := string(rawText(mustSpec(t, into))); first != 33 || got != want {
		t.Errorf("split over the same base: %d, %s", first, got)
	}
	into = NewBuilder(other)
	if into.AddSpec(s) != 0 || into.Err() == nil {
		t.Error("split over another base is accepted")
	}
	into = NewBuilder(nil)
	if into.AddType(Type{}) != 0 || into.Err() == nil {
		t.Error("void is accepted")
	}
	future, err := Parse(withLayout(t, map[Kind][2]byte{25: {8, 12}}), nil)
	if err != nil {
		t.Fatal(err)
	}
	into = NewBuilder(nil)
	if into.AddSpec(future) != 0 || !errors.Is(into.Err(), ErrUnknownKind) || len(into.types) != 0 {
		t.Errorf("an unknown kind: %v", into.Err())
	}
}

// TestSpecIsApart changes a Builder after it returned a Spec. The oracles are the Spec's own bytes
// before, and libbpf's rule that btf__raw_data of one BTF is independent of another's.
func TestSpecIsApart(t *testing.T) {
	b := NewBuilder(nil)
	i := b.AddInt("int", 4, Signed)
	st := b.AddStruct("s", 8)
	b.AddMember("a", i, 0, 0)
	first, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	before := string(b.Bytes())
	for name, change := range map[string]func(b *Builder){
		"element": func(b *Builder) { b.AddMember("b", i, 32, 0) },
		"patch":   func(b *Builder) { b.SetSize(st, 16) },
		"record":  func(b *Builder) { b.Record(st)[8] = 24 },
		"type":    func(b *Builder) { b.AddInt("long", 8, Signed) },
		"name":    func(b *Builder) { b.SetName(i, "renamed") },
	} {
		for _, edit := range []*Builder{b, first.Edit()} {
			spec, err := edit.Spec()
			if err != nil {
				t.Fatal(name, err)
			}
			taken := string(edit.Bytes())
			change(edit)
			if string(edit.Bytes()) == taken {
				t.Errorf("%s: changes nothing", name)
			}
			if string(spec.HostBytes()) != taken {
				t.Errorf("%s: shows in a Spec that was taken before", name)
			}
			if _, err := edit.Spec(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			b = NewBuilder(nil)
			b.AddInt("int", 4, Signed)
			b.AddStruct("s", 8)
			b.AddMember("a", i, 0, 0)
		}
	}
	if string(first.Raw()) != before || string(first.HostBytes()) != before {
		t.Error("the first Spec changed")
	}
	// A record that is no longer valid is detected.
	host.PutUint32(b.Record(st)[4:], infoWord(KindStruct, 1000, false))
	if _, err := b.Spec(); err == nil {
		t.Error("a struct of 1000 members in 24 bytes is accepted")
	}
}
