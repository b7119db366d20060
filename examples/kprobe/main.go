// Kprobe prints which processes open TCP connections, and where to.
package main

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"syscall"
)

//go:generate go run ../../cmd/bpf gen kprobe.bpf.c

func main() {
	k, err := LoadKprobe(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer k.Close()
	if _, err := k.Attach(); err != nil {
		log.Fatal(err)
	}

	fmt.Println("TCP connections, until Ctrl-C:")
	for c, err := range k.Maps.Connections.Records(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		address := "IPv6"
		if c.Family == syscall.AF_INET {
			address = netip.AddrFrom4(c.Address).String()
		}
		fmt.Printf("%-16s pid %d: %s port %d\n", c.Comm, c.Pid, address, c.Port)
	}
}
