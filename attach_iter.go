package bpf

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

// CgroupOrder is how an iterator walks a hierarchy of cgroups (enum bpf_cgroup_iter_order).
type CgroupOrder uint32

const (
	CgroupSelf            CgroupOrder = iota + 1 // only the cgroup itself
	CgroupDescendantsPre                         // parents before children
	CgroupDescendantsPost                        // children before parents
	CgroupAncestorsUp                            // up to the root
	CgroupChildren                               // direct children (6.18)
)

// IterOptions says what an iterator walks. At most one group may be set; none walks everything that the iterator's kind has.
type IterOptions struct {
	// Map is what SEC("iter/bpf_map_elem") and SEC("iter/bpf_sk_storage_map") walk.
	Map *Map
	// Cgroup is a directory of the cgroup2 file system where SEC("iter/cgroup") starts (6.1), in Order.
	Cgroup string
	Order  CgroupOrder
	// TID, PID or PIDFD limit SEC("iter/task"), "iter/task_file" and "iter/task_vma" to a thread or to a process (6.1).
	TID, PID, PIDFD uint32
}

// AttachIter attaches an iterator program (libbpf bpf_program__attach_iter; 5.8). Link.Iterate runs it. Needs CAP_PERFMON. The caller
// closes the Link.
func (p *Program) AttachIter(opts *IterOptions) (*Link, error) {
	to := "iterator " + p.target()
	if p.fd.Int() < 0 {
		return nil, p.attachFail(to, nil)
	}
	a := sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), AttachType: p.expected}
	info, done, err := opts.info()
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	defer done()
	if info != nil {
		a.Detail = &sys.LinkIter{Info: sys.Slice(info), Len: uint32(len(info))}
	}
	fd, err := sys.LinkCreate(&a)
	if err != nil {
		return nil, p.attachFail(to, err, kernel.CapPerfmon)
	}
	return p.newLink(to, fd), nil
}

// info encodes the options as union bpf_iter_link_info, nil if there are none. done releases what it refers to.
func (o *IterOptions) info() (info []byte, done func(), err error) {
	done = func() {}
	if o == nil {
		return nil, done, nil
	}
	groups := 0
	put := func(words ...uint32) {
		groups++
		for _, w := range words {
			info = binary.NativeEndian.AppendUint32(info, w)
		}
	}
	if o.Map != nil {
		if o.Map.fd.Int() < 0 {
			return nil, done, errors.New("the map is not there")
		}
		put(o.Map.fd.Uint32())
	}
	if o.Cgroup != "" {
		dir, err := os.Open(o.Cgroup)
		if err != nil {
			return nil, done, err
		}
		done = func() { dir.Close() }
		order := o.Order
		if order == 0 {
			order = CgroupDescendantsPre
		}
		put(uint32(order), uint32(dir.Fd()), 0, 0) // order, fd, 64-bit id
	}
	if o.TID != 0 || o.PID != 0 || o.PIDFD != 0 {
		put(o.TID, o.PID, o.PIDFD)
	}
	if groups > 1 {
		done()
		return nil, func() {}, errors.New("an iterator takes a map, a cgroup or a task, not several of them")
	}
	return info, done, nil
}

// Iterate runs an attached iterator and returns what it prints (libbpf bpf_iter_create and read; 5.8). Each call starts anew. The
// caller closes the reader.
func (l *Link) Iterate() (io.ReadCloser, error) {
	if err := l.kernelLink("iterate"); err != nil {
		return nil, err
	}
	fd, err := sys.IterCreate(l.fd.Int())
	if err != nil {
		return nil, l.fail("iterate", err)
	}
	return &iterReader{fd: fd, link: l}, nil
}

// iterReader reads what an iterator prints. The kernel returns EAGAIN when the program asked to be run again later.
type iterReader struct {
	fd   *sys.FD
	link *Link
}

func (r *iterReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, err := syscall.Read(r.fd.Int(), p)
		switch {
		case err == syscall.EINTR || err == syscall.EAGAIN:
		case err != nil:
			return 0, r.link.fail("read", err)
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// Close ends the iteration.
func (r *iterReader) Close() error { return r.fd.Close() }

// autoIter attaches SEC("iter/kind") without parameters.
func (p *Program) autoIter() (*Link, error) { return p.AttachIter(nil) }
