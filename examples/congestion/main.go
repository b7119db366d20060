// Congestion adds a congestion control to TCP, the classic Reno with counters, and uses it for a
// connection of its own. Other programs choose it by the socket option TCP_CONGESTION.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"syscall"
	"time"
)

//go:generate go run ../../cmd/bpf gen congestion.bpf.c

func main() {
	c, err := LoadCongestion(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Attach(); err != nil {
		log.Fatal(err)
	}

	for range time.Tick(time.Second) {
		if err := transfer("counted_reno", 10<<20); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d connections, %d acknowledgements, %d losses, window of %d packets\n",
			c.Bss.Connections, c.Bss.Acks, c.Bss.Losses, c.Bss.Window)
	}
}

// transfer sends n bytes to this process with a congestion control.
func transfer(control string, n int64) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	go func() {
		if conn, err := listener.Accept(); err == nil {
			io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		e := raw.Control(func(fd uintptr) {
			err = syscall.SetsockoptString(int(fd), syscall.IPPROTO_TCP, syscall.TCP_CONGESTION,
				control)
		})
		if e != nil {
			return e
		}
		return err
	}}
	conn, err := dialer.Dial("tcp", listener.Addr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write(make([]byte, n))
	return err
}
