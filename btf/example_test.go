package btf_test

import (
	"fmt"
	"log"

	"github.com/purebpf/bpf/btf"
)

// Make BTF of a struct, and print data that has its layout.
func Example() {
	b := btf.NewBuilder(nil)
	number := b.AddInt("int", 4, btf.Signed)
	b.AddStruct("point", 8)
	b.AddMember("x", number, 0, 0)
	b.AddMember("y", number, 32, 0)
	spec, err := b.Spec()
	if err != nil {
		log.Fatal(err)
	}
	point, ok := spec.FindByName("point", btf.KindStruct)
	if !ok {
		log.Fatal("no struct point")
	}
	size, err := spec.SizeOf(point)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(spec.CDecl(point, "p"), "has", size, "bytes")
	text, err := btf.AppendValue(nil, spec, point, make([]byte, 8), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", text)
	// Output:
	// struct point p has 8 bytes
	// {.x = 0, .y = 0}
}
