package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/input"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
)

// openObject opens the object at path, or reads it from the pipe of another command. opts may be
// nil.
func openObject(path string, opts *object.Options) (*object.Object, error) {
	o, err := readObject(path, opts)
	if err != nil && isSource(path) {
		text := fmt.Sprintf("%s is C source: compile it first: bpf gen %s", path, path)
		return nil, &retold{text, err}
	}
	return o, err
}

// isSource reports whether a path is that of an existing file of C source.
func isSource(path string) bool {
	switch filepath.Ext(path) {
	case ".c", ".cc", ".cpp":
		info, err := os.Stat(path)
		return err == nil && info.Mode().IsRegular()
	}
	return false
}

func readObject(path string, opts *object.Options) (*object.Object, error) {
	if info, err := os.Stat(path); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		return bpf.Open(path, opts)
	}
	raw, err := input.Read(path, input.MaxObject)
	if err != nil {
		return nil, err
	}
	return opts.Parse(raw, filepath.Base(path))
}

// requireFor checks the capabilities that loading the programs of o needs, so that the error names
// a missing one before the load.
func requireFor(o *object.Object) error {
	var programs []*object.Program
	for _, p := range o.Programs {
		if p.Autoload {
			programs = append(programs, p)
		}
	}
	return require("loading "+o.Name, programs)
}

// require checks the capabilities that loading the programs needs.
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
