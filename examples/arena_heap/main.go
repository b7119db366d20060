// Arena_heap prints how long threads sleep: its programs keep the threads that sleep in a table of
// their own, in memory that they allocate.
package main

import (
	"fmt"
	"log"
	"time"
)

//go:generate go run ../../cmd/bpf gen arena_heap.bpf.c

func main() {
	a, err := LoadArenaHeap(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	result, err := a.Programs.Init.Run(nil)
	if err != nil {
		log.Fatal(err)
	}
	if result.Return != 0 {
		log.Fatal("no memory for the table")
	}
	if _, err := a.Attach(); err != nil {
		log.Fatal(err)
	}

	fmt.Println("measuring sleeps, Ctrl-C ends")
	for range time.Tick(time.Second) {
		fmt.Println(a.Bss.Slept, "sleeps,", time.Duration(a.Bss.Nanoseconds), "in all")
	}
}
