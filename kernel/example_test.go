package kernel_test

import (
	"fmt"
	"log"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// Ask the running kernel before loading anything. The answer is no only if the kernel said so.
func ExampleFacts_HasMapType() {
	has, err := kernel.Running().HasMapType(uapi.MapRingBuf)
	if err != nil {
		log.Fatal(err) // could not find out: no privileges, for instance
	}
	fmt.Println("ring buffers:", has)
}

// Say at once which capabilities are missing.
func ExampleFacts_Require() {
	if err := kernel.Running().Require("agent", kernel.CapBPF, kernel.CapNetAdmin); err != nil {
		log.Fatal(err)
	}
}
