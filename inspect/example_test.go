package inspect_test

import (
	"fmt"
	"log"

	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/uapi"
)

// List the programs that see the packets of a cgroup, whoever attached them.
func ExampleCgroup() {
	hook, err := inspect.Cgroup("/sys/fs/cgroup/system.slice", uapi.AttachCgroupInetEgress)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range hook.Programs {
		fmt.Println("program", p.ProgramID, "by link", p.LinkID)
	}
}
