// Lsm prints which files processes execute, and can forbid one.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"syscall"
)

//go:generate go run ../../cmd/bpf gen lsm.bpf.c

func main() {
	denied := flag.String("deny", "", "forbid this `file`")
	flag.Parse()

	spec, err := OpenLsm()
	if err != nil {
		log.Fatal(err)
	}
	if err := spec.Rodata.Denied.Set(*denied); err != nil {
		log.Fatal(err)
	}
	l, err := spec.Load(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	if _, err := l.Attach(); err != nil {
		log.Fatal(err)
	}

	fmt.Println("executed files, until Ctrl-C:")
	for s, err := range l.Maps.Starts.Records(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		verdict := "allowed"
		if s.Verdict != 0 {
			verdict = syscall.Errno(-s.Verdict).Error()
		}
		fmt.Printf("pid %d: %s: %s\n", s.Pid, s.Path, verdict)
	}
}
