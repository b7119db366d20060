package skeltest

import (
	"math"

	"github.com/purebpf/bpf/skel"
)

// member is a member of struct all: its name in MEMBERS of constructs.bpf.c, how Go gives it the
// value that MEMBERS has for it, and how Go reads it as read does there.
type member struct {
	name string
	set  func(*ConstructsAll)
	get  func(*ConstructsAll) int64
}

func s128(s *ConstructsAll) (high, low int64) {
	h, l := s.S128.Parts()
	return h, int64(l)
}

func u128(s *ConstructsAll) (high, low int64) {
	h, l := s.U128.Parts()
	return int64(h), int64(l)
}

var members = []member{
	{"u8", func(s *ConstructsAll) { s.U8 = 0x91 },
		func(s *ConstructsAll) int64 { return int64(s.U8) }},
	{"s8", func(s *ConstructsAll) { s.S8 = -8 },
		func(s *ConstructsAll) int64 { return int64(s.S8) }},
	{"u16", func(s *ConstructsAll) { s.U16 = 0x9293 },
		func(s *ConstructsAll) int64 { return int64(s.U16) }},
	{"s16", func(s *ConstructsAll) { s.S16 = -1600 },
		func(s *ConstructsAll) int64 { return int64(s.S16) }},
	{"u32", func(s *ConstructsAll) { s.U32 = 0x94959697 },
		func(s *ConstructsAll) int64 { return int64(s.U32) }},
	{"s32", func(s *ConstructsAll) { s.S32 = -320000 },
		func(s *ConstructsAll) int64 { return int64(s.S32) }},
	{"u64", func(s *ConstructsAll) { s.U64 = 0x98999a9b9c9d9e9f },
		func(s *ConstructsAll) int64 { return int64(s.U64) }},
	{"s64", func(s *ConstructsAll) { s.S64 = -6400000000 },
		func(s *ConstructsAll) int64 { return s.S64 }},
	{"s128 high", func(s *ConstructsAll) {
		s.S128 = skel.MakeInt128(-6, 0xeeedecebeae9e8e8)
	}, func(s *ConstructsAll) int64 { high, _ := s128(s); return high }},
	{"s128 low", func(*ConstructsAll) {},
		func(s *ConstructsAll) int64 { _, low := s128(s); return low }},
	{"u128 high", func(s *ConstructsAll) {
		s.U128 = skel.MakeUint128(0xe1e2e3e4e5e6e7e8, 0xf1f2f3f4f5f6f7f8)
	}, func(s *ConstructsAll) int64 { high, _ := u128(s); return high }},
	{"u128 low", func(*ConstructsAll) {},
		func(s *ConstructsAll) int64 { _, low := u128(s); return low }},
	{"yes", func(s *ConstructsAll) { s.Yes.Set(true) },
		func(s *ConstructsAll) int64 { return int64(s.Yes) }},
	{"f", func(s *ConstructsAll) { s.F = 1.5 },
		func(s *ConstructsAll) int64 { return int64(int32(math.Float32bits(s.F))) }},
	{"d", func(s *ConstructsAll) { s.D = -2.25 },
		func(s *ConstructsAll) int64 { return int64(math.Float64bits(s.D)) }},
	{"name[0]", func(s *ConstructsAll) { s.Name.Set("n") },
		func(s *ConstructsAll) int64 { return int64(s.Name.String()[0]) }},
	{"name[10]", func(s *ConstructsAll) { s.Name[10] = 'z' },
		func(s *ConstructsAll) int64 { return int64(s.Name[10]) }},
	{"name[11]", func(*ConstructsAll) {},
		func(s *ConstructsAll) int64 { return int64(s.Name[11]) }},
	{"grid[1][0]", func(s *ConstructsAll) { s.Grid[1].Set("g") },
		func(s *ConstructsAll) int64 { return int64(s.Grid[1].String()[0]) }},
	{"mac[5]", func(s *ConstructsAll) { s.Mac[5] = 0xfe },
		func(s *ConstructsAll) int64 { return int64(s.Mac[5]) }},
	{"matrix[1][2]", func(s *ConstructsAll) { s.Matrix[1][2] = 123456 },
		func(s *ConstructsAll) int64 { return int64(s.Matrix[1][2]) }},
	{"points[1].x", func(s *ConstructsAll) { s.Points[1].X = -9 },
		func(s *ConstructsAll) int64 { return int64(s.Points[1].X) }},
	{"points[1].y", func(s *ConstructsAll) { s.Points[1].Y = -1000000000000 },
		func(s *ConstructsAll) int64 { return s.Points[1].Y }},
	{"color", func(s *ConstructsAll) { s.Color = ConstructsGreen },
		func(s *ConstructsAll) int64 { return int64(s.Color) }},
	{"negative", func(s *ConstructsAll) { s.Negative = ConstructsNeg },
		func(s *ConstructsAll) int64 { return int64(s.Negative) }},
	{"big", func(s *ConstructsAll) { s.Big = ConstructsBig_2 },
		func(s *ConstructsAll) int64 { return int64(s.Big) }},
	{"tiny", func(s *ConstructsAll) { s.Tiny = ConstructsTiny_2 },
		func(s *ConstructsAll) int64 { return int64(s.Tiny) }},
	{"direction", func(s *ConstructsAll) { s.Direction = ConstructsDown },
		func(s *ConstructsAll) int64 { return int64(s.Direction) }},
	{"anon.a", func(s *ConstructsAll) { s.Anon.A = -11 },
		func(s *ConstructsAll) int64 { return int64(s.Anon.A) }},
	{"anon.b", func(s *ConstructsAll) { s.Anon.B = -12 },
		func(s *ConstructsAll) int64 { return int64(s.Anon.B) }},
	{"packed.a", func(s *ConstructsAll) { s.Packed.A = 0x41 },
		func(s *ConstructsAll) int64 { return int64(s.Packed.A) }},
	{"packed.b", func(s *ConstructsAll) { s.Packed.SetB(0xc2434445) },
		func(s *ConstructsAll) int64 { return int64(s.Packed.B()) }},
	{"packed.c", func(s *ConstructsAll) { s.Packed.SetC(0xc647) },
		func(s *ConstructsAll) int64 { return int64(s.Packed.C()) }},
	{"crooked.tag", func(s *ConstructsAll) { s.Crooked.Tag = 0x48 },
		func(s *ConstructsAll) int64 { return int64(s.Crooked.Tag) }},
	{"crooked.at.x", func(s *ConstructsAll) {
		s.Crooked.SetAt(ConstructsPoint{X: -13, Y: -14000000000})
	}, func(s *ConstructsAll) int64 { return int64(s.Crooked.At().X) }},
	{"crooked.at.y", func(*ConstructsAll) {},
		func(s *ConstructsAll) int64 { return s.Crooked.At().Y }},
	{"crooked.big", func(s *ConstructsAll) { s.Crooked.SetBig(ConstructsBig_2) },
		func(s *ConstructsAll) int64 { return int64(s.Crooked.Big()) }},
	{"crooked.ptr", func(s *ConstructsAll) { s.Crooked.SetPtr(^skel.Ptr[struct{}](0x55aa)) },
		func(s *ConstructsAll) int64 { return int64(s.Crooked.Ptr()) }},
	{"bits.a", func(s *ConstructsAll) { s.Bits.SetA(5) },
		func(s *ConstructsAll) int64 { return int64(s.Bits.A()) }},
	{"bits.b", func(s *ConstructsAll) { s.Bits.SetB(21) },
		func(s *ConstructsAll) int64 { return int64(s.Bits.B()) }},
	{"bits.c", func(s *ConstructsAll) { s.Bits.SetC(-33) },
		func(s *ConstructsAll) int64 { return int64(s.Bits.C()) }},
	{"bits.d", func(s *ConstructsAll) { s.Bits.SetD(0x8182838485) },
		func(s *ConstructsAll) int64 { return int64(s.Bits.D()) }},
	{"bits.e", func(s *ConstructsAll) { s.Bits.SetE(-1000000) },
		func(s *ConstructsAll) int64 { return int64(s.Bits.E()) }},
	{"bits.f", func(s *ConstructsAll) { s.Bits.SetF(1) },
		func(s *ConstructsAll) int64 { return int64(s.Bits.F()) }},
	{"f1", func(s *ConstructsAll) { s.SetF1(6) },
		func(s *ConstructsAll) int64 { return int64(s.F1()) }},
	{"f2", func(s *ConstructsAll) { s.SetF2(-60) },
		func(s *ConstructsAll) int64 { return int64(s.F2()) }},
	{"f3", func(s *ConstructsAll) { s.SetF3(0x2bcdef) },
		func(s *ConstructsAll) int64 { return int64(s.F3()) }},
	{"fc", func(s *ConstructsAll) { s.SetFc(ConstructsGreen) },
		func(s *ConstructsAll) int64 { return int64(s.Fc()) }},
	{"flag", func(s *ConstructsAll) { s.SetFlag(skel.True) },
		func(s *ConstructsAll) int64 { return int64(s.Flag()) }},
	{"number.text[9]", func(s *ConstructsAll) { s.Number.Text()[9] = 't' },
		func(s *ConstructsAll) int64 { return int64(s.Number.Text()[9]) }},
	{"number.half[7]", func(s *ConstructsAll) { s.Number.Half()[7] = 0xa7a8 },
		func(s *ConstructsAll) int64 { return int64(s.Number.Half()[7]) }},
	{"number.ll", func(s *ConstructsAll) { *s.Number.Ll() = -15000000000 },
		func(s *ConstructsAll) int64 { return int64(math.Float64bits(*s.Number.D())) }},
	{"lo", func(s *ConstructsAll) { *s.Lo() = 0x1234 },
		func(s *ConstructsAll) int64 { return int64(*s.Lo()) }},
	{"hi", func(s *ConstructsAll) { *s.Hi() = -0x1234 },
		func(s *ConstructsAll) int64 { return int64(*s.Hi()) }},
	{"whole", func(*ConstructsAll) {},
		func(s *ConstructsAll) int64 { return int64(*s.Whole()) }},
	{"b1", func(s *ConstructsAll) { s.SetB1(s.B1()) },
		func(s *ConstructsAll) int64 { return int64(s.B1()) }},
	{"b2", func(s *ConstructsAll) { s.SetB2(s.B2()) },
		func(s *ConstructsAll) int64 { return int64(s.B2()) }},
	{"ax", func(s *ConstructsAll) { s.Ax = -5 },
		func(s *ConstructsAll) int64 { return int64(s.Ax) }},
	{"af", func(s *ConstructsAll) { *s.Af() = -0.5 },
		func(s *ConstructsAll) int64 { return int64(*s.Ay()) }},
	{"sub.s1", func(s *ConstructsAll) { s.Sub.S1 = 0x21 },
		func(s *ConstructsAll) int64 { return int64(s.Sub.S1) }},
	{"sub.deep.s2", func(s *ConstructsAll) { s.Sub.Deep.S2 = -7 },
		func(s *ConstructsAll) int64 { return s.Sub.Deep.S2 }},
	{"ptr", func(s *ConstructsAll) { s.Ptr = 0x1122334455667788 },
		func(s *ConstructsAll) int64 { return int64(s.Ptr) }},
	{"self", func(s *ConstructsAll) { s.Self = 0x2122334455667788 },
		func(s *ConstructsAll) int64 { return int64(s.Self) }},
	{"fn", func(s *ConstructsAll) { s.Fn = 0x3122334455667788 },
		func(s *ConstructsAll) int64 { return int64(s.Fn) }},
	{"cv", func(s *ConstructsAll) { s.Cv = 77 },
		func(s *ConstructsAll) int64 { return int64(s.Cv) }},
	{"type", func(s *ConstructsAll) { s.Type = 1 },
		func(s *ConstructsAll) int64 { return int64(s.Type) }},
	{"func", func(s *ConstructsAll) { s.Func = 2 },
		func(s *ConstructsAll) int64 { return int64(s.Func) }},
	{"a_b", func(s *ConstructsAll) { s.AB = 3 },
		func(s *ConstructsAll) int64 { return int64(s.AB) }},
	{"aB", func(s *ConstructsAll) { s.AB_2 = 4 },
		func(s *ConstructsAll) int64 { return int64(s.AB_2) }},
	{"far", func(s *ConstructsAll) { s.Far = 0x5a5b5c5d },
		func(s *ConstructsAll) int64 { return int64(s.Far) }},
}
