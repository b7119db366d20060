// Packetcount counts the packets that a network interface receives.
package main

import (
	"flag"
	"fmt"
	"log"
	"time"
)

//go:generate go run ../../cmd/bpf gen packetcount.bpf.c

func main() {
	iface := flag.String("i", "lo", "count the packets of this `interface`")
	flag.Parse()

	pc, err := LoadPacketcount(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pc.Close()
	link, err := pc.Programs.CountPackets.AttachXDP(*iface, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer link.Close()

	fmt.Printf("counting packets of %s, Ctrl-C ends\n", *iface)
	for range time.Tick(time.Second) {
		n, err := pc.Maps.PktCount.Lookup(0)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(n, "packets")
	}
}
