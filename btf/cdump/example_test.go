package cdump_test

import (
	"bufio"
	"log"
	"os"

	"github.com/purebpf/bpf/btf/cdump"
	"github.com/purebpf/bpf/kernel"
)

// Write vmlinux.h of the running kernel.
func ExampleHeader() {
	spec, err := kernel.Running().BTF()
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.Create("vmlinux.h")
	if err != nil {
		log.Fatal(err)
	}
	w := bufio.NewWriter(file)
	if err := cdump.Header(w, spec, nil); err != nil {
		log.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		log.Fatal(err)
	}
	if err := file.Close(); err != nil {
		log.Fatal(err)
	}
}
