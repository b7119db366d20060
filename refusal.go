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

// place is a hook that a program is to be attached to or detached from, and what explains the kernel's refusal: bare errnos don't say
// who is in the way or what would fit.
type place struct {
	name     string
	types    []uapi.ProgType             // of programs that fit
	attach   uapi.AttachType             // that kernels may lack; 0 if that isn't asked
	query    func() (*hooks.Hook, error) // who is there; nil if that can't be asked
	revision uint64                      // that the caller expects
	anchor   Anchor                      // next to which it is to be, where the kernel tells links
	target   string                      // what the kernel takes for a target: said after EBADF, which a closed program can't be the reason of
	rule     string                      // of the hook, which the options break: said after EINVAL
	need     []kernel.Capability
	netlink  bool // it takes CAP_NET_ADMIN for rtnetlink, instead of need
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

// cause is err without what the name of the place says already.
func (at *place) cause(err error) error {
	if file, ok := err.(*os.PathError); ok && strings.HasSuffix(at.name, " "+file.Path) {
		return fmt.Errorf("%s it: %w", file.Op, file.Err)
	}
	return err
}

// ask returns what is attached to the hook of a file. Its error says what was asked.
func (at *place) ask(path string, where uapi.AttachType) (*hooks.Hook, error) {
	hook, err := hooks.QueryFile(path, where, 0)
	if err != nil {
		err = fmt.Errorf("ask who is attached there: %w", at.cause(err))
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
		err = fmt.Errorf("it is not attached there: %w", err)
	}
	return p.at(opDetach, at).fail("detach program", on, err)
}

// checkReplaced refuses a program that is to be replaced and can't be told to the kernel.
func (p *Program) checkReplaced() error {
	err := p.absence()
	switch err {
	case nil:
		return nil
	case ErrClosed:
		err = fmt.Errorf("%w: %w", err, syscall.EINVAL)
	}
	return fmt.Errorf("%s, which is to be replaced: %w", p.name, err)
}
