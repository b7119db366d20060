// Task_iter lists the processes, by a program that the kernel calls for each of them.
package main

import (
	"io"
	"log"
	"os"
)

//go:generate go run ../../cmd/bpf gen task_iter.bpf.c

func main() {
	t, err := LoadTaskIter(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer t.Close()
	link, err := t.Programs.ListProcesses.AttachIter(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer link.Close()
	list, err := link.Iterate()
	if err != nil {
		log.Fatal(err)
	}
	defer list.Close()
	if _, err := io.Copy(os.Stdout, list); err != nil {
		log.Fatal(err)
	}
}
