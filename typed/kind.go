package typed

import (
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/uapi"
)

// ofKind checks that a map is of one of these types.
func ofKind(m *bpf.Map, types ...uapi.MapType) error {
	if err := m.Err(); err != nil {
		return err
	}
	if slices.Contains(types, m.Type()) {
		return nil
	}
	var names []string
	for _, t := range types {
		names = append(names, t.String())
	}
	return refuse(m, "type map", fmt.Errorf("it is of type %v, not %s: %w", m.Type(),
		strings.Join(names, " or "), syscall.EINVAL))
}

// refuse returns the error of an operation on a map that never reached the kernel.
func refuse(m *bpf.Map, op string, err error) error {
	return &bpf.Error{Op: op, Subject: m.Name(), Err: err}
}
