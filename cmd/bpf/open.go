package main

import (
	"slices"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
)

// requireFor checks the capabilities that the programs of o take to load, so that a missing one is told at once and by name.
func requireFor(o *object.Object) error {
	need := []kernel.Capability{kernel.CapBPF}
	for _, p := range o.Programs {
		if !p.Autoload {
			continue
		}
		for _, c := range kernel.ProgCaps(p.Type) {
			if !slices.Contains(need, c) {
				need = append(need, c)
			}
		}
	}
	return kernel.Running().Require("loading "+o.Name, need...)
}
