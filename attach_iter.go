package bpf

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// IterOptions says what an iterator walks. Only one group may be set. Without options an iterator
// walks everything of its kind; some kinds need a map or an order. Options of another kind are
// refused.
type IterOptions struct {
	// Map is the map that SEC("iter/bpf_map_elem"), SEC("iter/bpf_sk_storage_map") and
	// SEC("iter/sockmap") walk.
	Map *Map
	// SEC("iter/cgroup") (6.1) starts at Cgroup, a directory of the cgroup2 file system, or at the
	// cgroup with CgroupID, or at the root if neither is set. It walks in Order, or
	// uapi.CgroupIterDescendantsPre if that is 0.
	Cgroup   string
	CgroupID uint64
	Order    uapi.CgroupIterOrder
	// TID, PID or PIDFD, only one of them, limits SEC("iter/task"), SEC("iter/task_file") and
	// SEC("iter/task_vma") to a thread or a process (6.1). Kernels from 6.1 to at least 6.18 never
	// end a walk of task_vma by TID that takes several reads: they repeat the last areas.
	TID, PID, PIDFD uint32
}

// AttachIter attaches an iterator program (libbpf bpf_program__attach_iter; 5.8). Link.Iterate runs
// it.
func (p *Program) AttachIter(opts *IterOptions) (*Link, error) {
	p = p.orNone()
	to := "iterator " + p.attachTarget
	if p.attachTarget == "" {
		to = "the iterator it was loaded for"
	}
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	if err := p.requireType("an iterator", uapi.ProgTracing); err != nil {
		return nil, p.attachFail(to, err)
	}
	if p.obj != nil && p.expected != uapi.AttachTraceIter {
		return nil, p.attachFail(to,
			fmt.Errorf("the program was not loaded with attach type trace_iter, that of "+
				"SEC(\"iter/...\"): %w",
				syscall.EINVAL))
	}
	_, kind := probe.SplitModule(p.attachTarget)
	if err := opts.check(kind); err != nil {
		return nil, p.attachFail(to, err)
	}
	a := sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), AttachType: uapi.AttachTraceIter}
	info, done, err := opts.info(kind == "cgroup")
	defer done()
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	if info != nil {
		a.Detail = &sys.LinkIter{Info: sys.Slice(info), Len: uint32(len(info))}
	}
	fd, err := sys.LinkCreate(&a)
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	return p.newLink(to, fd), nil
}

// iterTakes says which options an iterator has. The kernel ignores options of other iterators, or
// takes one for another.
var iterTakes = [...]struct {
	what    string
	set     func(o *IterOptions) bool
	targets []string
}{
	{"a map", func(o *IterOptions) bool {
		return o.Map != nil
	}, []string{"bpf_map_elem", "bpf_sk_storage_map", "sockmap"}},
	{"a cgroup or an order", func(o *IterOptions) bool {
		return o.Cgroup != "" || o.CgroupID != 0 || o.Order != 0
	}, []string{"cgroup"}},
	{"a task", func(o *IterOptions) bool {
		return o.TID != 0 || o.PID != 0 || o.PIDFD != 0
	}, []string{"task", "task_file", "task_vma"}},
}

// check refuses options that target doesn't have. target is unknown if the program was opened by a
// pin or an id.
func (o *IterOptions) check(target string) error {
	if o == nil || target == "" {
		return nil
	}
	for _, t := range iterTakes {
		if t.set(o) && !slices.Contains(t.targets, target) {
			return fmt.Errorf("only iterators of %s take %s: %w",
				strings.Join(t.targets, ", "), t.what, syscall.EINVAL)
		}
	}
	return nil
}

// info encodes the options as union bpf_iter_link_info, nil if there are none. done releases the
// files that it refers to. A cgroup iterator always needs an order.
func (o *IterOptions) info(cgroup bool) (info []byte, done func(), err error) {
	done = func() {}
	if o == nil {
		o = &IterOptions{}
	}
	groups := 0
	put := func(words ...uint32) {
		groups++
		for _, w := range words {
			info = binary.NativeEndian.AppendUint32(info, w)
		}
	}
	if o.Map != nil {
		if _, err := o.Map.use(); err != nil {
			return nil, done, fmt.Errorf("map %s: %w", o.Map.name, err)
		}
		done = o.Map.release
		put(o.Map.fd.Uint32())
	}
	if o.TID != 0 || o.PID != 0 || o.PIDFD != 0 {
		put(o.TID, o.PID, o.PIDFD)
	}
	if o.Cgroup != "" && o.CgroupID != 0 {
		return nil, done, fmt.Errorf("both a directory and an id of a cgroup are given: %w",
			syscall.EINVAL)
	}
	if o.Cgroup != "" || o.CgroupID != 0 || o.Order != 0 || cgroup && groups == 0 {
		order, fd := o.Order, uint32(0)
		if order == 0 {
			order = uapi.CgroupIterDescendantsPre
		}
		if o.Cgroup != "" {
			dir, err := sys.OpenFile(o.Cgroup) // never 0, which would mean the root
			if err != nil {
				done()
				return nil, func() {}, err
			}
			before := done
			done = func() { dir.Close(); before() }
			fd = uint32(dir.Int())
		}
		put(uint32(order), fd)
		info = binary.NativeEndian.AppendUint64(info, o.CgroupID)
	}
	if groups > 1 {
		done()
		return nil, func() {},
			fmt.Errorf("options for a map, a cgroup and a task exclude each other: %w",
				syscall.EINVAL)
	}
	return info, done, nil
}

// Iterate runs an attached iterator and returns its output (libbpf bpf_iter_create and read; 5.8).
// Each call starts anew. The caller closes the reader.
func (l *Link) Iterate() (io.ReadCloser, error) {
	if err := l.kernelLink("iterate"); err != nil {
		return nil, err
	}
	raw, err := l.use()
	if err != nil {
		return nil, l.fail("iterate", err)
	}
	defer l.release()
	fd, err := sys.IterCreate(raw)
	if err != nil {
		return nil, l.fail("iterate", err)
	}
	return &iterReader{fd: fd, link: l}, nil
}

// iterReader reads the output of an iterator. The kernel returns EAGAIN when the program asks to
// run again later.
type iterReader struct {
	fd   *sys.FD
	link *Link
}

func (r *iterReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	fd, ok := r.fd.Hold()
	if !ok {
		return 0, r.link.fail("read", ErrClosed)
	}
	defer r.fd.Release()
	for {
		n, err := sys.Read(fd, p)
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
