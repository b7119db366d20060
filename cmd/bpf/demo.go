package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"
)

// demoTraffic sends UDP datagrams and short TCP connections over 127.0.0.1 until ctx ends, so that
// there is something to count. It returns once all its sockets are closed.
func demoTraffic(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("--demo: %w", err)
		}
	}()
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	defer udp.Close()
	tcp, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	accepting := make(chan struct{})
	go func() {
		defer close(accepting)
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			io.Copy(io.Discard, c)
			c.Close()
		}
	}()
	defer func() { tcp.Close(); <-accepting }()

	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	payload := make([]byte, 512)
	for {
		if _, err := udp.WriteTo(payload, udp.LocalAddr()); err != nil {
			return err
		}
		c, err := net.DialTCP("tcp4", nil, tcp.Addr().(*net.TCPAddr))
		if err != nil {
			return err
		}
		c.Write(payload)
		c.Close()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// demoIfQuiet makes traffic on loopback if nothing was counted within a second.
func (r *runner) demoIfQuiet(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(time.Second):
	}
	for _, s := range r.maps {
		for range s.m.Iterate().All() {
			return nil
		}
	}
	if r.iface != counterIface {
		r.remark("%s is quiet", r.iface)
		return nil
	}
	r.remark("%s was quiet: sending packets to 127.0.0.1 (--no-demo stops that)", r.iface)
	return demoTraffic(ctx)
}
