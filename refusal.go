package bpf

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// place is a hook to attach a program to or detach it from, and what explains the kernel's refusal:
// bare errnos don't say which program is in the way or what type would fit.
type place struct {
	name     string
	types    []uapi.ProgType             // of programs that fit
	attach   uapi.AttachType             // that kernels may lack; 0 if that is not checked
	query    func() (*hooks.Hook, error) // the attached programs; nil if the kernel has no query
	revision uint64                      // that the caller expects
	anchor   Anchor                      // the anchor, where the kernel lists links
	// what the kernel takes as target: the explanation of EBADF, which never means a closed program
	target string
	// of the hook, which the options break: the explanation of EINVAL
	rule    string
	need    []kernel.Capability
	netlink bool // rtnetlink needs CAP_NET_ADMIN, instead of need
}

// refused wraps the error of an attempt to attach p there.
func (p *Program) refused(at *place, err error) *Error {
	return p.at(opAttach, at).attachFail(at.name, at.cause(err))
}

func (p *Program) at(op operation, at *place) *attempt {
	if at.netlink {
		op |= opNetlink
	}
	return &attempt{op: op, need: at.need, program: p, at: at}
}

// cause returns err without the text that the name of the place has already.
func (at *place) cause(err error) error {
	if file, ok := err.(*os.PathError); ok && strings.HasSuffix(at.name, " "+file.Path) {
		return fmt.Errorf("%s it: %w", file.Op, file.Err)
	}
	return err
}

// ask returns the programs attached to the hook of a file. Its error names the query.
func (at *place) ask(path string, where uapi.AttachType) (*hooks.Hook, error) {
	hook, err := hooks.QueryFile(path, where, 0)
	if err != nil {
		err = fmt.Errorf("query the attached programs: %w", at.cause(err))
	}
	return hook, err
}

// notDetached wraps the error of an attempt to detach p from there.
func (p *Program) notDetached(at *place, err error) *Error {
	on := about{p.ObjectName(), p.Name() + " from " + at.name}
	if absent := p.absence(); absent != nil {
		return newError("detach program", on, absent)
	}
	err = at.cause(err)
	if err == syscall.ENOENT {
		err = fmt.Errorf("not attached there: %w", err)
	}
	return p.at(opDetach, at).fail("detach program", on, err)
}

// checkReplaced refuses a program to replace that has no descriptor to pass to the kernel.
func (p *Program) checkReplaced() error {
	err := p.absence()
	switch err {
	case nil:
		return nil
	case ErrClosed:
		err = fmt.Errorf("%w: %w", err, syscall.EINVAL)
	}
	return fmt.Errorf("the program to replace, %s: %w", p.name, err)
}
