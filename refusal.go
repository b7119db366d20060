package bpf

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/facts"
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

// refused wraps the error of an attempt to attach p there. It asks the kernel, after the fact, for what may explain it, and hints at
// nothing else.
func (p *Program) refused(at *place, err error) error {
	err = at.cause(err)
	e := p.attachFail(at.name, err, at.need...).(*Error)
	at.hintNetlink(e)
	if e.Hint == "" && !p.descriptor().Closed() {
		e.Hint = p.explain(at, err)
	}
	return e
}

// hintNetlink says which capability rtnetlink missed.
func (at *place) hintNetlink(e *Error) {
	if at.netlink {
		e.Hint = netlinkHint(e.Err)
	}
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

// notDetached is refused for detaching.
func (p *Program) notDetached(at *place, err error) error {
	err = at.cause(err)
	if err == syscall.ENOENT {
		err = fmt.Errorf("it is not attached there: %w", err)
	}
	e := p.attachFail(at.name, err, at.need...).(*Error)
	e.Op, e.Subject = "detach program", p.Name()+" from "+at.name
	at.hintNetlink(e)
	switch {
	case p.descriptor().Closed():
	case errors.Is(err, syscall.ESTALE):
		e.Hint = p.explain(at, err)
	case errors.Is(err, syscall.EBADF):
		e.Hint = at.target
	}
	return e
}

func (p *Program) explain(at *place, err error) string {
	if len(at.types) > 0 && !slices.Contains(at.types, p.typ) {
		return fmt.Sprintf("it is a program of type %v; what fits there is %s", p.typ, typeNames(at.types))
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return ""
	}
	if errno == syscall.EINVAL && at.attach != 0 && p.lacksAttachType(at.attach) {
		return fmt.Sprintf("this kernel has no attach type %v", at.attach)
	}
	if errno == syscall.EINVAL && at.rule != "" {
		return at.rule
	}
	if errno == syscall.EBADF && at.target != "" {
		return at.target
	}
	if at.query == nil {
		return ""
	}
	switch errno {
	case syscall.EINVAL, syscall.EBUSY, syscall.EEXIST, syscall.EPERM, syscall.E2BIG, syscall.ERANGE, syscall.ESTALE, syscall.ENOENT:
	default:
		return ""
	}
	hook, queryErr := at.query()
	if queryErr != nil {
		return ""
	}
	switch errno {
	case syscall.ENOENT:
		return at.anchor.absentFrom(hook)
	case syscall.ESTALE:
		return fmt.Sprintf("programs were attached or detached there since: the hook's revision is %d, not %d", hook.Revision, at.revision)
	}
	if info, infoErr := sys.ProgInfoByFD(p.fd.Int()); infoErr == nil && hook.has(info.ID) {
		return fmt.Sprintf("this program, %d, is attached there already", info.ID)
	}
	if errno == syscall.EINVAL || len(hook.Programs) == 0 {
		return ""
	}
	return hook.occupants() + " attached there" + hook.detachment()
}

// lacksAttachType reports whether the kernel's BTF says that it knows no such attach type.
func (p *Program) lacksAttachType(t uapi.AttachType) bool {
	spec, err := p.running().BTF()
	if err != nil {
		return false
	}
	has, known := facts.HasEnumerator(spec, "bpf_attach_type", "", int64(t))
	return known && !has
}

// checkReplaced refuses a program that is to be replaced and can't be told to the kernel.
func (p *Program) checkReplaced() error {
	if p.fd.Closed() {
		err := p.absence()
		if err == ErrClosed {
			err = fmt.Errorf("%w: %w", err, syscall.EINVAL)
		}
		return fmt.Errorf("%s, which is to be replaced: %w", p.name, err)
	}
	return nil
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

func typeNames(types []uapi.ProgType) string {
	var names []string
	for _, t := range types {
		names = append(names, t.String())
	}
	return strings.Join(names, ", ")
}
