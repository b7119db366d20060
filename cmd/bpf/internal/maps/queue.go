package maps

import (
	"errors"
	"syscall"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/uapi"
)

func peek(r *tool.Run) error {
	return next(r, uapi.FOpenRdonly,
		func(t *target, val []byte) error { return t.Lookup(nil, val) })
}

func pop(r *tool.Run) error {
	return next(r, 0, func(t *target, val []byte) error {
		return t.LookupAndDelete(nil, val, 0)
	})
}

// next prints the next value of a queue or stack, which get takes.
func next(r *tool.Run, flags uapi.OpenFlags, get func(*target, []byte) error) error {
	t, err := open(r, flags)
	if err != nil {
		return err
	}
	defer t.Close()
	if err := r.End(); err != nil {
		return err
	}
	val := make([]byte, t.ValueLen())
	err = get(t, val)
	if errors.Is(err, syscall.ENOENT) {
		if r.JSON == nil {
			r.Printf("Error: empty map\n")
		}
		return tool.Missing
	}
	if err != nil {
		return err
	}
	return printOne(r, t, nil, val)
}
