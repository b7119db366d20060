package main

import (
	"slices"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
)

// requireFor checks the capabilities that the programs of o take to load, so that a missing one is told at once and by name.
func requireFor(o *object.Object) error {
	var programs []*object.Program
	for _, p := range o.Programs {
		if p.Autoload {
			programs = append(programs, p)
		}
	}
	return require("loading "+o.Name, programs)
}

// require checks the capabilities that programs take to load.
func require(purpose string, programs []*object.Program) error {
	need := []kernel.Capability{kernel.CapBPF}
	for _, p := range programs {
		for _, c := range kernel.ProgCaps(p.Type) {
			if !slices.Contains(need, c) {
				need = append(need, c)
			}
		}
	}
	return kernel.Running().Require(purpose, need...)
}
