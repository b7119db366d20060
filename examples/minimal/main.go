// Minimal counts, in the kernel, how often this process calls getppid.
package main

import (
	"fmt"
	"log"
	"os"
	"syscall"
	"time"
)

//go:generate go run ../../cmd/bpf gen minimal.bpf.c

func main() {
	spec, err := OpenMinimal()
	if err != nil {
		log.Fatal(err)
	}
	spec.Rodata.Process = int32(os.Getpid())
	spec.Rodata.Number = syscall.SYS_GETPPID
	m, err := spec.Load(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Attach(); err != nil {
		log.Fatal(err)
	}

	for called := 1; ; called++ {
		parent := os.Getppid()
		fmt.Printf("parent %d, asked %d times, the kernel saw %d\n", parent, called, m.Bss.Calls)
		time.Sleep(time.Second)
	}
}
