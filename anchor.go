package bpf

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// fLinkAnchor tells the kernel that a relative descriptor or id is a link's (BPF_F_LINK).
const fLinkAnchor = uapi.FLink

// Anchor is a place among the programs of one hook: of tcx (6.6), netkit (6.7) and cgroups (6.16). The zero Anchor leaves it to the
// kernel, which appends. Anchors are made by First, Last, Before, After and their kin.
type Anchor struct {
	flags uint32
	fd    func() int
	id    uint32
	what  string
}

// First is before all others.
func First() Anchor { return Anchor{flags: uapi.FBefore} }

// Last is after all others.
func Last() Anchor { return Anchor{flags: uapi.FAfter} }

// Before is right before an attached program.
func Before(p *Program) Anchor { return Anchor{flags: uapi.FBefore, fd: p.FD, what: p.name} }

// After is right after an attached program.
func After(p *Program) Anchor { return Anchor{flags: uapi.FAfter, fd: p.FD, what: p.name} }

// BeforeLink is right before a link of the same hook.
func BeforeLink(l *Link) Anchor {
	return Anchor{flags: uapi.FBefore | fLinkAnchor, fd: l.FD, what: l.what}
}

// AfterLink is right after a link of the same hook.
func AfterLink(l *Link) Anchor {
	return Anchor{flags: uapi.FAfter | fLinkAnchor, fd: l.FD, what: l.what}
}

// BeforeID is right before the program with that kernel id, which may be another process's.
func BeforeID(program uint32) Anchor { return Anchor{flags: uapi.FBefore | uapi.FID, id: program} }

// AfterID is right after the program with that kernel id.
func AfterID(program uint32) Anchor { return Anchor{flags: uapi.FAfter | uapi.FID, id: program} }

// BeforeLinkID and AfterLinkID are next to the link with that kernel id.
func BeforeLinkID(link uint32) Anchor {
	return Anchor{flags: uapi.FBefore | uapi.FID | fLinkAnchor, id: link}
}

// AfterLinkID is right after the link with that kernel id.
func AfterLinkID(link uint32) Anchor {
	return Anchor{flags: uapi.FAfter | uapi.FID | fLinkAnchor, id: link}
}

// apply writes the anchor into the attribute of a link. Without an anchor and a revision nothing is added, which every kernel accepts.
func (a Anchor) apply(attr *sys.LinkCreateAttr, revision uint64) error {
	attr.Flags |= a.flags
	relative := a.id
	if a.fd != nil {
		fd := a.fd()
		if fd < 0 {
			return fmt.Errorf("the anchor %s is not loaded or closed: %w", a.what, syscall.EINVAL)
		}
		relative = uint32(fd)
	}
	if relative != 0 || revision != 0 {
		attr.Detail = &sys.LinkAnchor{Relative: relative, ExpectedRevision: revision}
	}
	return nil
}
