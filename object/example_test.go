package object_test

import (
	"fmt"
	"log"
	"os"

	"github.com/purebpf/bpf/object"
)

// Read an object and print what is in it. This needs no kernel and works on any system.
func Example() {
	raw, err := os.ReadFile("../testdata/maps.bpf.o")
	if err != nil {
		log.Fatal(err)
	}
	o, err := object.Parse(raw, "maps.bpf.o")
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range o.Maps[:2] {
		fmt.Println("map", m.Name, m.Type, m.MaxEntries)
	}
	for _, p := range o.Programs[:2] {
		fmt.Println("program", p.Name, p.Section, p.Type)
	}
	// Output:
	// map inner_b array 1
	// map inner_a array 1
	// program callee socket socket_filter
	// program count socket socket_filter
}
