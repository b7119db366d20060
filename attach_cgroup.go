package bpf

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/privilege"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// CgroupOptions changes how a program is attached to a cgroup by a link.
type CgroupOptions struct {
	// Type is the attach type, for a program that doesn't name it: SEC("cgroup/skb"), or one from
	// OpenProgram or ProgramFromID whose type has several. 0: ExpectedAttachType.
	Type     uapi.AttachType
	Anchor   Anchor // 6.16
	Revision uint64 // 6.16: from inspect.Cgroup; ESTALE if the hook has changed since. 0: any
	// Preorder runs the program before those of the cgroup's descendants (BPF_F_PREORDER; 6.15).
	Preorder bool
}

// AddCgroupOptions changes how a program is attached to a cgroup without a link.
type AddCgroupOptions struct {
	CgroupOptions
	Mode    CgroupMode // whether other programs may be attached too
	Replace *Program   // the program to replace, added with CgroupMulti (5.6); nil: none
}

// RemoveCgroupOptions says what RemoveCgroup removes; the fields are as in CgroupOptions.
type RemoveCgroupOptions struct {
	Type     uapi.AttachType
	Revision uint64
}

// CgroupMode says whether other programs may be attached next to one that is added without a link.
// All programs of a cgroup's hook have the same mode.
type CgroupMode uapi.AttachFlags

