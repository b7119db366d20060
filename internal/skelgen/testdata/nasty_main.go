// The Go side of nasty.c and nasty.bpf.c; the skeleton is generated beside it.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"unsafe"
)

func main() {
	log.SetFlags(0)
	switch os.Args[1] {
	case "layout":
		layout()
	case "write":
		var n NastyNasty
		set(&n)
		os.Stdout.Write(unsafe.Slice((*byte)(unsafe.Pointer(&n)), unsafe.Sizeof(n)))
	case "read":
		var n NastyNasty
		if _, err := io.ReadFull(os.Stdin,
			unsafe.Slice((*byte)(unsafe.Pointer(&n)), unsafe.Sizeof(n))); err != nil {
			log.Fatal(err)
		}
		print(&n)
	default:
		if err := errors.Join(kernel()...); err != nil {
			log.Fatal(err)
		}
	}
}

func layout() {
	var n NastyNasty
	fmt.Printf("nasty %d\npoint %d\npacked7 %d\npacked9 %d\ncrooked %d\nbits %d\nnumber %d\nsmall %d\n"+
		"tail %d\nanon_t %d\n", unsafe.Sizeof(n), unsafe.Sizeof(NastyPoint{}),
		unsafe.Sizeof(NastyPacked7{}), unsafe.Sizeof(NastyPacked9{}), unsafe.Sizeof(NastyCrooked{}),
		unsafe.Sizeof(NastyBits{}), unsafe.Sizeof(NastyNumber{}), unsafe.Sizeof(NastySmall{}),
		unsafe.Sizeof(NastyTail{}), unsafe.Sizeof(NastyAnonT{}))
	place := func(name string, off, size uintptr) { fmt.Println(name, off, size) }
	place("c1", unsafe.Offsetof(n.C1), unsafe.Sizeof(n.C1))
	place("u64", unsafe.Offsetof(n.U64), unsafe.Sizeof(n.U64))
	place("c2", unsafe.Offsetof(n.C2), unsafe.Sizeof(n.C2))
	place("seven", unsafe.Offsetof(n.Seven), unsafe.Sizeof(n.Seven))
	place("crooked", unsafe.Offsetof(n.Crooked), unsafe.Sizeof(n.Crooked))
	place("bits", unsafe.Offsetof(n.Bits), unsafe.Sizeof(n.Bits))
	place("word", unsafe.Offsetof(n.Word), unsafe.Sizeof(n.Word))
	place("u", unsafe.Offsetof(n.U), unsafe.Sizeof(n.U))
	place("small", unsafe.Offsetof(n.Small), unsafe.Sizeof(n.Small))
	place("ax", unsafe.Offsetof(n.Ax), unsafe.Sizeof(n.Ax))
	place("sub", unsafe.Offsetof(n.Sub), unsafe.Sizeof(n.Sub))
	place("f", unsafe.Offsetof(n.F), unsafe.Sizeof(n.F))
	place("d", unsafe.Offsetof(n.D), unsafe.Sizeof(n.D))
	place("b", unsafe.Offsetof(n.B), unsafe.Sizeof(n.B))
	place("comm", unsafe.Offsetof(n.Comm), unsafe.Sizeof(n.Comm))
	place("grid", unsafe.Offsetof(n.Grid), unsafe.Sizeof(n.Grid))
	place("mac", unsafe.Offsetof(n.Mac), unsafe.Sizeof(n.Mac))
	place("sc", unsafe.Offsetof(n.Sc), unsafe.Sizeof(n.Sc))
	place("ptr", unsafe.Offsetof(n.Ptr), unsafe.Sizeof(n.Ptr))
	place("self", unsafe.Offsetof(n.Self), unsafe.Sizeof(n.Self))
	place("fn", unsafe.Offsetof(n.Fn), unsafe.Sizeof(n.Fn))
	place("cv", unsafe.Offsetof(n.Cv), unsafe.Sizeof(n.Cv))
	place("matrix", unsafe.Offsetof(n.Matrix), unsafe.Sizeof(n.Matrix))
	place("pts", unsafe.Offsetof(n.Pts), unsafe.Sizeof(n.Pts))
	place("color", unsafe.Offsetof(n.Color), unsafe.Sizeof(n.Color))
	place("tiny", unsafe.Offsetof(n.Tiny), unsafe.Sizeof(n.Tiny))
	place("negative", unsafe.Offsetof(n.Negative), unsafe.Sizeof(n.Negative))
	place("big", unsafe.Offsetof(n.Big), unsafe.Sizeof(n.Big))
	place("direction", unsafe.Offsetof(n.Direction), unsafe.Sizeof(n.Direction))
	place("anon", unsafe.Offsetof(n.Anon), unsafe.Sizeof(n.Anon))
	place("type", unsafe.Offsetof(n.Type), unsafe.Sizeof(n.Type))
	place("func", unsafe.Offsetof(n.Func), unsafe.Sizeof(n.Func))
	place("range", unsafe.Offsetof(n.Range), unsafe.Sizeof(n.Range))
	place("_x", unsafe.Offsetof(n.X), unsafe.Sizeof(n.X))
	place("a_b", unsafe.Offsetof(n.AB), unsafe.Sizeof(n.AB))
	place("aB", unsafe.Offsetof(n.AB_2), unsafe.Sizeof(n.AB_2))
	place("a_1_2", unsafe.Offsetof(n.A1_2), unsafe.Sizeof(n.A1_2))
	place("a_12", unsafe.Offsetof(n.A12), unsafe.Sizeof(n.A12))
	place("far", unsafe.Offsetof(n.Far), unsafe.Sizeof(n.Far))
}

