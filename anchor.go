package bpf

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Anchor is a place among the programs of one hook: of tcx (6.6), netkit (6.7) and cgroups (6.16).
// With the zero Anchor the kernel decides: it appends. First, Last, Before, After and similar
// functions return Anchors. In cgroups links are placed next to links, and programs without a link
// (nolink.AddCgroup) next to such programs.
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

// isProgram reports whether the anchor is a program, not a link.
func (a Anchor) isProgram() bool {
	return (a.fd != nil || a.id != 0) && a.flags&uapi.FAnchorLink == 0
}

// Use calls f with the flags of the anchor and the descriptor or id that it is next to, as bpf(2)
// takes them, and returns f's error. The descriptor stays open until f returns. EINVAL without a
// call of f if the program or link of the anchor is closed or not loaded.
func (a Anchor) Use(f func(flags uapi.AttachFlags, relative uint32) error) error {
	if a.fd == nil {
		return f(a.flags, a.id)
	}
	fd := a.fd()
	if _, ok := fd.Hold(); !ok {
		return fmt.Errorf("the anchor, %s, is not loaded or closed: %w", a.what, syscall.EINVAL)
	}
	defer fd.Release()
	return f(a.flags, fd.Uint32())
}

// linkNextTo makes a link at the anchor. Without an anchor and a revision it adds nothing to the
// attribute, which every kernel accepts.
func (p *Program) linkNextTo(at *explain.Place, anchor Anchor,
	attr *sys.LinkCreateAttr) (*Link, error) {
	var link *Link
	var refusal *Error
	err := anchor.Use(func(flags uapi.AttachFlags, relative uint32) error {
		attr.Flags |= flags
		if relative != 0 || at.Revision != 0 {
			attr.Detail = &sys.LinkAnchor{Relative: relative, ExpectedRevision: at.Revision}
		}
		fd, err := sys.LinkCreate(attr)
		if err == nil {
			link = p.newLink(at.Name, fd)
			return nil
		}
		at.Anchor = explain.Anchor{Flags: flags, Relative: relative}
		refusal = p.refused(at, err)
		return refusal
	})
	if err != nil && refusal == nil {
		refusal = p.refused(at, err)
	}
	if refusal != nil {
		return nil, refusal
	}
	return link, nil
}
