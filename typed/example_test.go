package typed_test

import (
	"errors"
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/typed"
)

// Fill a table of routes, in which programs look up the longest prefix.
func ExampleTrieOf() {
	var obj *bpf.Object // from bpf.Load
	routes, err := typed.TrieOf[uint32](obj.Map("routes"))
	if err != nil {
		log.Fatal(err)
	}
	for prefix, port := range map[string]uint32{"0.0.0.0/0": 1, "10.0.0.0/8": 2} {
		if err := routes.Update(netip.MustParsePrefix(prefix), port, bpf.UpdateAny); err != nil {
			log.Fatal(err)
		}
	}
	port, err := routes.Lookup(netip.MustParseAddr("10.1.2.3"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(port) // 2
}

// Give work to programs, which take it with bpf_map_pop_elem.
func ExampleQueueOf() {
	var obj *bpf.Object // from bpf.Load
	jobs, err := typed.QueueOf[uint64](obj.Map("jobs"))
	if err != nil {
		log.Fatal(err)
	}
	if err := jobs.Push(42); errors.Is(err, bpf.ErrTooBig) {
		log.Fatal("the programs are too slow: ", err)
	}
}

// Ask whether a program saw an address.
func ExampleBloomOf() {
	var obj *bpf.Object // from bpf.Load
	seen, err := typed.BloomOf[[4]byte](obj.Map("seen"))
	if err != nil {
		log.Fatal(err)
	}
	maybe, err := seen.Has(netip.MustParseAddr("192.0.2.1").As4())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(maybe)
}

// Exchange the whole table that programs use, at once.
func ExampleMapsOf() {
	var obj *bpf.Object // from bpf.Load
	var next *bpf.Map   // filled before
	tables, err := typed.MapsOf[uint32](obj.Map("tables"))
	if err != nil {
		log.Fatal(err)
	}
	if err := tables.Put(0, next, bpf.UpdateAny); err != nil {
		log.Fatal(err)
	}
}

// Give a process a value that programs find with bpf_task_storage_get.
func ExampleStorageOf() {
	var obj *bpf.Object // from bpf.Load
	limits, err := typed.StorageOf[uint64](obj.Map("limits"))
	if err != nil {
		log.Fatal(err)
	}
	task, err := typed.OpenTask(os.Getpid())
	if err != nil {
		log.Fatal(err)
	}
	defer task.Close()
	if err := limits.Update(int(task.Fd()), 1000, bpf.UpdateAny); err != nil {
		log.Fatal(err)
	}
}

// Put a connection into a map, where programs redirect data to it.
func ExampleSocketsOf() {
	var obj *bpf.Object // from bpf.Load
	sockets, err := typed.SocketsOf[uint32](obj.Map("sockets"))
	if err != nil {
		log.Fatal(err)
	}
	conn, err := net.Dial("tcp", "192.0.2.1:80")
	if err != nil {
		log.Fatal(err)
	}
	if err := sockets.Put(0, conn.(*net.TCPConn), bpf.UpdateAny); err != nil {
		log.Fatal(err)
	}
}

// Print a stack of the kernel with names of functions.
func ExampleStacksOf() {
	var obj *bpf.Object // from bpf.Load
	var id int32        // what bpf_get_stackid returned
	stacks, err := typed.StacksOf(obj.Map("stacks"))
	if err != nil {
		log.Fatal(err)
	}
	functions, err := kernel.ReadFunctions()
	if err != nil {
		log.Fatal(err)
	}
	addrs, err := stacks.Addresses(id)
	if err != nil {
		log.Fatal(err)
	}
	for _, addr := range addrs {
		name, offset, _ := functions.At(addr)
		fmt.Printf("%#x %s+%#x\n", addr, name, offset)
	}
}
