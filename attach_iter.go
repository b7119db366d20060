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

// IterTarget is what an iterator walks: an IterMap, IterCgroup or IterTask. nil means everything;
// some kinds of iterators don't accept it.
type IterTarget interface {
	// takenBy returns the iterators that take the target, and what it is.
	takenBy() (kinds []string, what string)
	// info encodes the target as union bpf_iter_link_info. done releases the files that it refers
	// to.
	info() (info []byte, done func(), err error)
}

// IterMap is the map that SEC("iter/bpf_map_elem"), SEC("iter/bpf_sk_storage_map") and
// SEC("iter/sockmap") walk.
type IterMap struct{ Map *Map }

// IterCgroup is where SEC("iter/cgroup") (6.1) starts: at Path, a directory of the cgroup2 file
// system, or at the cgroup with that ID, or at the root if neither is set. It walks in Order; 0
// means uapi.CgroupIterDescendantsPre.
type IterCgroup struct {
	Path  string
	ID    uint64
	Order uapi.CgroupIterOrder
}

// IterTask limits SEC("iter/task"), SEC("iter/task_file") and SEC("iter/task_vma") to a thread or a
// process (6.1): one of the fields is set. Kernels from 6.1 to at least 6.18 never end a walk of
// task_vma by TID that takes several reads: they repeat the last areas.
type IterTask struct{ TID, PID, PIDFD uint32 }

// AttachIter attaches an iterator program (libbpf bpf_program__attach_iter; 5.8). Link.Iterate runs
// it.
func (p *Program) AttachIter(over IterTarget) (*Link, error) {
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
	if err := checkIterTarget(over, kind); err != nil {
		return nil, p.attachFail(to, err)
	}
	if over == nil && kind == "cgroup" { // it always needs an order
		over = IterCgroup{}
	}
	a := sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), AttachType: uapi.AttachTraceIter}
	if over != nil {
		info, done, err := over.info()
		if err != nil {
			return nil, p.attachFail(to, err)
		}
		defer done()
		a.Detail = &sys.LinkIter{Info: sys.Slice(info), Len: uint32(len(info))}
	}
	fd, err := sys.LinkCreate(&a)
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	return p.newLink(to, fd), nil
}

// checkIterTarget refuses a target of another kind of iterator, which the kernel would ignore or
// take for one of this kind. kind is unknown if the program was opened by a pin or an id.
func checkIterTarget(over IterTarget, kind string) error {
	if over == nil || kind == "" {
		return nil
	}
	if kinds, what := over.takenBy(); !slices.Contains(kinds, kind) {
		return fmt.Errorf("only iterators of %s take %s: %w",
			strings.Join(kinds, ", "), what, syscall.EINVAL)
	}
	return nil
}

func (IterMap) takenBy() ([]string, string) {
	return []string{"bpf_map_elem", "bpf_sk_storage_map", "sockmap"}, "a map"
}

func (t IterMap) info() ([]byte, func(), error) {
	fd, err := t.Map.use()
	if err != nil {
		return nil, nil, fmt.Errorf("map %s: %w", t.Map.Name(), err)
	}
	return binary.NativeEndian.AppendUint32(nil, uint32(fd)), t.Map.release, nil
}

func (IterCgroup) takenBy() ([]string, string) { return []string{"cgroup"}, "a cgroup" }

func (t IterCgroup) info() ([]byte, func(), error) {
	if t.Path != "" && t.ID != 0 {
		return nil, nil, fmt.Errorf("both a directory and an id of a cgroup are given: %w",
			syscall.EINVAL)
	}
	order, fd, done := t.Order, uint32(0), func() {}
	if order == 0 {
		order = uapi.CgroupIterDescendantsPre
	}
	if t.Path != "" {
		dir, err := sys.OpenFile(t.Path) // never 0, which would mean the root
		if err != nil {
			return nil, nil, err
		}
		fd, done = uint32(dir.Int()), func() { dir.Close() }
	}
	info := binary.NativeEndian.AppendUint32(nil, uint32(order))
	info = binary.NativeEndian.AppendUint32(info, fd)
	return binary.NativeEndian.AppendUint64(info, t.ID), done, nil
}

func (IterTask) takenBy() ([]string, string) {
	return []string{"task", "task_file", "task_vma"}, "a task"
}

func (t IterTask) info() ([]byte, func(), error) {
	var info []byte
	for _, id := range [...]uint32{t.TID, t.PID, t.PIDFD} {
		info = binary.NativeEndian.AppendUint32(info, id)
	}
	return info, func() {}, nil
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
