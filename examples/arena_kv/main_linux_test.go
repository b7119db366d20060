package main

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Program(main)
	testkit.Main(m)
}

// Oracle: the kernel, which delivers answers to requests that no socket received; and a socket,
// which receives those that the program doesn't answer.
func TestArenaKV(t *testing.T) {
	testkit.Netns(t)
	testkit.Kernel(t, "6.9") // arenas
	testkit.LittleEndian(t)
	p := testkit.Start(t, "color=green", "name=purebpf", "color=blue")
	p.Line(t, "the start", func(line string) bool {
		return line == "answering UDP port 7777 on lo, Ctrl-C ends"
	})
	server, err := net.ListenPacket("udp", "127.0.0.1:7777")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := net.Dial("udp", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for key, value := range map[string]string{"color": "blue", "name": "purebpf", "size": ""} {
		request := make([]byte, 64)
		copy(request, key)
		if _, err := client.Write(request); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 100)
		deadline := time.Now().Add(testkit.Patience(10 * time.Second))
		if err := client.SetDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		if err := server.SetDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		if value == "" {
			n, _, err := server.ReadFrom(answer)
			if err != nil || !bytes.Equal(answer[:n], request) {
				t.Errorf("user space got %q, %v", answer[:n], err)
			}
			continue
		}
		want := bytes.Clone(request)
		copy(want[16:], value)
		if n, err := client.Read(answer); err != nil || !bytes.Equal(answer[:n], want) {
			t.Errorf("the answer to %s is %q, %v", key, answer[:n], err)
		}
	}
	p.Line(t, "the counts", func(line string) bool { return line == "2 hits, 1 misses" })
}
