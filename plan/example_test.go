package plan_test

import (
	"log"
	"os"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
)

// Print what a load would ask of the running kernel.
func ExampleResolve() {
	var o *object.Object // from bpf.Open
	p, err := plan.Resolve(o, kernel.Running(), nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := p.WriteTo(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
