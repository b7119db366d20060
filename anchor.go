package bpf

import (
	"fmt"
	"slices"
	"syscall"

	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Anchor is a place among the programs of one hook: of tcx (6.6), netkit (6.7) and cgroups (6.16).
// With the zero Anchor the kernel decides: it appends. First, Last, Before, After and similar
// functions return Anchors. In cgroups links are placed next to links, and programs without a link
// (AddCgroup) next to such programs.
type Anchor struct {
	flags uapi.AttachFlags
	fd    func() *sys.FD
	id    uint32
	what  string
}

// First places a program before all others.
func First() Anchor { return Anchor{flags: uapi.FBefore} }

// Last places a program after all others.
func Last() Anchor { return Anchor{flags: uapi.FAfter} }

// Before places a program right before an attached one.
func Before(p *Program) Anchor {
	return Anchor{flags: uapi.FBefore, fd: p.descriptor, what: p.Name()}
}

// After places a program right after an attached one.
func After(p *Program) Anchor {
	return Anchor{flags: uapi.FAfter, fd: p.descriptor, what: p.Name()}
}

// BeforeLink places a program right before a link of the same hook.
func BeforeLink(l *Link) Anchor {
	return Anchor{flags: uapi.FBefore | uapi.FAnchorLink, fd: l.descriptor, what: l.String()}
}

// AfterLink places a program right after a link of the same hook.
func AfterLink(l *Link) Anchor {
	return Anchor{flags: uapi.FAfter | uapi.FAnchorLink, fd: l.descriptor, what: l.String()}
}

// BeforeID places a program right before the one with that kernel id, which may belong to another
// process.
func BeforeID(program uint32) Anchor { return Anchor{flags: uapi.FBefore | uapi.FID, id: program} }

// AfterID places a program right after the one with that kernel id.
func AfterID(program uint32) Anchor { return Anchor{flags: uapi.FAfter | uapi.FID, id: program} }

// BeforeLinkID places a program right before the link with that kernel id.
func BeforeLinkID(link uint32) Anchor {
	return Anchor{flags: uapi.FBefore | uapi.FID | uapi.FAnchorLink, id: link}
}

// AfterLinkID places a program right after the link with that kernel id.
func AfterLinkID(link uint32) Anchor {
	return Anchor{flags: uapi.FAfter | uapi.FID | uapi.FAnchorLink, id: link}
}

// next reports whether the anchor is a link, a program, or neither.
func (a Anchor) next() (link, program bool) {
	relative := a.fd != nil || a.id != 0
	link = a.flags&uapi.FAnchorLink != 0
	return relative && link, relative && !link
}

// resolve returns the anchor's flags and its descriptor or id, 0 if it has neither.
func (a Anchor) resolve() (flags uapi.AttachFlags, relative uint32, err error) {
	if a.fd == nil {
		return a.flags, a.id, nil
	}
	fd := a.fd()
	if fd.Closed() {
		return 0, 0, fmt.Errorf("the anchor, %s, is not loaded or closed: %w",
			a.what, syscall.EINVAL)
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

// place writes the anchor into the attribute of a link. Without an anchor and a revision it adds
// nothing, which every kernel accepts.
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

// absentFrom returns the name of the anchor if it isn't attached to that hook. The kernel lists the
// programs and links of the hook (tcx and netkit).
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
