package perfbuf_test

import (
	"context"
	"fmt"
	"log"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/perfbuf"
)

// Read the records of all CPUs, and hear of those that were lost.
func ExampleReader_Records() {
	var obj *bpf.Object // from bpf.Load
	events, err := perfbuf.NewReader(obj.Map("events"), &perfbuf.Options{Pages: 16})
	if err != nil {
		log.Fatal(err)
	}
	defer events.Close()
	for record := range events.Records(context.Background()) {
		if record.Lost > 0 {
			fmt.Println(record.Lost, "records lost on CPU", record.CPU)
			continue
		}
		fmt.Printf("CPU %d: % x\n", record.CPU, record.Data)
	}
	log.Fatal(events.Err())
}

// Read records as values of a Go type that has the layout of the C struct.
func ExampleNewReaderOf() {
	type Event struct { // struct event { __u32 pid; char comm[16]; };
		PID  uint32
		Comm [16]byte
	}
	var obj *bpf.Object // from bpf.Load
	events, err := perfbuf.NewReaderOf[Event](obj.Map("events"), "event", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer events.Close()
	for event, err := range events.Records(context.Background()) {
		if err != nil {
			log.Print(err) // lost records, for one
			continue       // the loop ends if nothing more can be read
		}
		fmt.Printf("CPU %d: %d %s\n", events.CPU(), event.PID, event.Comm[:])
	}
}
