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
