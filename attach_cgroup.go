package bpf

import (
	"fmt"
	"os"
	"syscall"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// CgroupOptions changes where among others a program is attached to a cgroup.
type CgroupOptions struct {
	Anchor   Anchor // 6.16
	Revision uint64 // 6.16: what QueryHook said; ESTALE if the hook has changed since. 0: whatever it is
	// Preorder runs the program before those of the cgroup's descendants (BPF_F_PREORDER; 6.15).
	Preorder bool
}

// AttachCgroup attaches a program to the cgroup at path, a directory of the cgroup2 file system, by a link (libbpf
// bpf_program__attach_cgroup_opts; 5.7; lsm_cgroup 6.0). It runs for the cgroup's processes and those of its descendants, beside
// programs of others. Needs CAP_NET_ADMIN, or CAP_BPF for some types. The caller closes the Link.
func (p *Program) AttachCgroup(path string, opts *CgroupOptions) (*Link, error) {
	if opts == nil {
		opts = &CgroupOptions{}
	}
	to := "cgroup " + path
	a := sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), AttachType: p.expected}
	if err := opts.Anchor.apply(&a, opts.Revision); err != nil {
		return nil, p.attachFail(to, err)
	}
	if opts.Preorder {
		a.Flags |= uapi.FPreorder
	}
	return p.attachDir(to, path, &a, kernel.CapNetAdmin)
}

// AttachNetns attaches a flow dissector or an sk_lookup program to the network namespace at path, such as /proc/self/ns/net (libbpf
// bpf_program__attach_netns; 5.8). Needs CAP_NET_ADMIN. EEXIST if the namespace has a flow dissector. The caller closes the Link.
func (p *Program) AttachNetns(path string) (*Link, error) {
	return p.attachDir("network namespace "+path, path, &sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), AttachType: p.expected}, kernel.CapNetAdmin)
}

// attachDir makes a link to what path names.
func (p *Program) attachDir(to, path string, a *sys.LinkCreateAttr, need ...kernel.Capability) (*Link, error) {
	if p.fd.Int() < 0 {
		return nil, p.attachFail(to, nil)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	defer f.Close()
	a.Target = uint32(f.Fd())
	fd, err := sys.LinkCreate(a)
	if err != nil {
		return nil, p.attachFail(to, err, need...)
	}
	return p.newLink(to, fd), nil
}

// CgroupMode says how a program that is set without a link gets along with others.
type CgroupMode uint32

const (
	CgroupExclusive CgroupMode = 0                   // alone, also in descendants
	CgroupOverride  CgroupMode = uapi.FAllowOverride // descendants may put their own in its place
	CgroupMulti     CgroupMode = uapi.FAllowMulti    // beside others (4.15)
)

// SetCgroup attaches a program to a cgroup without a link (libbpf bpf_prog_attach; 4.10). It outlives the process: UnsetCgroup takes it
// away. replace, if not nil, is the program whose place it takes (mode CgroupMulti; 5.6).
func (p *Program) SetCgroup(path string, mode CgroupMode, replace *Program) error {
	a := sys.ProgAttachAttr{AttachType: p.expected, Flags: uint32(mode)}
	if replace != nil {
		if replace.fd.Int() < 0 {
			return p.attachFail("cgroup "+path, fmt.Errorf("%s, which is to be replaced, is not loaded: %w", replace.name, syscall.EINVAL))
		}
		a.Flags |= uapi.FReplace
		a.ReplaceFD = replace.fd.Uint32()
	}
	return p.setTarget("cgroup "+path, path, &a, sys.ProgAttach)
}

// UnsetCgroup takes the program away from a cgroup where SetCgroup put it (libbpf bpf_prog_detach2). Only this program: ErrNotExist if it
// isn't there.
func (p *Program) UnsetCgroup(path string) error {
	err := p.setTarget("cgroup "+path, path, &sys.ProgAttachAttr{AttachType: p.expected}, sys.ProgDetach)
	if e, ok := err.(*Error); ok {
		e.Op = "detach program"
	}
	return err
}

// setTarget attaches to or detaches from what path names, without a link.
func (p *Program) setTarget(to, path string, a *sys.ProgAttachAttr, call func(*sys.ProgAttachAttr) error) error {
	if p.fd.Int() < 0 {
		return p.attachFail(to, nil)
	}
	f, err := os.Open(path)
	if err != nil {
		return p.attachFail(to, err)
	}
	defer f.Close()
	a.Target, a.ProgFD = uint32(f.Fd()), p.fd.Uint32()
	if err := call(a); err != nil {
		return p.attachFail(to, err, kernel.CapNetAdmin)
	}
	return nil
}
