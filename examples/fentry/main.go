// Fentry prints which processes remove files, and what the kernel answers.
package main

import (
	"context"
	"fmt"
	"log"
	"syscall"
)

//go:generate go run ../../cmd/bpf gen fentry.bpf.c

func main() {
	f, err := LoadFentry(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Attach(); err != nil {
		log.Fatal(err)
	}

	fmt.Println("removed files, until Ctrl-C:")
	for r, err := range f.Maps.Removals.Records(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		result := "removed"
		if r.Result != 0 {
			result = syscall.Errno(-r.Result).Error()
		}
		fmt.Printf("%-16s pid %d: %s: %s (attempt %d)\n", r.Comm, r.Pid, r.Name, result,
			f.Bss.Attempts)
	}
}
