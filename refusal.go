package bpf

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// place is a hook that a program is to be attached to or detached from, and what explains the kernel's refusal: bare errnos don't say
// who is in the way or what would fit.
type place struct {
	name     string
	types    []uapi.ProgType       // of programs that fit
	attach   uapi.AttachType       // that kernels may lack; 0 if that isn't asked
	query    func() (*Hook, error) // who is there; nil if that can't be asked
	revision uint64                // that the caller expects
	anchor   Anchor                // next to which it is to be, where the kernel tells links
	target   string                // what the kernel takes for a target: said after EBADF, which a closed program can't be the reason of
	rule     string                // of the hook, which the options break: said after EINVAL
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
	if query, ok := err.(*Error); ok && query.Op == "query hook" {
		return fmt.Errorf("ask who is attached there: %w", at.cause(query.Err))
	}
	if file, ok := err.(*os.PathError); ok && strings.HasSuffix(at.name, " "+file.Path) {
		return fmt.Errorf("%s it: %w", file.Op, file.Err)
	}
	return err
}

// notDetached wraps the error of an attempt to detach p from there.
func (p *Program) notDetached(at *place, err error) *Error {
	on := about{p.objectName(), p.Name() + " from " + at.name}
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

// has reports whether the program of that kernel id is attached.
func (h *Hook) has(id uint32) bool {
	return slices.ContainsFunc(h.Programs, func(p HookedProgram) bool { return p.ProgramID == id })
}

// occupants names who is there: "program 12 (count) is", "programs 12 (count), 14 (drop) and 5 more are".
func (h *Hook) occupants() string {
	const most = 4
	var names []string
	for i, p := range h.Programs {
		if i == most {
			break
		}
		names = append(names, programLabel(p.ProgramID))
	}
	list := strings.Join(names, ", ")
	if more := len(h.Programs) - most; more > 0 {
		list += " and " + strconv.Itoa(more) + " more"
	}
	if len(h.Programs) == 1 {
		return "program " + list + " is"
	}
	return "programs " + list + " are"
}

// detachment says how to take away the program that is there, if it is one and has one link.
func (h *Hook) detachment() string {
	if len(h.Programs) != 1 {
		return ""
	}
	p := h.Programs[0]
	if p.LinkID == 0 {
		for info, err := range linkinfo.All(uapi.LinkUnspec) {
			if err != nil || info.ProgramID != p.ProgramID {
				continue
			}
			if p.LinkID != 0 {
				return ""
			}
			p.LinkID = info.ID
		}
	}
	if p.LinkID == 0 {
		return ""
	}
	return fmt.Sprintf(" and has link %d, which bpf detach %[1]d takes away for all", p.LinkID)
}

// programLabel is a program's kernel id and, where this process may ask, its name.
func programLabel(id uint32) string {
	fd, err := sys.ProgFDByID(id)
	if err != nil {
		return strconv.FormatUint(uint64(id), 10)
	}
	defer fd.Close()
	info, err := sys.ProgInfoByFD(fd.Int())
	if err != nil || info.Name.String() == "" {
		return strconv.FormatUint(uint64(id), 10)
	}
	return fmt.Sprintf("%d (%s)", id, info.Name)
}
