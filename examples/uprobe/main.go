// Uprobe prints which environment variables programs look up through the C library.
package main

import (
	"context"
	"fmt"
	"log"
)

//go:generate go run ../../cmd/bpf gen uprobe.bpf.c

func main() {
	u, err := LoadUprobe(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer u.Close()
	if _, err := u.Attach(); err != nil {
		log.Fatal(err)
	}

	fmt.Println("calls of getenv, until Ctrl-C:")
	for v, err := range u.Maps.Variables.Records(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%-16s pid %d: %s\n", v.Comm, v.Pid, v.Name)
	}
}
