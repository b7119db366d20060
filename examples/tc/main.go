// Tc counts the IPv4 packets that a network interface receives, by protocol.
package main

import (
	"flag"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/purebpf/bpf/uapi"
)

//go:generate go run ../../cmd/bpf gen tc.bpf.c

var names = map[uint32]string{1: "ICMP", 6: "TCP", 17: "UDP"}

func main() {
	iface := flag.String("i", "lo", "count the packets of this `interface`")
	flag.Parse()

	t, err := LoadTc(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer t.Close()
	link, err := t.Programs.CountProtocols.AttachTCX(*iface, uapi.AttachTCXIngress, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer link.Close()

	fmt.Printf("IPv4 packets that %s receives, until Ctrl-C:\n", *iface)
	for range time.Tick(time.Second) {
		var line []string
		all := t.Maps.Protocols.Iterate()
		for protocol, traffic := range all.All() {
			if traffic.Packets == 0 {
				continue
			}
			name := names[protocol]
			if name == "" {
				name = fmt.Sprint("protocol ", protocol)
			}
			line = append(line, fmt.Sprintf("%s %d packets, %d bytes", name, traffic.Packets,
				traffic.Bytes))
		}
		if err := all.Err(); err != nil {
			log.Fatal(err)
		}
		fmt.Println(strings.Join(line, "; "))
	}
}
