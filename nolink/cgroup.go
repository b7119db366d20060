package nolink

import (
	"cmp"
	"fmt"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/privilege"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// CgroupOptions changes how a program is attached to a cgroup.
type CgroupOptions struct {
	bpf.CgroupOptions
	Mode    CgroupMode   // whether other programs may be attached too
	Replace *bpf.Program // the program to replace, added with CgroupMulti (5.6); nil: none
}

// RemoveCgroupOptions says what RemoveCgroup removes; the fields are as in bpf.CgroupOptions.
type RemoveCgroupOptions struct {
	Type     uapi.AttachType
	Revision uint64
}

// CgroupMode says whether other programs may be attached beside a program. All programs of a
// cgroup's hook have the same mode.
type CgroupMode uapi.AttachFlags

const (
	// CgroupExclusive: no other program may be attached, also in descendants.
	CgroupExclusive CgroupMode = 0
	// CgroupOverride: a descendant may have a program of its own instead.
	CgroupOverride = CgroupMode(uapi.FAllowOverride)
	// CgroupMulti: the program runs in addition to others, as links do (4.15).
	CgroupMulti = CgroupMode(uapi.FAllowMulti)
)

// String returns exclusive, override or multi.
func (m CgroupMode) String() string {
	switch m {
	case CgroupExclusive:
		return "exclusive"
	case CgroupOverride:
		return "override"
	case CgroupMulti:
		return "multi"
	}
	return fmt.Sprintf("CgroupMode(%d)", uint32(m))
}

// AddCgroup attaches a program to the cgroup at path (libbpf bpf_prog_attach_opts; 4.10). With a
// mode other than CgroupMulti it replaces the attached program. It needs the privileges of
// bpf.Program.AttachCgroup.
func AddCgroup(p *bpf.Program, path string, opts *CgroupOptions) error {
	if opts == nil {
		opts = &CgroupOptions{}
	}
	where := cmp.Or(opts.Type, p.ExpectedAttachType())
	r := attach(p, explain.CgroupPlace(path, where, opts.Revision))
	r.anchor, r.replace = opts.Anchor, opts.Replace
	return r.onFile(path, func(a *sys.ProgAttachAttr) error {
		switch opts.Mode {
		case CgroupExclusive, CgroupOverride, CgroupMulti:
		default:
			return fmt.Errorf("%v: %w", opts.Mode, syscall.EINVAL)
		}
		err := sys.ProgAttach(a)
		if err == syscall.EINVAL && r.at.Rule == "" && p.Type() == uapi.ProgCgroupSKB {
			// the kernel answers EINVAL for that too
			r.at.Rule = privilege.Hint(syscall.EPERM, r.at.Need...)
		}
		return err
	}, func(a *sys.ProgAttachAttr) {
		if a.Relative != 0 && a.Flags&uapi.FAnchorLink != 0 {
			r.at.Rule = "a program without a link in a cgroup can only be placed next to " +
				"another one, not to a link"
		}
		a.AttachType = where
		a.Flags |= uapi.AttachFlags(opts.Mode)
		if opts.Preorder {
			a.Flags |= uapi.FPreorder
		}
		if opts.Replace != nil {
			a.Flags |= uapi.FReplace
		}
	})
}

// RemoveCgroup detaches the program from a cgroup where AddCgroup attached it (libbpf
// bpf_prog_detach_opts). ErrNotExist if it isn't attached there, or is attached by a link. Needs
// CAP_NET_ADMIN to query the cgroup.
func RemoveCgroup(p *bpf.Program, path string, opts *RemoveCgroupOptions) error {
	if opts == nil {
		opts = &RemoveCgroupOptions{}
	}
	where := cmp.Or(opts.Type, p.ExpectedAttachType())
	r := detach(p, explain.CgroupPlace(path, where, opts.Revision))
	return r.onFile(path, func(a *sys.ProgAttachAttr) error {
		// From a cgroup whose program is exclusive or may be overridden, the kernel detaches any
		// program, without comparing it to ours.
		if err := r.requireAttached(path, where, a.ProgFD); err != nil {
			return err
		}
		return sys.ProgDetach(a)
	}, func(a *sys.ProgAttachAttr) { a.AttachType = where })
}
