package bpf

import (
	"cmp"

	"github.com/purebpf/bpf/anchor"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// CgroupOptions changes how a program is attached to a cgroup by a link.
type CgroupOptions struct {
	// Type is the attach type, for SEC("cgroup/skb"), which doesn't say it, and for a program from
	// OpenProgram or ProgramFromID whose program type has several. 0: ExpectedAttachType.
	Type     uapi.AttachType
	Anchor   anchor.Anchor // 6.16
	Revision uint64        // 6.16: from inspect.Cgroup; ESTALE if the hook has changed since. 0: any
	// Preorder runs the program before those of the cgroup's descendants (BPF_F_PREORDER; 6.15).
	Preorder bool
}

// AttachCgroup attaches a program to the cgroup at path, a directory of the cgroup2 file system
// (libbpf bpf_program__attach_cgroup_opts; 5.7; lsm_cgroup 6.0). The program runs for the processes
// of the cgroup and its descendants, in addition to other programs. Needs CAP_NET_ADMIN for
// cgroup_skb. EPERM if the cgroup, or one above it, has an exclusive program.
func (p *Program) AttachCgroup(path string, opts *CgroupOptions) (*Link, error) {
	p = p.orNone()
	if opts == nil {
		opts = &CgroupOptions{}
	}
	where := cmp.Or(opts.Type, p.expected)
	at := explain.CgroupPlace(path, where, opts.Revision)
	a := sys.LinkCreateAttr{AttachType: where}
	if opts.Anchor.IsProgram() {
		at.Rule = "a link in a cgroup can only be placed next to a link, not to a program"
	}
	if opts.Preorder {
		a.Flags |= uapi.FPreorder
	}
	return p.linkPath(at, path, opts.Anchor, &a)
}

// linkPath makes a link to the file at path.
func (p *Program) linkPath(at *explain.Place, path string, next anchor.Anchor,
	a *sys.LinkCreateAttr) (*Link, error) {
	if err := p.use(); err != nil {
		return nil, p.attachFail(at.Name, err)
	}
	defer p.release()
	f, err := sys.OpenFile(path)
	if err != nil {
		return nil, p.refused(at, err)
	}
	defer f.Close()
	a.ProgFD, a.Target = p.fd.Uint32(), uint32(f.Int())
	return p.linkNextTo(at, next, a)
}
