package btf

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// withLayout returns BTF with a 32-byte header and a kind layout in which kinds 20 to 25 have info
// words and elements; types follow in between, two of them of kind 25, which is unknown.
func withLayout(t *testing.T, rows map[Kind][2]byte) []byte {
	t.Helper()
	b := NewBuilder(nil)
	b.AddInt("int", 4, Signed)
	name := b.AddString("future")
	b.layout = make([]byte, 26*layoutEntry)
	for k, row := range rows {
		b.layout[k*layoutEntry], b.layout[k*layoutEntry+1] = row[0], row[1]
		host.PutUint16(b.layout[k*layoutEntry+2:], 1) // flags
	}
	b.offs = append(b.offs, uint32(len(b.types)))
	// 8 bytes info, 2 elements of 12
	for _, w := range []uint32{name, infoWord(25, 2, true), 77, 1, 2, 3, 4, 5, 6, 7, 8} {
		b.word(w)
	}
	b.AddPtr(1)
	b.offs = append(b.offs, uint32(len(b.types)))
	for _, w := range []uint32{name, infoWord(25, 0, false), 77, 1, 2} {
		b.word(w)
	}
	b.AddTypedef("last", 4)
	return b.Bytes()
}

// TestKindLayout checks unknown kinds that the kind layout section describes: they are skipped, but
// kept and addressable; in split BTF by the base's layout.
func TestKindLayout(t *testing.T) {
	rows := map[Kind][2]byte{25: {8, 12}, KindInt: {4, 0}, 20: {0, 0}}
	raw := withLayout(t, rows)
	for _, raw := range [][]byte{raw, swapSpec(raw)} {
		s, err := Parse(raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		want := "[1] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED\n[2] KIND(25) 'future'\n[3] PTR '(anon)' type_id=1\n[4] KIND(25) 'future'\n[5] TYPEDEF 'last' type_id=4\n"
		if got := string(rawText(s)); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
		future, _ := s.Type(2)
		if future.Kind() != 25 || future.Vlen() != 2 || !future.KFlag() ||
			len(future.Record()) != 44 || host.Uint32(future.Record()[40:]) != 8 {
			t.Errorf("kind %v, vlen %d, record % x", future.Kind(), future.Vlen(), future.Record())
		}
		if _, err := s.SizeOf(5); err == nil || !strings.Contains(err.Error(), "KIND(25)") {
			t.Errorf("size: %v", err)
		}
		if ids := s.Named("future"); len(ids) != 2 {
			t.Errorf("named: %v", ids)
		}
		again := mustSpec(t, s.Edit())
		if string(rawText(again)) != want || len(again.layout) != 26*layoutEntry {
			t.Error("editing loses the layout")
		}

		// The split BTF has no layout of its own.
		b := NewBuilder(s)
		b.offs = append(b.offs, 0)
		for _, w := range []uint32{0, infoWord(25, 0, false), 77, 1, 2} {
			b.word(w)
		}
		b.AddPtr(6)
		if got := string(rawText(
			mustSpec(t, b))); got != "[6] KIND(25) '(anon)'\n[7] PTR '(anon)' type_id=6\n" {
			t.Errorf("split: %s", got)
		}
	}
}

// The oracle is the rules of the format (section 9.1 of the behaviour notes: the checks of libbpf
// 1.8). Every case names the place.
func TestParseRefuses(t *testing.T) {
	good := seedSpec()
	layout := withLayout(t, map[Kind][2]byte{25: {8, 12}})
	patch := func(raw []byte, at int, v uint32) []byte {
		out := append([]byte{}, raw...)
		host.PutUint32(out[at:], v)
		return out
	}
	strOff, strLen := host.Uint32(good[16:]), host.Uint32(good[20:])
	for _, c := range []struct {
		name    string
		raw     []byte
		section string
		reason  error
	}{
		{"empty", nil, "header", nil},
		{"23 bytes", good[:23], "header", nil},
		{"24 bytes", patch(patch(patch(good[:24], 12, 0), 16, 0), 20, 0), "strings", nil},
		{"magic", patch(good, 0, 0x1234), "header", ErrBadMagic},
		{"ELF", append([]byte("\x7fELF"), good...), "header", ErrBadMagic},
		{"header length 20", patch(good, 4, 20), "header", nil},
		{"header length beyond", patch(good, 4, uint32(len(good)+1)), "header", nil},
		{"types not aligned", patch(patch(good, 8, 2), 12, strOff-2), "header", nil},
		{"types overlap strings", patch(good, 12, strOff+4), "header", nil},
		{"types wrap around", patch(good, 8, 0xfffffffc), "header", nil},
		{"strings beyond", patch(good, 20, strLen+1), "header", nil},
		{"strings wrap around", patch(good, 16, 0xffffffff), "header", nil},
		{"no strings", patch(good, 20, 0), "strings", nil},
		{"last string open", patch(good, 20, strLen-1), "strings", nil},
		{"first string not empty", patch(patch(good, 16, strOff+1), 20, strLen-1), "strings",
			ErrNeedsBase},
		{"record cut", patch(good, 12, strOff-4), "types", nil},
		{"kind 0", patch(good, 28, 0), "types", ErrUnknownKind},
		{"kind 20", patch(good, 28, infoWord(20, 0, false)), "types", ErrUnknownKind},
		{"kind 127", patch(good, 28, infoWord(127, 0, false)), "types", ErrUnknownKind},
		{"vlen of 24 bits", patch(good, 28, infoWord(KindStruct, maxVlen, false)), "types", nil},
		{"layout not aligned", patch(layout, 24, host.Uint32(layout[24:])+2), "header", nil},
		{"layout within types", patch(layout, 24, 0), "header", nil},
		{"layout within strings", patch(layout, 28, host.Uint32(layout[28:])+4), "header", nil},
		{"layout without the kind", withLayout(t, map[Kind][2]byte{24: {8, 12}}), "types", nil},
		{"layout with odd sizes", withLayout(t, map[Kind][2]byte{25: {7, 12}}), "types",
			ErrUnknownKind},
	} {
		_, err := Parse(c.raw, nil)
		var format *FormatError
		if !errors.As(err, &format) || format.Section != c.section ||
			c.reason != nil && !errors.Is(err, c.reason) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := Parse(good, nil); err != nil {
		t.Error(err)
	}
}

// A kernel module's BTF may be empty: only a header of 24 bytes. Over a base that is valid, alone
// it is not.
func TestEmptyModule(t *testing.T) {
	base, err := Parse(seedSpec(), nil)
	if err != nil {
		t.Fatal(err)
	}
	empty := NewBuilder(nil).Bytes()
	host.PutUint32(empty[20:], 0)
	s, err := Parse(empty[:24], base)
	if err != nil {
		t.Fatal(err)
	}
	if s.FirstID() != base.Len() || s.Len() != base.Len() || s.Base() != base {
		t.Errorf("ids from %d to %d over %d", s.FirstID(), s.Len(), base.Len())
	}
	if id, ok := s.FindByName("event", KindStruct); !ok || id != 7 {
		t.Errorf("event is %d, %v", id, ok)
	}
	if len(s.Named("event")) != 0 {
		t.Error("Named gives the base's types")
	}
	if name, ok := s.Name(1); !ok || name != "int" {
		t.Errorf("string 1 is %q", name)
	}
	if _, ok := s.Name(uint32(len(base.strs))); ok {
		t.Error("a string beyond the end")
	}
}

// TestSplitChain checks three levels: ids and strings continue through the chain.
func TestSplitChain(t *testing.T) {
	var spec *Spec
	for level := range 3 {
		b := NewBuilder(spec)
		b.AddInt("shared", 4, 0)
		b.AddStruct([]string{"zero", "one", "two"}[level], 4)
		b.AddMember("member", 1, 0, 0)
		spec = mustSpec(t, b)
	}
	if got := spec.Len(); got != 7 {
		t.Errorf("%d types", got)
	}
	for id, want := range []string{"", "shared", "zero", "shared", "one", "shared", "two"} {
		typ, ok := spec.Type(ID(id))
		if !ok || typ.Name() != want || typ.ID() != ID(id) {
			t.Errorf("[%d] is %q, want %q", id, typ.Name(), want)
		}
		if typ.Vlen() > 0 && typ.Member(0).Name != "member" {
			t.Errorf("[%d] has member %q", id, typ.Member(0).Name)
		}
	}
	if id, _ := spec.FindByName("shared", KindInt); id != 1 {
		t.Errorf("shared is [%d], the lowest id is 1", id)
	}
	if strs := spec.Base().strs; strs != "one\x00" {
		t.Errorf("the base's strings are used first, but level one has %q", strs)
	}
	if _, err := Parse(spec.Raw(), nil); !errors.Is(err, ErrNeedsBase) {
		t.Errorf("without its base: %v", err)
	}
}

// Views of missing elements are zero and do not panic.
func TestViewsOutOfRange(t *testing.T) {
	s, err := Parse(seedSpec(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Type(s.Len()); ok {
		t.Error("a type beyond the last")
	}
	if void, ok := s.Type(0); !ok || void.Kind() != KindVoid || void.Name() != "" ||
		void.Record() != nil || void.NameOff() != 0 || void.Size() != 0 {
		t.Error("void is not void")
	}
	for typ := range s.Types() {
		k := typ.Kind()
		for _, i := range []int{-1, typ.Vlen(), math.MaxInt32} {
			if typ.Member(i) != (Member{}) || typ.Param(i) != (Param{}) ||
				typ.Enumerator(i) != (Enumerator{}) || typ.SecVar(i) != (SecVar{}) {
				t.Errorf("[%d] %v has an element %d", typ.ID(), k, i)
			}
		}
		if k != KindArray && typ.Array() != (Array{}) || k != KindInt &&
			(typ.IntBits() != 0 || typ.IntEncoding() != 0 || typ.IntOffset() != 0) ||
			k != KindDeclTag && typ.Component() != 0 || k != KindFunc && k != KindVar &&
			typ.Linkage() != 0 || k != KindFwd && typ.FwdKind() != KindVoid {
			t.Errorf("[%d] %v answers for another kind", typ.ID(), k)
		}
	}
	if s.Skip(s.Len()).Kind() != KindVoid {
		t.Error("Skip of a missing type is not void")
	}
}
