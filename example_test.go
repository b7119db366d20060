package bpf_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"

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

// Maps as Go types: keys and values are checked against the map once.
func ExampleMapOf() {
	var obj *bpf.Object // from bpf.Load
	type flow struct {  // as the C struct of the key
		Address uint32
		Port    uint16
		_       uint16
	}
	flows, err := bpf.MapOf[flow, uint64](obj.Map("flows"))
	if err != nil {
		log.Fatal(err)
	}
	web := flow{Address: 0x0100007f, Port: 443}
	if err := flows.Update(web, 0, bpf.UpdateAny); err != nil {
		log.Fatal(err)
	}
	bytes, err := flows.Lookup(web)
	if errors.Is(err, bpf.ErrNotExist) {
		fmt.Println("no such flow")
	} else if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bytes)
}

// A per-CPU map has a value for each CPU.
func ExamplePerCPUMapOf() {
	var obj *bpf.Object // from bpf.Load
	counts, err := bpf.PerCPUMapOf[uint32, uint64](obj.Map("counts"))
	if err != nil {
		log.Fatal(err)
	}
	perCPU, err := counts.Lookup(0, nil)
	if err != nil {
		log.Fatal(err)
	}
	var sum uint64
	for _, n := range perCPU {
		sum += n
	}
	fmt.Println(sum)
}

// Attach to a function of the kernel.
func ExampleProgram_AttachKprobe() {
	var obj *bpf.Object // from bpf.Load
	link, err := obj.Program("on_unlink").AttachKprobe("do_unlinkat", nil)
	if err != nil {
		log.Fatal(err) // with similar names if there is no such function
	}
	defer link.Close()
}

// Attach to a function of a library, in all processes that use it.
func ExampleProgram_AttachUprobe() {
	var obj *bpf.Object // from bpf.Load
	link, err := obj.Program("on_malloc").AttachUprobe("libc.so.6", "malloc", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer link.Close()
}

// Keep a program attached when the process ends, and replace it later without a gap.
func ExampleLink_Update() {
	var program *bpf.Program // of a loaded object
	link, err := bpf.OpenLink("/sys/fs/bpf/agent/count_packets")
	if errors.Is(err, bpf.ErrNotExist) {
		if link, err = program.AttachXDP("eth0", nil); err == nil {
			err = link.Pin("/sys/fs/bpf/agent/count_packets")
		}
	} else if err == nil {
		err = link.Update(program, nil)
	}
	if err != nil {
		log.Fatal(err)
	}
	link.Close() // the pin keeps it attached
}

// Read what an iterator writes: here one line for each process, as its program prints it.
func ExampleLink_Iterate() {
	var obj *bpf.Object // from bpf.Load
	link, err := obj.Program("dump_task").AttachIter(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer link.Close()
	output, err := link.Iterate()
	if err != nil {
		log.Fatal(err)
	}
	defer output.Close()
	if _, err := io.Copy(os.Stdout, output); err != nil {
		log.Fatal(err)
	}
}

// Run a program on a packet, without attaching it.
func ExampleProgram_Run() {
	var obj *bpf.Object // from bpf.Load
	result, err := obj.Program("count_packets").Run(&bpf.RunOptions{Data: make([]byte, 64)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("returned", result.Return)
}
