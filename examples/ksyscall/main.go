// Ksyscall prints which processes send signals to others.
package main

import (
	"context"
	"fmt"
	"log"
	"syscall"
)

//go:generate go run ../../cmd/bpf gen ksyscall.bpf.c

func main() {
	k, err := LoadKsyscall(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer k.Close()
	if _, err := k.Attach(); err != nil {
		log.Fatal(err)
	}

	fmt.Println("calls of kill, until Ctrl-C:")
	for s, err := range k.Maps.Signals.Records(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%-16s pid %d: signal %d (%v) to %d\n", s.Comm, s.Pid, s.Number,
			syscall.Signal(s.Number), s.Target)
	}
}
