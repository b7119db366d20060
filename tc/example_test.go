package tc_test

import (
	"errors"
	"log"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/tc"
)

// Attach a program to packets that come in on eth0. The filter stays when the process ends.
func ExampleAttach() {
	var obj *bpf.Object // from bpf.Load
	hook := tc.Hook{Interface: "eth0", Point: tc.Ingress}
	if err := hook.Create(); err != nil && !errors.Is(err, bpf.ErrExist) {
		log.Fatal(err)
	}
	filter, err := tc.Attach(obj.Program("count_packets"), hook, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := filter.Detach(); err != nil {
		log.Fatal(err)
	}
}
