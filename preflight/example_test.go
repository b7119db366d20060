package preflight_test

import (
	"fmt"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/preflight"
)

// Tell a user what is missing, instead of failing in the middle of a load.
func ExampleCheck() {
	var o *object.Object // from bpf.Open
	report := preflight.Check(o, kernel.Running(), nil)
	fmt.Println(report.Object, "loads:", report.Loads)
	for _, reason := range report.Reasons {
		fmt.Println(reason)
	}
}