const (
	// CgroupExclusive: alone, also in descendants.
	CgroupExclusive CgroupMode = 0
	// CgroupOverride: descendants may replace it for themselves.
	CgroupOverride = CgroupMode(uapi.FAllowOverride)
	// CgroupMulti: next to others, as links are (4.15).
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

// AttachCgroup attaches a program to the cgroup at path, a directory of the cgroup2 file system, by
// a link (libbpf bpf_program__attach_cgroup_opts; 5.7; lsm_cgroup 6.0). It runs for the processes
// of the cgroup and its descendants, in addition to other programs. Needs CAP_NET_ADMIN for
// cgroup_skb; other types need no privileges beyond those of the load. EPERM if the cgroup, or one
// above it, has an exclusive program. The caller closes the Link.
func (p *Program) AttachCgroup(path string, opts *CgroupOptions) (*Link, error) {
	p = p.orNone()
	if opts == nil {
		opts = &CgroupOptions{}
	}
	where := p.cgroupHook(opts.Type)
	at := p.cgroupPlace(path, where, opts.Revision)
	a := sys.LinkCreateAttr{AttachType: where}
	if _, program := opts.Anchor.next(); program {
		at.rule = "a link in a cgroup can only be placed next to a link, not to a program"
	}
	defer opts.Anchor.hold()()
	if err := opts.Anchor.place(&a, opts.Revision); err != nil {
		return nil, p.refused(at, err)
	}
	if opts.Preorder {
		a.Flags |= uapi.FPreorder
	}
	return p.linkPath(at, path, &a)
}

// AddCgroup attaches a program to a cgroup without a link (libbpf bpf_prog_attach_opts; 4.10). It
// stays attached when the process ends, until RemoveCgroup or the cgroup's end. With a mode other
// than CgroupMulti it replaces the attached program. It needs the privileges of AttachCgroup.
func (p *Program) AddCgroup(path string, opts *AddCgroupOptions) error {
	p = p.orNone()
	if opts == nil {
		opts = &AddCgroupOptions{}
	}
	where := p.cgroupHook(opts.Type)
	at := p.cgroupPlace(path, where, opts.Revision)
	a := sys.ProgAttachAttr{AttachType: where, Flags: uapi.AttachFlags(opts.Mode)}
	defer opts.Anchor.hold()()
	defer held(opts.Replace.descriptor())()
	if err := opts.check(); err != nil {
		return p.refused(at, err)
	}
	if link, _ := opts.Anchor.next(); link {
		at.rule = "a program without a link in a cgroup can only be placed next to another one, " +
			"not to a link"
	}
	if err := opts.Anchor.placeWithoutLink(&a, opts.Revision); err != nil {
		return p.refused(at, err)
	}
	if opts.Preorder {
		a.Flags |= uapi.FPreorder
	}
	if opts.Replace != nil {
		a.Flags |= uapi.FReplace
		a.ReplaceFD = opts.Replace.fd.Uint32()
	}
	if err := p.setPath(path, &a, sys.ProgAttach); err != nil {
		if err == syscall.EINVAL && at.rule == "" && p.typ == uapi.ProgCgroupSKB {
			// the kernel answers EINVAL for that too
			at.rule = privilege.Hint(syscall.EPERM, at.need...)
		}
		return p.refused(at, err)
	}
	return nil
}

// RemoveCgroup detaches the program from a cgroup where AddCgroup attached it (libbpf
// bpf_prog_detach_opts). ErrNotExist if it isn't attached there, or is attached by a link. Needs
// CAP_NET_ADMIN to query the cgroup.
func (p *Program) RemoveCgroup(path string, opts *RemoveCgroupOptions) error {
	p = p.orNone()
	if opts == nil {
		opts = &RemoveCgroupOptions{}
	}
	where := p.cgroupHook(opts.Type)
	at := p.cgroupPlace(path, where, opts.Revision)
	if err := p.use(); err != nil {
		return p.notDetached(at, err)
	}
	defer p.release()
	info, err := sys.ProgInfoByFD(p.fd.Int())
	if err != nil {
		return p.notDetached(at, err)
	}
	// From a cgroup whose program is exclusive or may be overridden, the kernel detaches any
	// program, without comparing it to ours.
	hook, err := at.ask(path, where)
	if err != nil {
		return p.notDetached(at, err)
	}
	if !hook.Has(info.ID) {
		return p.notDetached(at, fmt.Errorf("not attached there: %w", ErrNotExist))
	}
	a := sys.ProgAttachAttr{AttachType: where, ExpectedRevision: opts.Revision}
	if err := p.setPath(path, &a, sys.ProgDetach); err != nil {
		return p.notDetached(at, err)
	}
	return nil
}

func (o *AddCgroupOptions) check() error {
	switch {
	case o.Mode != CgroupExclusive && o.Mode != CgroupOverride && o.Mode != CgroupMulti:
		return fmt.Errorf("%v: %w", o.Mode, syscall.EINVAL)
	case o.Replace != nil:
		return o.Replace.checkReplaced()
	}
	return nil
}

// cgroupHook returns the attach type: the caller's choice or the program's own.
func (p *Program) cgroupHook(choice uapi.AttachType) uapi.AttachType {
	if choice != 0 {
		return choice
	}
	return p.expected
}

var cgroupPrograms = [...]uapi.ProgType{uapi.ProgCgroupSKB, uapi.ProgCgroupSock,
	uapi.ProgCgroupSockAddr, uapi.ProgCgroupSockOpt,
	uapi.ProgCgroupSysctl, uapi.ProgCgroupDevice, uapi.ProgSockOps, uapi.ProgLSM}

func (p *Program) cgroupPlace(path string, where uapi.AttachType, revision uint64) *place {
	return &place{
		name: "cgroup " + path, types: cgroupPrograms[:], revision: revision,
		need:   []kernel.Capability{kernel.CapNetAdmin},
		target: "want a directory of a cgroup2 file system",
		query: func() (*hooks.Hook, error) {
			own, err := hooks.QueryFile(path, where, 0)
			if err != nil || len(own.Programs) > 0 {
				return own, err
			}
			return hooks.QueryFile(path, where, uapi.FQueryEffective)
		},
	}
}

// linkPath makes a link to the file at path.
func (p *Program) linkPath(at *place, path string, a *sys.LinkCreateAttr) (*Link, error) {
	if err := p.use(); err != nil {
		return nil, p.attachFail(at.name, err)
	}
	defer p.release()
	f, err := sys.OpenFile(path)
	if err != nil {
		return nil, p.refused(at, err)
	}
	defer f.Close()
	a.ProgFD, a.Target = p.fd.Uint32(), uint32(f.Int())
	fd, err := sys.LinkCreate(a)
	if err != nil {
		return nil, p.refused(at, err)
	}
	return p.newLink(at.name, fd), nil
}

// setPath attaches to the file at path or detaches from it, without a link.
func (p *Program) setPath(path string, a *sys.ProgAttachAttr,
	call func(*sys.ProgAttachAttr) error) error {
	if err := p.use(); err != nil {
		return err
	}
	defer p.release()
	f, err := sys.OpenFile(path)
	if err != nil {
		return err
	}
	defer f.Close()
	a.ProgFD, a.Target = p.fd.Uint32(), uint32(f.Int())
	return call(a)
}
