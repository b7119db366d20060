package main

import (
	"slices"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
)

// openForLoad opens an object and asks whether this process may load it at all, so that a missing capability is told at once and by name.
func openForLoad(path string) (*object.Object, error) {
	o, err := bpf.Open(path)
	if err != nil {
		return nil, err
	}
	return o, requireFor(o)
}

// requireFor checks the capabilities that the programs of o take to load.
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
