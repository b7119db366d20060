// Histogram shows how long system calls take.
package main

import (
	"flag"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/purebpf/bpf/skel"
)

//go:generate go run ../../cmd/bpf gen histogram.bpf.c

func main() {
	process := flag.Int("p", 0, "only those of this process, by its `pid`")
	flag.Parse()

	spec, err := OpenHistogram()
	if err != nil {
		log.Fatal(err)
	}
	spec.Rodata.Process = int32(*process)
	h, err := spec.Load(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer h.Close()
	if _, err := h.Attach(); err != nil {
		log.Fatal(err)
	}

	fmt.Println("durations of system calls, until Ctrl-C:")
	for range time.Tick(time.Second) {
		print(&h.Bss.Slots)
	}
}

// print draws the slots, from the first to the last that has something.
func print(slots *[32]uint64) {
	first, last, most := len(slots), -1, uint64(1)
	for i := range slots {
		if n := skel.Load(&slots[i]); n > 0 {
			first, last, most = min(first, i), i, max(most, n)
		}
	}
	for i := first; i <= last; i++ {
		n := skel.Load(&slots[i])
		fmt.Printf("from %8v %8d %s\n", time.Microsecond<<i, n, strings.Repeat("█", int(n*40/most)))
	}
	fmt.Println()
}
