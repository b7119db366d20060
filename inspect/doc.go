// Package inspect reports what BPF holds in the running kernel, for all processes: programs, maps,
// links and type information with their owners and pins; what is attached to a hook, to interfaces,
// cgroups and perf events; and what killed processes left behind.
//
// Errors are *bpf.Error, in which errors.Is finds the errno.
package inspect

import (
	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/hint"
	"github.com/purebpf/bpf/internal/privilege"
	"github.com/purebpf/bpf/kernel"
)

// failed returns the error of an operation on a subject, which needs capabilities.
func failed(op, subject string, err error, need ...kernel.Capability) error {
	advice, cause := hint.Cut(err)
	if advice == "" && len(need) > 0 {
		advice = privilege.Hint(err, need...)
	}
	return &bpf.Error{Op: op, Subject: subject, Err: cause, Hint: advice}
}
