package layout

import (
	"reflect"
	"strings"
	"testing"

	"github.com/purebpf/bpf/btf"
)

// layoutTypes builds the C types of these tests. The oracle of the tests is the C standard's
// layout, written down here by hand:
//
//	enum color { red, green };
//	union u { __u32 number; struct { __u16 lo, hi; } half; };
//	struct inner { __u8 x; __u16 y; };                        // size 4, y at 2
//	struct s {
//		__u32 a;            // 0
//		__u32 f:3, g:29;    // 4
//		void *p;            // 8
//		union u u;          // 16
//		enum color color;   // 20
//		struct inner in[2]; // 24
//		char name[8];       // 32
//	};                          // 40
func layoutTypes(t *testing.T) (spec *btf.Spec, ids map[string]btf.ID) {
	t.Helper()
	b := btf.NewBuilder(nil)
	u8 := b.AddInt("unsigned char", 1, 0)
	u16 := b.AddInt("unsigned short", 2, 0)
	u32 := b.AddInt("unsigned int", 4, 0)
	ptr := b.AddPtr(0)
	color := b.AddEnum("color", 4, false)
	b.AddEnumerator("red", 0)
	b.AddEnumerator("green", 1)
	half := b.AddStruct("", 4)
	b.AddMember("lo", u16, 0, 0)
	b.AddMember("hi", u16, 16, 0)
	u := b.AddUnion("u", 4)
	b.AddMember("number", u32, 0, 0)
	b.AddMember("half", half, 0, 0)
	inner := b.AddStruct("inner", 4)
	b.AddMember("x", u8, 0, 0)
	b.AddMember("y", u16, 16, 0)
	inner2 := b.AddArray(u32, inner, 2)
	name := b.AddArray(u32, u8, 8)
	s := b.AddStruct("s", 40)
	b.AddMember("a", u32, 0, 0)
	b.AddMember("f", u32, 32, 3)
	b.AddMember("g", u32, 35, 29)
	b.AddMember("p", ptr, 64, 0)
	b.AddMember("u", u, 128, 0)
	b.AddMember("color", color, 160, 0)
	b.AddMember("in", inner2, 192, 0)
	b.AddMember("name", name, 256, 0)
	flat := b.AddStruct("flat", 8)
	b.AddMember("a", u32, 0, 0)
	b.AddMember("", half, 32, 0)
	typedef := b.AddTypedef("s_t", b.AddConst(s))
	wrapped := b.AddStruct("wrapped", 4)
	b.AddMember("n", u32, 0, 0)
	spec, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return spec, map[string]btf.ID{"u8": u8, "u16": u16, "u32": u32, "ptr": ptr, "color": color,
		"u": u, "flat": flat, "inner": inner, "s": s, "s_t": typedef, "wrapped": wrapped}
}

