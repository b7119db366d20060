package userringbuf_test

import (
	"context"
	"log"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/userringbuf"
)

// Send a command to the programs. They receive it when one of them drains the ring.
func Example() {
	var obj *bpf.Object // from bpf.Load
	commands, err := userringbuf.NewWriter(obj.Map("commands"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer commands.Close()
	command := []byte("reset")
	sample, err := commands.ReserveContext(context.Background(), len(command))
	if err != nil {
		log.Fatal(err)
	}
	copy(sample.Data, command)
	if err := sample.Submit(); err != nil {
		log.Fatal(err)
	}
}
