package skel_test

import (
	"context"
	"fmt"
	"log"
	"unsafe"

	"github.com/purebpf/bpf/skel"
)

// Event is what a skeleton has for struct event { int pid; char comm[16]; }.
type Event struct {
	Pid  int32
	Comm [16]byte
}

// Follow the records of a ring buffer. The skeleton has the ring as a field, with their type.
func ExampleRing_Records() {
	var events *skel.Ring[Event] // x.Maps.Events, after x, err := LoadBootstrap(nil)
	for event, err := range events.Records(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("process", event.Pid)
	}
}

// Send a sample to programs, of a type that they know.
func ExampleUserRing_Writer() {
	var commands *skel.UserRing // x.Maps.Commands
	w, err := commands.Writer()
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	sample, err := w.Reserve(int(unsafe.Sizeof(Event{})))
	if err != nil {
		log.Fatal(err)
	}
	skel.Set(sample.Data, Event{Pid: 1})
	if err := sample.Submit(); err != nil {
		log.Fatal(err)
	}
}

// Count together with a program: variables of the skeleton are the memory that the program uses.
func ExampleAdd() {
	var hits uint64 // x.Bss.Hits
	skel.Add(&hits, 2)
	fmt.Println(skel.Load(&hits), "hits")
	fmt.Println(skel.Swap(&hits, 0), "hits so far, counting anew")
	// Output:
	// 2 hits
	// 2 hits so far, counting anew
}

// Read a number from bytes, at any address and in the machine's byte order.
func ExampleGet() {
	record := make([]byte, 9)
	skel.Set(record[1:], uint64(42))
	fmt.Println(skel.Get[uint64](record[1:]))
	// Output:
	// 42
}
