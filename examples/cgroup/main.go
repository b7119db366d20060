// Cgroup prints which IPv4 connections the processes of a cgroup open, and can forbid some.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/netip"
)

//go:generate go run ../../cmd/bpf gen cgroup.bpf.c

func main() {
	group := flag.String("cgroup", "/sys/fs/cgroup", "`folder` of a cgroup")
	port := flag.Uint("deny", 0, "forbid connections to this `port`")
	flag.Parse()

	spec, err := OpenCgroup()
	if err != nil {
		log.Fatal(err)
	}
	spec.Rodata.DeniedPort = uint16(*port)
	c, err := spec.Load(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	link, err := c.Programs.Connecting.AttachCgroup(*group, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer link.Close()

	fmt.Println("connections, until Ctrl-C:")
	for e, err := range c.Maps.Connections.Records(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		verdict := ""
		if e.Allowed == 0 {
			verdict = " (denied)"
		}
		to := netip.AddrPortFrom(netip.AddrFrom4(e.Address), e.Port)
		fmt.Printf("%-16s pid %d: %v%s\n", e.Comm, e.Pid, to, verdict)
	}
}
