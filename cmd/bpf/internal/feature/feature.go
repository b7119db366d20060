// Package feature is the command bpf feature: what the kernel's BPF can do, with bpftool's words.
package feature

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/uapi"
)

// Command returns the command bpf feature.
func Command() *cobra.Command {
	n := tool.Noun{
		Name: "feature", Short: "Find out what the kernel's BPF can do",
		Default: "probe",
		Verbs: []tool.Verb{
			{
				Name: "probe", Args: "[kernel] [full] [macros [prefix PREFIX]]",
				Short: "Try what the kernel has: types of programs and maps, helpers, instructions",
				Long: `Try what the kernel has: types of programs and maps, helpers, instructions.

Three helpers make the kernel print warnings when they are tried, and are left out without full.
With macros the result is a header for C.`,
				Keywords: []string{"kernel", "full", "macros", "prefix"}, Run: probe,
			},
			{
				Name: "list_builtins", Args: "GROUP",
				Short: "List names: prog_types, map_types, attach_types, link_types or helpers",
				Keywords: []string{"prog_types", "map_types", "attach_types", "link_types",
					"helpers"},
				Run: listBuiltins,
			},
		},
	}
	return n.Command()
}

func listBuiltins(r *tool.Run) error {
	var names []string
	switch {
	case r.Take("prog_types"):
		for t := uapi.ProgUnspec; t <= uapi.ProgNetfilter; t++ {
			names = append(names, t.String())
		}
	case r.Take("map_types"):
		for t := uapi.MapUnspec; t <= uapi.MapRHash; t++ {
			names = append(names, t.String())
		}
	case r.Take("attach_types"):
		names = known[uapi.AttachType]()
	case r.Take("link_types"):
		names = known[uapi.LinkType]()
	case r.Take("helpers"):
		names = append([]string{"bpf_unspec"}, uapi.HelperNames[1:]...)
	default:
		return r.Unexpected()
	}
	if err := r.End(); err != nil {
		return err
	}
	if r.JSON != nil {
		r.JSON.Array()
		defer r.JSON.EndArray()
	}
	for _, name := range names {
		if r.JSON != nil {
			r.JSON.String(name)
		} else {
			r.Printf("%s\n", name)
		}
	}
	return nil
}

// known returns the names of a type's values, up to the first that has none.
func known[T interface {
	~uint32
	fmt.Stringer
}]() (names []string) {
	for t := T(0); ; t++ {
		name := tool.TypeName(t)
		if name != t.String() {
			return names
		}
		names = append(names, name)
	}
}

// options are the words after probe.
type options struct {
	full, macros bool
	prefix       string
}

func parse(r *tool.Run) (o options, err error) {
	for r.More() {
		switch {
		case r.Take("kernel"):
		case r.Take("dev"):
			return o, fmt.Errorf("what devices can run is not probed: %w", errors.ErrUnsupported)
		case r.Take("full"):
			o.full = true
		case r.Take("unprivileged"):
			return o, fmt.Errorf("run the command without privileges for that: %w",
				errors.ErrUnsupported)
		case r.Take("macros"):
			o.macros = true
		case o.macros && r.Take("prefix"):
			if o.prefix, err = r.Next("prefix"); err != nil {
				return o, err
			}
		default:
			return o, r.Unexpected()
		}
	}
	if o.macros && r.JSON != nil {
		return o, errors.New("macros are no JSON: leave out -j or macros")
	}
	return o, nil
}
