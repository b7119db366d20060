// Bootstrap prints which processes start and end, and how long they ran.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"time"
)

//go:generate go run ../../cmd/bpf gen bootstrap.bpf.c

func main() {
	shortest := flag.Duration("min", 0, "print only the ends of processes that ran this long")
	flag.Parse()

	spec, err := OpenBootstrap()
	if err != nil {
		log.Fatal(err)
	}
	spec.Rodata.MinDurationNs = uint64(shortest.Nanoseconds())
	b, err := spec.Load(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Attach(); err != nil {
		log.Fatal(err)
	}

	fmt.Println("processes that start and end, until Ctrl-C:")
	for e, err := range b.Maps.Events.Records(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%-16s pid %d, parent %d: ", e.Comm, e.Pid, e.Ppid)
		switch e.Kind {
		case BootstrapEventExec:
			fmt.Println("runs", e.Filename)
		case BootstrapEventExit:
			fmt.Printf("exit status %d after %v\n", e.Status>>8,
				time.Duration(e.DurationNs).Round(time.Microsecond))
		}
	}
}
