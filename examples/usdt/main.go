// Usdt prints which modules Python programs import, by a probe that the interpreter declares.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
)

//go:generate go run ../../cmd/bpf gen usdt.bpf.c

func main() {
	file := flag.String("file", "/usr/bin/python3", "the `interpreter`, or its library libpython3")
	flag.Parse()

	u, err := LoadUsdt(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer u.Close()
	_, err = u.Programs.ImportStarted.AttachUSDT(*file, "python", "import__find__load__start", nil)
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println("imports of Python programs, until Ctrl-C:")
	for i, err := range u.Maps.Imports.Records(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%-16s pid %d: %s\n", i.Comm, i.Pid, i.Module)
	}
}
