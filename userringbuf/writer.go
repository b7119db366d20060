package userringbuf

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/poller"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Writer writes samples into one user ring buffer (libbpf struct user_ring_buffer). Its methods may
// be called from several goroutines.
type Writer struct {
	name   string
	poller *poller.Poller
	turn   chan struct{} // full while a goroutine waits in the poller
	need   int           // length in bytes of the sample for which it waits

	mu               sync.Mutex
	ring             *ring
	control, content []byte
	taken            uint64 // references to the memory: samples, and the waiting goroutine
	rooms            rooms  // taken under the lock

	closed atomic.Bool // changes under the lock
	given  atomic.Uint64
}

// errNoWriter returns the error of a Writer that NewWriter did not make.
func errNoWriter() error {
	return fmt.Errorf("userringbuf: there is no writer: %w", bpf.ErrNotExist)
}

// Options is for options of NewWriter. There are none yet, as in libbpf's user_ring_buffer_opts.
type Options struct{}

// NewWriter maps a user ring buffer for writing (libbpf user_ring_buffer__new). The map may be
// closed afterwards; the writer keeps the memory that it writes. Only one writer may write to a
// map: two would reserve the same room. opts may be nil. Kernel 6.1. The caller closes the Writer.
// The error is EINVAL if the map is of another type.
func NewWriter(m *bpf.Map, opts *Options) (*Writer, error) {
	if err := m.Err(); err != nil {
		return nil, err
	}
	w, err := newWriter(m)
	if err != nil {
		return nil, &bpf.Error{Op: "write to user ring buffer", Subject: m.Name(), Err: err}
	}
	return w, nil
}

func newWriter(m *bpf.Map) (*Writer, error) {
	if m.Type() != uapi.MapUserRingBuf {
		return nil, fmt.Errorf("it is of type %v, not %v: %w",
			m.Type(), uapi.MapUserRingBuf, syscall.EINVAL)
	}
	m, err := m.Clone() // the caller may close its map
	if err != nil {
		return nil, err
	}
	defer m.Close()
	page, size := os.Getpagesize(), uint64(m.MaxEntries())
	if size*2+uint64(page) > math.MaxInt {
		return nil, fmt.Errorf("%d bytes don't fit this machine's memory: %w", size, bpf.ErrTooBig)
	}
	w := &Writer{name: m.Name(), turn: make(chan struct{}, 1)}
	if w.control, err = sys.Mmap(m.FD(), 0, page, sys.ProtRead, sys.MapShared); err != nil {
		return nil, err
	}
	if w.content, err = sys.Mmap(m.FD(), int64(page), page+2*int(size), sys.ProtRead|sys.ProtWrite,
		sys.MapShared); err != nil {
		w.unmap()
		return nil, err
	}
	w.ring, err = newRing((*uintptr)(unsafe.Pointer(&w.control[0])),
		(*uintptr)(unsafe.Pointer(&w.content[0])), w.content[page:])
	if err != nil {
		w.unmap()
		return nil, err
	}
	if w.poller, err = poller.New(w.ready); err != nil {
		w.unmap()
		return nil, err
	}
	if err := w.poller.Add(m.FD(), poller.Out); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Reserve reserves a sample of size bytes, which may be 0, without waiting (libbpf
// user_ring_buffer__reserve). The error is ErrFull (ENOSPC) if there is no room now; bpf.ErrTooBig
// (E2BIG) if there never will be, because size plus 8 exceeds the ring, or size exceeds the 16 MiB
// less one byte that a program can receive; EINVAL if size is negative; bpf.ErrClosed; or a
// CorruptError. The caller submits or discards the sample. Reserve does not allocate.
func (w *Writer) Reserve(size int) (Sample, error) {
	if w == nil || w.ring == nil {
		return Sample{}, errNoWriter()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed.Load() {
		return Sample{}, w.fail(size, bpf.ErrClosed)
	}
	header, err := w.ring.reserve(size)
	if err != nil {
		return Sample{}, w.fail(size, err)
	}
	w.taken++
	r := w.rooms.take()
	if r == nil {
		r = &room{writer: w}
	}
	r.header, r.length = header, uint32(size)
	return Sample{Data: body(header, size), room: r, turn: r.turn.Load()}, nil
}

// fail adds to an error what could not be reserved, except to ErrFull, which is expected.
func (w *Writer) fail(size int, err error) error {
	if err == ErrFull {
		return err
	}
	e := &bpf.Error{Op: fmt.Sprintf("reserve %d bytes in map", size), Subject: w.name, Err: err}
	if err == syscall.E2BIG {
		e.Hint = fmt.Sprintf("a sample of this ring has at most %d", w.ring.max())
	}
	return e
}

// ReserveContext is Reserve that waits for room, in the Go runtime's poller, until a program drains
// the ring (libbpf user_ring_buffer__reserve_blocking). Several goroutines may wait; they get their
// room one after the other. The errors are those of Reserve except ErrFull, and that of ctx.
// Programs that drain with BPF_RB_NO_WAKEUP must ensure that something wakes the writer. The caller
// submits or discards the sample.
func (w *Writer) ReserveContext(ctx context.Context, size int) (Sample, error) {
	s, err := w.Reserve(size)
	if err != ErrFull {
		return s, err
	}
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-ctx.Done():
		return Sample{}, ctx.Err()
	}
	if !w.take() {
		return Sample{}, w.fail(size, bpf.ErrClosed)
	}
	defer w.give()
	w.need = size
	for {
		if s, err = w.Reserve(size); err != ErrFull {
			return s, err
		}
		if err := w.poller.Wait(ctx); errors.Is(err, os.ErrClosed) {
			return Sample{}, w.fail(size, bpf.ErrClosed)
		} else if err != nil {
			return Sample{}, err
		}
	}
}

// ready reports whether there is room for the waiting goroutine's sample, or whether it will get
// another error.
func (w *Writer) ready() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	free, _, err := w.ring.room()
	return free >= span(w.need) || err != nil
}

// Close ends writing: goroutines that wait for room return with ErrClosed. Reserved samples can
// still be filled, and must still be submitted or discarded; the memory is unmapped with the last
// of them (libbpf user_ring_buffer__free does not wait for them). A second Close does nothing.
func (w *Writer) Close() error {
	if w == nil || w.ring == nil {
		return errNoWriter()
	}
	if !w.shut() {
		return nil
	}
	// without the lock: it waits for the waiting goroutine, which takes the lock in ready
	err := w.poller.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(err, w.settle())
}

// shut refuses samples from now on; it returns false if that was done before.
func (w *Writer) shut() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.closed.Swap(true)
}

// take keeps the memory mapped until the matching call of give; it returns false after Close.
func (w *Writer) take() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed.Load() {
		return false
	}
	w.taken++
	return true
}

// give ends the effect of take or of a reserved sample. It takes the lock only after Close: Close
// stores that it was called before it counts, and give counts before it checks.
func (w *Writer) give() {
	w.given.Add(1)
	if w.closed.Load() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.settle()
	}
}

// settle unmaps the memory of a closed writer if nothing uses it any more.
func (w *Writer) settle() error {
	if w.given.Load() != w.taken {
		return nil
	}
	return w.unmap()
}

func (w *Writer) unmap() error {
	err := errors.Join(sys.Munmap(w.content), sys.Munmap(w.control))
	w.content, w.control = nil, nil
	return err
}