// set gives each member the value that SCALARS in nasty.h has for it.
func set(n *NastyNasty) {
	n.C1, n.U64, n.C2 = 0x11, 0x2122232425262728, 0x31
	n.Seven.A = 0x41
	n.Seven.SetB(0x42434445)
	n.Seven.SetC(0x4647)
	n.Crooked.Tag = 0x48
	n.Crooked.SetAt(NastyPoint{X: 0x4a4b4c4d, Y: 0x5152535455565758})
	n.Crooked.Nine.SetA(0x6162636465666768)
	n.Crooked.Nine.B = 0x69
	n.Bits.SetA(5)
	n.Bits.SetB(21)
	n.Bits.SetC(-33)
	n.Bits.SetD(0x8182838485)
	n.Bits.SetE(-1000000)
	n.Bits.SetF(1)
	n.Word.SetWhole(0x9192939495969798)
	n.SetF1(6)
	n.SetF2(-60)
	n.SetF3(0x2bcdef)
	n.SetCol(NastyGreen)
	n.SetFlag(1)
	*n.Lo(), *n.Hi() = 0x1234, -0x1234
	*n.U.Ll() = 0x7172737475767778
	*n.Small.S() = 0x7a7b
	n.Ax, *n.Ay() = -5, -6
	n.Sub.S1, n.Sub.Deep.S2 = 0x21, -7
	n.B.Set(true)
	n.Comm.Set("co")
	n.Grid[1].Set("g")
	n.Mac[5], n.Sc = 0xfe, -8
	n.Matrix[1][2] = 123456
	n.Pts[1] = NastyPoint{X: -9, Y: -10}
	n.Color, n.Tiny, n.Negative, n.Big = NastyGreen, NastyTinyB, NastyNeg, NastyBig_2
	n.Direction = NastyDown
	n.Anon.A, n.Anon.B = -11, -12
	n.Type, n.Func, n.Range, n.X, n.AB, n.AB_2, n.A1_2, n.A12 = 1, 2, 3, 4, 5, 6, 7, 8
	n.SetStringValue(19)
	n.SetScanValue(44)
	n.Far = 0x5a5b5c5d
	n.F, n.D, n.Ptr = 1.5, -2.25, 0x1122334455667788
}

func print(n *NastyNasty) {
	for _, m := range []struct {
		name  string
		value int64
	}{
		{"c1", int64(n.C1)}, {"u64", int64(n.U64)}, {"c2", int64(n.C2)},
		{"seven.a", int64(n.Seven.A)}, {"seven.b", int64(n.Seven.B())}, {"seven.c", int64(n.Seven.C())},
		{"crooked.tag", int64(n.Crooked.Tag)}, {"crooked.at.x", int64(n.Crooked.At().X)},
		{"crooked.at.y", n.Crooked.At().Y}, {"crooked.nine.a", int64(n.Crooked.Nine.A())},
		{"crooked.nine.b", int64(n.Crooked.Nine.B)},
		{"bits.a", int64(n.Bits.A())}, {"bits.b", int64(n.Bits.B())}, {"bits.c", int64(n.Bits.C())},
		{"bits.d", int64(n.Bits.D())}, {"bits.e", int64(n.Bits.E())}, {"bits.f", int64(n.Bits.F())},
		{"word.whole", int64(n.Word.Whole())},
		{"f1", int64(n.F1())}, {"f2", int64(n.F2())}, {"f3", int64(n.F3())}, {"col", int64(n.Col())},
		{"flag", int64(n.Flag())}, {"lo", int64(*n.Lo())}, {"hi", int64(*n.Hi())},
		{"u.ll", *n.U.Ll()}, {"small.s", int64(*n.Small.S())},
		{"ax", int64(n.Ax)}, {"ay", int64(*n.Ay())},
		{"sub.s1", int64(n.Sub.S1)}, {"sub.deep.s2", n.Sub.Deep.S2}, {"b", int64(n.B)},
		{"comm[0]", int64(n.Comm[0])}, {"comm[1]", int64(n.Comm[1])}, {"grid[1][0]", int64(n.Grid[1][0])},
		{"mac[5]", int64(n.Mac[5])}, {"sc", int64(n.Sc)}, {"matrix[1][2]", int64(n.Matrix[1][2])},
		{"pts[1].x", int64(n.Pts[1].X)}, {"pts[1].y", n.Pts[1].Y},
		{"color", int64(n.Color)}, {"tiny", int64(n.Tiny)}, {"negative", int64(n.Negative)},
		{"big", int64(n.Big)}, {"direction", int64(n.Direction)},
		{"anon.a", int64(n.Anon.A)}, {"anon.b", int64(n.Anon.B)}, {"type", int64(n.Type)},
		{"func", int64(n.Func)}, {"range", int64(n.Range)}, {"_x", int64(n.X)}, {"a_b", int64(n.AB)},
		{"aB", int64(n.AB_2)}, {"a_1_2", int64(n.A1_2)}, {"a_12", int64(n.A12)},
		{"string", int64(n.StringValue())}, {"scan", int64(n.ScanValue())}, {"far", int64(n.Far)},
	} {
		fmt.Println(m.name, m.value)
	}
	fmt.Printf("f %g\nd %g\nptr %x\n", n.F, n.D, uint64(n.Ptr))
}
