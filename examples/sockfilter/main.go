// Sockfilter prints the IPv4 packets of a network interface, as seen by a packet socket.
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/purebpf/bpf/nolink"
)

//go:generate go run ../../cmd/bpf gen sockfilter.bpf.c

func main() {
	name := flag.String("i", "lo", "print the packets of this `interface`")
	flag.Parse()

	s, err := LoadSockfilter(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	socket, err := packetSocket(*name)
	if err != nil {
		log.Fatal(err)
	}
	defer socket.Close()
	raw, err := socket.SyscallConn()
	if err != nil {
		log.Fatal(err)
	}
	if err := nolink.SetSocketFilter(s.Programs.Look, raw); err != nil {
		log.Fatal(err)
	}

	fmt.Printf("IPv4 packets of %s, until Ctrl-C:\n", *name)
	for p, err := range s.Maps.Packets.Records(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%v → %v: protocol %d, %d bytes\n", netip.AddrFrom4(p.Source),
			netip.AddrFrom4(p.Destination), p.Protocol, p.Length)
	}
}

// packetSocket opens a socket that gets all packets of an interface.
func packetSocket(name string) (*os.File, error) {
	iface, err := net.InterfaceByName(name)
	if err != nil {
		return nil, err
	}
	allProtocols := binary.NativeEndian.Uint16([]byte{0, syscall.ETH_P_ALL})
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	err = syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: allProtocols, Ifindex: iface.Index})
	if err != nil {
		syscall.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	return os.NewFile(uintptr(fd), "packets of "+name), nil
}
