package bpf_test

import (
	"errors"
	"fmt"
	"log"
	"log/slog"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/object"
)

// The whole life of an object: open, change, load, attach, read.
func Example() {
	o, err := bpf.Open("counter.bpf.o", nil)
	if err != nil {
		log.Fatal(err)
	}
	m, err := o.FindMap("pkt_count")
	if err != nil {
		log.Fatal(err)
	}
	m.MaxEntries = 1024
	if err := o.Variable("sampling").Set(uint32(10)); err != nil {
		log.Fatal(err)
	}
	obj, err := bpf.Load(o, &bpf.LoadOptions{Logger: slog.Default()})
	if err != nil {
		log.Fatal(err)
	}
	defer obj.Close()
	link, err := obj.Program("count_packets").AttachXDP("eth0", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer link.Close()
	counts, err := bpf.MapOf[uint32, uint64](obj.Map("pkt_count"))
	if err != nil {
		log.Fatal(err)
	}
	it := counts.Iterate()
	for protocol, packets := range it.All() {
		fmt.Println(protocol, packets)
	}
	if err := it.Err(); err != nil {
		log.Fatal(err)
	}
}

// A program that the verifier refuses: one line for the user, the whole log on request.
func ExampleVerifierError() {
	var o *object.Object // from bpf.Open
	_, err := bpf.Load(o, nil)
	var refused *bpf.VerifierError
	if errors.As(err, &refused) {
		fmt.Printf("%v\n", refused)  // the error, and where it is in the source
		fmt.Printf("%+v\n", refused) // and the log
	}
}

// Attach every program whose SEC() says how, and list the others.
func ExampleObject_Attach() {
	var obj *bpf.Object // from bpf.Load
	links, err := obj.Attach()
	if err != nil {
		log.Fatal(err)
	}
	defer links.Close()
	for _, n := range obj.NotAttached() {
		fmt.Println(n.Program, n.Reason)
	}
}

// A global variable of a loaded object is memory that the programs see too.
func ExampleVarOf() {
	var obj *bpf.Object // from bpf.Load
	enabled, err := bpf.VarOf[bool](obj.Variable("enabled"))
	if err != nil {
		log.Fatal(err)
	}
	*enabled = true
}
