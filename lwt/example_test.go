package lwt_test

import (
	"log"
	"net/netip"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/lwt"
)

// Send the packets for a network through a program. The route stays when the process ends.
func ExampleRoute() {
	var obj *bpf.Object // from bpf.Load
	route := lwt.Route{
		Destination: netip.MustParsePrefix("192.0.2.0/24"),
		Interface:   "eth0",
		Out:         obj.Program("count_packets"),
	}
	if err := route.Add(); err != nil {
		log.Fatal(err)
	}
	if err := route.Delete(); err != nil {
		log.Fatal(err)
	}
}
