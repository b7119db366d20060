// Package anchor names places among the programs of one hook of tcx (6.6), netkit (6.7) or cgroups
// (6.16). An Anchor is an option of bpf.Program.AttachTCX, AttachNetkit and AttachCgroup, and of
// functions of package nolink.
package anchor

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/uapi"
)

// Anchor is a place among the programs of a hook. The zero Anchor leaves the place to the kernel,
// which appends. In cgroups links are placed next to links, and programs without a link
// (nolink.AddCgroup) next to such programs.
type Anchor struct {
	flags uapi.AttachFlags
	next  func(func(fd int) error) error
	id    uint32
	what  string
}

// Program is a *bpf.Program.
type Program interface {
	Name() string
	Loaded() bool
	UseFD(f func(fd int) error) error
}

// Link is a *bpf.Link.
type Link interface {
	String() string
	Detach() error
	UseFD(f func(fd int) error) error
}

// First places a program before all others.
func First() Anchor { return Anchor{flags: uapi.FBefore} }

// Last places a program after all others.
func Last() Anchor { return Anchor{flags: uapi.FAfter} }

// Before places a program right before an attached one.
func Before(p Program) Anchor { return besideProgram(p, uapi.FBefore) }

// After places a program right after an attached one.
func After(p Program) Anchor { return besideProgram(p, uapi.FAfter) }

// BeforeLink places a program right before a link of the same hook.
func BeforeLink(l Link) Anchor { return besideLink(l, uapi.FBefore) }

// AfterLink places a program right after a link of the same hook.
func AfterLink(l Link) Anchor { return besideLink(l, uapi.FAfter) }

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

func besideProgram(p Program, side uapi.AttachFlags) Anchor {
	if p == nil {
		return Anchor{flags: side, next: absent, what: "a nil program"}
	}
	return Anchor{flags: side, next: p.UseFD, what: p.Name()}
}

func besideLink(l Link, side uapi.AttachFlags) Anchor {
	if l == nil {
		return Anchor{flags: side | uapi.FAnchorLink, next: absent, what: "a nil link"}
	}
	return Anchor{flags: side | uapi.FAnchorLink, next: l.UseFD, what: l.String()}
}

// absent is UseFD of nothing.
func absent(func(fd int) error) error { return syscall.EINVAL }

// IsProgram reports whether the place is next to a program, not to a link.
func (a Anchor) IsProgram() bool {
	return (a.next != nil || a.id != 0) && a.flags&uapi.FAnchorLink == 0
}

// Use calls f with the flags of the anchor and the descriptor or id that it is next to, as bpf(2)
// takes them, and returns f's error. The descriptor stays open until f returns. If the program or
// link of the anchor is closed or not loaded, Use returns EINVAL and doesn't call f.
func (a Anchor) Use(f func(flags uapi.AttachFlags, relative uint32) error) error {
	if a.next == nil {
		return f(a.flags, a.id)
	}
	called := false
	err := a.next(func(fd int) error {
		called = true
		return f(a.flags, uint32(fd))
	})
	if !called {
		return fmt.Errorf("the anchor, %s, is not loaded or closed: %w", a.what, syscall.EINVAL)
	}
	return err
}