func TestLayout(t *testing.T) {
	type inner struct {
		X uint8
		Y uint16
	}
	type s struct {
		A     uint32
		Bits  uint32
		P     uint64
		U     uint32
		Color uint32
		In    [2]inner
		Name  [8]byte
	}
	spec, ids := layoutTypes(t)
	for _, c := range []struct {
		typ  any
		c    string
		want string // "" accepted; else part of the reason
	}{
		{uint32(0), "u32", ""}, {int32(0), "u32", ""}, {float32(0), "u32", ""},
		{[4]byte{}, "u32", ""},
		{uint32(0), "color", ""}, {uint64(0), "ptr", ""}, {uint8(0), "u8", ""}, {false, "u8", ""},
		{uint16(0), "u32", "uint16 has 2 bytes, the map has 4"},
		{[2]uint16{}, "u32", "C has INT"},
		{struct{ N uint32 }{}, "u32", ""},
		{struct{ A, B uint16 }{}, "u32", "C has INT"},
		{uint32(0), "wrapped", ""}, {struct{ N uint32 }{}, "wrapped", ""},
		{uint32(0), "inner", "C has STRUCT inner"},
		{inner{}, "inner", ""},
		{struct{ X, Pad, Y, Y2 uint8 }{}, "inner", "Y lies across the C member y"},
		{struct {
			X uint8
			_ [3]byte
		}{}, "inner", ""},
		{struct {
			X uint8
			_ uint8
			_ uint16
		}{}, "inner", ""},
		{struct{ Y uint32 }{}, "inner",
			"Y has 4 bytes at offset 0, the C member x has 1 at offset 0"},
		{uint32(0), "u", ""}, {struct{ Lo, Hi uint16 }{}, "u", ""}, {[4]byte{}, "u", ""},
		{[4]uint8{}, "u", ""},
		{struct{ A, B, C, D uint8 }{}, "u", "none of the members of UNION u"},
		{s{}, "s", ""}, {s{}, "s_t", ""},
		{struct { // bytes with an alignment
			_ [0]uint32
			B [4]byte
		}{}, "u", ""},
		{struct { // the members of the anonymous struct
			A      uint32
			Lo, Hi uint16
		}{}, "flat", ""},
		{struct {
			A  uint32
			Lo uint16
			B  [2]uint8
			C  uint8
			_  [3]byte
		}{}, "flat", "has 12 bytes"},
		{struct {
			A      uint32
			Lo     uint8
			B, Hi  uint8
			Middle uint8
		}{}, "flat", "Lo"},
		{[40]byte{}, "s", ""},
		{struct {
			Head [24]byte
			In   [8]byte
			Name [2]uint32
		}{}, "s", "C has"},
		{struct {
			Head [24]byte
			In   [2]inner
			Name [8]int8
		}{}, "s", ""},
		{struct {
			A    uint32
			Bits uint16 // half of the bit fields' word
			_    uint16
			_    [32]byte
		}{}, "s", "across the C member g"},
		{struct {
			A, Bits uint32
			P       uint64
			U       uint32
			Color   uint32
			In      [2]inner
			Name    [4]byte
			_       [4]byte
		}{}, "s", "Name lies across the C member name"},
		{0, "u32", "depends on the machine"},
		{uintptr(0), "ptr", "depends on the machine"},
		{"", "ptr", "cannot take"},
		{[]byte{}, "ptr", "cannot take"},
		{struct{ P *int }{}, "ptr", "cannot take"},
		{struct{ M map[int]int }{}, "ptr", "cannot take"},
		{struct{ F func() }{}, "ptr", "cannot take"},
		{struct{ I any }{}, "ptr", "cannot take"},
		{[3]int{}, "ptr", "depends on the machine"},
	} {
		typ := reflect.TypeOf(c.typ)
		size, err := spec.SizeOf(ids[c.c])
		if err != nil {
			t.Fatal(err)
		}
		_, err = Check(typ, uint32(size), spec, ids[c.c])
		if c.want == "" && err != nil || c.want != "" &&
			(err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v for %s: %v, want %q", typ, c.c, err, c.want)
		}
	}
	// Without BTF only the size counts.
	if _, err := Check(reflect.TypeFor[[2]uint16](), 4, nil, 0); err != nil {
		t.Error(err)
	}
}

// TestLayoutGaps: bytes that belong to no field are found, wherever they are.
func TestLayoutGaps(t *testing.T) {
	type padded struct {
		A uint8 // 1..3
		B uint32
		C uint16 // 10, 11
	}
	for _, c := range []struct {
		typ  any
		gaps string // one character a byte: . field, x gap
	}{
		{uint64(0), "........"},
		{padded{}, ".xxx......xx"},
		{[2]padded{}, ".xxx......xx.xxx......xx"},
		{struct {
			A uint64
			_ uint32
			B uint32
		}{}, "........xxxx...."},
		{struct {
			P [2]struct {
				A uint8
				B uint16
			}
			Z uint8
		}{}, ".x...x...x"},
		{struct{ _ [0]uint64 }{}, ""},
		{[0]padded{}, ""},
	} {
		typ := reflect.TypeOf(c.typ)
		l, err := Check(typ, uint32(typ.Size()), nil, 0)
		if err != nil {
			t.Errorf("%v: %v", typ, err)
			continue
		}
		raw := []byte(strings.Repeat(".", int(typ.Size())))
		l.Zero(raw)
		if got := strings.ReplaceAll(string(raw), "\x00", "x"); got != c.gaps {
			t.Errorf("%v: %s, want %s", typ, got, c.gaps)
		}
	}
	if _, err := Check(reflect.TypeFor[[4000]padded](), 48000, nil, 0); err == nil ||
		!strings.Contains(err.Error(), "too many gaps") {
		t.Error(err)
	}
}
