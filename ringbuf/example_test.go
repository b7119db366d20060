package ringbuf_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"os/signal"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/ringbuf"
)

// Print events until Ctrl-C.
func ExampleReader_Records() {
	var obj *bpf.Object // from bpf.Load
	events, err := ringbuf.NewReader(obj.Map("events"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer events.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT)
	defer stop()
	for record := range events.Records(ctx) {
		var event struct { // as the C struct that the program submits
			PID  uint32
			Comm [16]byte
		}
		if _, err := binary.Decode(record.Data, binary.NativeEndian, &event); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d %s\n", event.PID, event.Comm[:])
	}
	if err := events.Err(); ctx.Err() == nil {
		log.Fatal(err)
	}
}

// Read events as values of a Go type that has the layout of the C struct.
func ExampleNewReaderOf() {
	type Event struct { // struct event { __u32 pid; char comm[16]; };
		PID  uint32
		Comm [16]byte
	}
	var obj *bpf.Object // from bpf.Load
	events, err := ringbuf.NewReaderOf[Event](obj.Map("events"), "event", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer events.Close()
	for event, err := range events.Records(context.Background()) {
		if err != nil {
			log.Print(err)
			continue // the loop ends if nothing more can be read
		}
		fmt.Printf("%d %s\n", event.PID, event.Comm[:])
	}
}
