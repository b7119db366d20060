package bpf

import (
	"fmt"
	"slices"
	"syscall"

	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Anchor is a place among the programs of one hook: of tcx (6.6), netkit (6.7) and cgroups (6.16). The zero Anchor leaves it to the
// kernel, which appends. Anchors are made by First, Last, Before, After and their kin. In cgroups links are placed next to links, and
// programs without a link (SetCgroup) next to such programs.
type Anchor struct {
	flags uint32
	fd    func() *sys.FD
	id    uint32
	what  string
}

// First is before all others.
func First() Anchor { return Anchor{flags: uapi.FBefore} }

// Last is after all others.
func Last() Anchor { return Anchor{flags: uapi.FAfter} }

// Before is right before an attached program.
func Before(p *Program) Anchor {
	return Anchor{flags: uapi.FBefore, fd: p.descriptor, what: p.Name()}
}

// After is right after an attached program.
func After(p *Program) Anchor {
	return Anchor{flags: uapi.FAfter, fd: p.descriptor, what: p.Name()}
}

// BeforeLink is right before a link of the same hook.
func BeforeLink(l *Link) Anchor {
	return Anchor{flags: uapi.FBefore | uapi.FLink, fd: l.descriptor, what: l.String()}
}

// AfterLink is right after a link of the same hook.
func AfterLink(l *Link) Anchor {
	return Anchor{flags: uapi.FAfter | uapi.FLink, fd: l.descriptor, what: l.String()}
}

// BeforeID is right before the program with that kernel id, which may be another process's.
func BeforeID(program uint32) Anchor { return Anchor{flags: uapi.FBefore | uapi.FID, id: program} }

// AfterID is right after the program with that kernel id.
func AfterID(program uint32) Anchor { return Anchor{flags: uapi.FAfter | uapi.FID, id: program} }

// BeforeLinkID is right before the link with that kernel id.
func BeforeLinkID(link uint32) Anchor {
	return Anchor{flags: uapi.FBefore | uapi.FID | uapi.FLink, id: link}
}

// AfterLinkID is right after the link with that kernel id.
func AfterLinkID(link uint32) Anchor {
	return Anchor{flags: uapi.FAfter | uapi.FID | uapi.FLink, id: link}
}

// next says whether the anchor is a link, a program, or neither.
func (a Anchor) next() (link, program bool) {
	relative := a.fd != nil || a.id != 0
	link = a.flags&uapi.FLink != 0
	return relative && link, relative && !link
}

// resolve returns the anchor's flags and what they are relative to: a descriptor or an id, 0 if neither.
func (a Anchor) resolve() (flags, relative uint32, err error) {
	if a.fd == nil {
		return a.flags, a.id, nil
	}
	fd := a.fd()
	if fd.Closed() {
		return 0, 0, fmt.Errorf("the anchor, %s, is not loaded or closed: %w", a.what, syscall.EINVAL)
	}
	return a.flags, fd.Uint32(), nil
}

// hold keeps the anchor open until release is called.
func (a Anchor) hold() (release func()) {
	if a.fd == nil {
		return func() {}
	}
	return held(a.fd())
}

// place writes the anchor into the attribute of a link. Without an anchor and a revision nothing is added, which every kernel accepts.
func (a Anchor) place(attr *sys.LinkCreateAttr, revision uint64) error {
	flags, relative, err := a.resolve()
	if err != nil {
		return err
	}
	attr.Flags |= flags
	if relative != 0 || revision != 0 {
		attr.Detail = &sys.LinkAnchor{Relative: relative, ExpectedRevision: revision}
	}
	return nil
}

// placeWithoutLink is place for attachments without a link.
func (a Anchor) placeWithoutLink(attr *sys.ProgAttachAttr, revision uint64) error {
	flags, relative, err := a.resolve()
	if err != nil {
		return err
	}
	attr.Flags |= flags
	attr.Relative, attr.ExpectedRevision = relative, revision
	return nil
}

// absentFrom names the anchor if it isn't attached to that hook, of which the kernel tells programs and links (tcx and netkit).
func (a Anchor) absentFrom(h *hooks.Hook) string {
	link, program := a.next()
	kind, id := "program", a.id
	var err error
	switch {
	case link:
		kind = "link"
		if a.fd != nil {
			var info *sys.LinkInfo
			if info, err = sys.LinkInfoByFD(a.fd().Int()); err == nil {
				id = info.ID
			}
		}
	case program:
		if a.fd != nil {
			var info *sys.ProgInfo
			if info, err = sys.ProgInfoByFD(a.fd().Int()); err == nil {
				id = info.ID
			}
		}
	default:
		return ""
	}
	there := func(p hooks.Program) bool { return p.LinkID == id && link || p.ID == id && program }
	if err != nil || slices.ContainsFunc(h.Programs, there) {
		return ""
	}
	return fmt.Sprintf("the anchor, %s %d, is not attached there", kind, id)
}
