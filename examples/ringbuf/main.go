// Ringbuf prints which files processes open. The kernel filters: what doesn't match costs no copy.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"syscall"

	"github.com/purebpf/bpf/skel"
)

//go:generate go run ../../cmd/bpf gen ringbuf.bpf.c

func main() {
	process := flag.Uint("p", 0, "only those of this process, by its `pid`")
	prefix := flag.String("prefix", "", "only `paths` that begin so")
	flag.Parse()

	spec, err := OpenRingbuf()
	if err != nil {
		log.Fatal(err)
	}
	spec.Rodata.Process = uint32(*process)
	if err := spec.Rodata.Prefix.Set(*prefix); err != nil {
		log.Fatal(err)
	}
	r, err := spec.Load(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Attach(); err != nil {
		log.Fatal(err)
	}

	fmt.Println("opened files, until Ctrl-C:")
	for o, err := range r.Maps.Openings.Records(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		result := fmt.Sprint("file descriptor ", o.Result)
		if o.Result < 0 {
			result = syscall.Errno(-o.Result).Error()
		}
		fmt.Printf("%-16s pid %d: %s: %s (%d filtered, %d lost)\n", o.Comm, o.Pid, o.Path, result,
			skel.Load(&r.Bss.Filtered), skel.Load(&r.Bss.Lost))
	}
}
