package bpf

import (
	"errors"
	"fmt"
	"sync"
	"syscall"

	"github.com/purebpf/bpf/internal/bpffs"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/internal/xdp"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Link is an attached program (libbpf struct bpf_link). Close detaches it, unless it is pinned or
// Disconnect was called. When the process ends, the kernel detaches every BPF link that is neither
// pinned nor held by another process. The methods are safe for concurrent use.
//
// Most links are kernel objects of their own (BPF links, 5.7 and newer). Two kinds of Link have no
// such object and can't be pinned, updated or inspected: a program attached to a perf event on an
// older kernel, and a struct_ops map of section .struct_ops. Such a map also stays attached if the
// process ends without closing its Link (inspect.UnregisterStructOps removes it).
type Link struct {
	name   string // of the program, or of the struct_ops map; "" if the link was opened otherwise
	what   string // for messages: "count_packets to lo"
	object string
	fd     *sys.FD       // nil if the attachment has no kernel link
	event  *probe.Event  // holds the attachment, and fd; nil if it is to no perf event
	cpus   *probe.CPUSet // the set that the event belongs to
	parts  Links         // an attachment to several places, without a kernel link of its own
	undo   func() error

	mu           sync.Mutex
	closed       bool
	disconnected bool
	pinPath      string
}

// newLink makes a Link of the descriptor of an attachment, and takes ownership of it.
func (p *Program) newLink(to string, fd *sys.FD) *Link {
	return &Link{name: p.name, what: p.name + " to " + to, object: p.ObjectName(), fd: fd}
}

// OpenLink opens the link that is pinned at path (libbpf bpf_link__open). The program stays
// attached while the link is pinned.
func OpenLink(path string) (*Link, error) {
	fd, err := bpffs.Open(path, bpffs.LinkKind)
	if err != nil {
		return nil, newError("open pinned link", about{"", path}, err)
	}
	return &Link{what: "at " + path, fd: fd, pinPath: path}, nil
}

// LinkFromID opens the link with that kernel id (libbpf bpf_link_get_fd_by_id; 5.8). Needs
// CAP_SYS_ADMIN.
func LinkFromID(id uint32) (*Link, error) {
	fd, err := sys.LinkFDByID(id)
	if err != nil {
		return nil, newError("open link", withID(id), err, kernel.CapSysAdmin)
	}
	return &Link{what: fmt.Sprintf("with id %d", id), fd: fd}, nil
}

// LinkFromFD returns a Link for a descriptor, which it duplicates: the caller still owns fd. EINVAL
// if fd isn't the descriptor of a link.
func LinkFromFD(fd int) (*Link, error) {
	own, err := bpffs.Dup(fd, bpffs.LinkKind)
	if err != nil {
		return nil, newError("open link", withFD(fd), err)
	}
	return &Link{what: fmt.Sprintf("of descriptor %d", fd), fd: own}, nil
}

// Name returns the name of the program, or of the struct_ops map, that is attached; "" for a link
// that was opened by pin or id.
func (l *Link) Name() string { return l.orNone().name }

// String returns the names of the program and its target.
func (l *Link) String() string { return printable.Text(l.orNone().what) }

// FD returns the descriptor of the link in the kernel, -1 if there is none.
func (l *Link) FD() int { return l.orNone().fd.Int() }

// Close detaches the program, unless the link is pinned or was disconnected (libbpf
// bpf_link__destroy). It waits until the kernel has done so, which may take tens of milliseconds.
func (l *Link) Close() error {
	if l.isNone() {
		return missing("close link", "link")
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	if l.disconnected {
		l.mu.Unlock()
		return nil
	}
	errs := []error{l.event.Close(l.pinPath != ""), l.fd.Close(), l.parts.Close()}
	if l.undo != nil {
		errs = append(errs, l.undo())
	}
	l.mu.Unlock()
	if l.cpus != nil { // unlocked, because the last one waits for a running renewal
		errs = append(errs, l.cpus.Leave())
	}
	if err := errors.Join(errs...); err != nil {
		return l.fail("detach", err)
	}
	return nil
}

func (l *Link) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// Disconnect makes Close leave the program attached until the process ends (libbpf
// bpf_link__disconnect).
func (l *Link) Disconnect() {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.disconnected = true
	l.mu.Unlock()
	for _, part := range l.parts {
		part.Disconnect()
	}
}

// Detach detaches the program now, for everybody, even if the link is pinned (BPF_LINK_DETACH,
// libbpf bpf_link__detach; 5.9). The link itself exists until it is closed and unpinned.
// ErrNotSupported for kinds of links that can't be detached.
func (l *Link) Detach() error {
	if err := l.kernelLink("detach"); err != nil {
		return err
	}
	fd, err := l.use()
	if err != nil {
		return l.fail("detach", err)
	}
	defer l.release()
	if err := sys.LinkDetach(fd); err != nil {
		return l.fail("detach", err)
	}
	return nil
}

// Update atomically replaces the attached program with p (BPF_LINK_UPDATE, libbpf
// bpf_link__update_program). EPERM if expected isn't nil and another program is attached; EINVAL or
// ErrNotSupported if links of this kind can't be updated; ENOLINK if the interface, cgroup or
// namespace is gone, or the link was detached.
func (l *Link) Update(p, expected *Program) error {
	if err := l.kernelLink("update"); err != nil {
		return err
	}
	fd, err := l.use()
	if err != nil {
		return l.fail("update", err)
	}
	defer l.release()
	if err := p.use(); err != nil {
		return l.fail("update", fmt.Errorf("program %s: %w", p.Name(), err))
	}
	defer p.release()
	defer held(expected.descriptor())()
	a := sys.LinkUpdateAttr{LinkFD: uint32(fd), New: p.fd.Uint32()}
	if expected != nil {
		if err := expected.checkReplaced(); err != nil {
			return l.fail("update", err)
		}
		a.Flags, a.Old = uapi.FReplace, expected.fd.Uint32()
	}
	err = sys.LinkUpdate(&a)
	if info, _ := sys.LinkInfoByFD(l.fd.Int()); err != nil && info != nil &&
		info.Type == uapi.LinkXDP {
		err = xdp.WithWords(err, func() error { return sys.LinkUpdate(&a) })
	}
	if err != nil {
		return l.fail("update", err)
	}
	return nil
}

// Info returns the kernel's information about the link (libbpf bpf_link_get_info_by_fd; 5.8).
func (l *Link) Info() (*linkinfo.Info, error) {
	if err := l.kernelLink("inspect"); err != nil {
		return nil, err
	}
	fd, err := l.use()
	if err != nil {
		return nil, l.fail("inspect", err)
	}
	defer l.release()
	info, err := linkinfo.Read(fd)
	if err != nil {
		return nil, l.fail("inspect", err)
	}
	return info, nil
}

// Pin pins the link at path on a BPF file system, which keeps the attachment after Close and the
// end of the process (libbpf bpf_link__pin). ErrExist if there is a file at path, EBUSY if it is
// pinned already.
func (l *Link) Pin(path string) error {
	if err := l.kernelLink("pin"); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pinPath != "" {
		return l.fail("pin", fmt.Errorf("already pinned at %s: %w", l.pinPath, syscall.EBUSY))
	}
	fd, err := l.use()
	if err != nil {
		return l.fail("pin", err)
	}
	defer l.release()
	if err := pin(fd, path); err != nil {
		return l.fail("pin", pinRefused(path, err))
	}
	l.pinPath = path
	return nil
}

// Unpin removes the link's pin (libbpf bpf_link__unpin). The program stays attached until Close.
func (l *Link) Unpin() error {
	if l.isNone() {
		return missing("unpin link", "link")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pinPath == "" {
		return l.fail("unpin", fmt.Errorf("not pinned: %w", syscall.EINVAL))
	}
	if err := bpffs.Unpin(l.pinPath); err != nil {
		return l.fail("unpin", fmt.Errorf("at %s: %w", l.pinPath, err))
	}
	l.pinPath = ""
	return nil
}

// PinPath returns the path of the link's pin, "" if there is none.
func (l *Link) PinPath() string {
	l = l.orNone()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pinPath
}

// kernelLink refuses operations that need a kernel link if there is none.
func (l *Link) kernelLink(op string) error {
	if l.isNone() {
		return missing(op+" link", "link")
	}
	if len(l.parts) > 0 {
		return l.fail(op, fmt.Errorf("the program is attached by %d links: %w",
			len(l.parts), ErrNotSupported))
	}
	if l.fd == nil {
		what := "the program is attached to a perf event"
		switch {
		case l.undo == nil && l.event == nil:
			return l.fail(op, errNothing("link"))
		case l.event == nil:
			what = "the map is registered"
		}
		return l.fail(op, fmt.Errorf("%s without a link: %w", what, ErrNotSupported))
	}
	return nil
}

func (l *Link) fail(op string, err error) error {
	return failed(&explain.Attempt{Op: explain.Link}, op+" link", about{l.object, l.what}, err)
}

// Links is a list of links.
type Links []*Link

// closeWorkers limits how many links are closed at once: each takes a thread that waits in the
// kernel.
const closeWorkers = 64

// Close closes all links concurrently, which takes little longer than closing one, and returns the
// errors joined.
func (ls Links) Close() error {
	if len(ls) == 0 {
		return nil
	}
	if len(ls) == 1 {
		return ls[0].Close()
	}
	errs := make([]error, len(ls))
	todo := make(chan int)
	var wg sync.WaitGroup
	for range min(len(ls), closeWorkers) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range todo {
				errs[i] = ls[i].Close()
			}
		}()
	}
	for i := range ls {
		todo <- i
	}
	close(todo)
	wg.Wait()
	return joinErrors(errs...)
}
