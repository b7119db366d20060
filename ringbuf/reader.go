package ringbuf

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/poller"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Record is one record of a ring buffer.
type Record struct {
	Data []byte // a view into the ring, valid until the function or loop body that got it returns; copy what is to be kept
	Ring int    // index of the map, in the order given to NewReader and Add
}

// Reader reads one or more ring buffers (libbpf struct ring_buffer). One goroutine reads at a time; Close, SetDeadline and the
// positions may be used from others.
type Reader struct {
	rings  []*mapped
	poller *poller.Poller

	mu      sync.Mutex
	reading bool
	closed  bool
	err     error
}

// mapped is a ring in a map's memory.
type mapped struct {
	*ring
	name             string
	control, content []byte
}

// NewReader maps the given ring buffers and starts to watch them (libbpf ring_buffer__new). The maps may be closed afterwards; a reader
// keeps what it reads from alive. Only one reader may read a map: two would consume each other's records. Kernel 5.8. The caller
// closes the Reader. EINVAL if a map is of another type.
func NewReader(maps ...*bpf.Map) (*Reader, error) {
	r := new(Reader)
	var err error
	if r.poller, err = poller.New(r.ready); err != nil {
		return nil, fmt.Errorf("ringbuf: %w", err)
	}
	for _, m := range maps {
		if err := r.Add(m); err != nil {
			r.Close()
			return nil, err
		}
	}
	return r, nil
}

// Add gives the reader one more ring buffer (libbpf ring_buffer__add). Not while another goroutine reads.
func (r *Reader) Add(m *bpf.Map) error {
	if m == nil {
		return fmt.Errorf("ringbuf: there is no such map in the object: %w", bpf.ErrNotExist)
	}
	fail := func(err error) error { return fmt.Errorf("ringbuf: read map %s: %w", m.Name(), err) }
	if m.Type() != uapi.MapRingBuf {
		return fail(fmt.Errorf("it is of type %v, not %v: %w", m.Type(), uapi.MapRingBuf, syscall.EINVAL))
	}
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	page, size := os.Getpagesize(), uint64(m.MaxEntries())
	if size*2+uint64(page) > math.MaxInt {
		return fail(fmt.Errorf("%d bytes don't fit this machine's memory: %w", size, bpf.ErrTooBig))
	}
	control, err := sys.Mmap(m.FD(), 0, page, sys.ProtRead|sys.ProtWrite, sys.MapShared)
	if err != nil {
		return fail(err)
	}
	content, err := sys.Mmap(m.FD(), int64(page), page+2*int(size), sys.ProtRead, sys.MapShared)
	if err != nil {
		sys.Munmap(control)
		return fail(err)
	}
	ring, err := newRing((*uintptr)(unsafe.Pointer(&control[0])), (*uintptr)(unsafe.Pointer(&content[0])), content[page:])
	if err == nil {
		err = r.poller.Add(m.FD())
	}
	if err != nil {
		sys.Munmap(content)
		sys.Munmap(control)
		return fail(err)
	}
	r.rings = append(r.rings, &mapped{ring: ring, name: m.Name(), control: control, content: content})
	return nil
}

// ErrBusy means that another goroutine is reading.
var ErrBusy = errors.New("ringbuf: another goroutine is reading")

// enter claims the reader for the calling goroutine.
func (r *Reader) enter() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return fmt.Errorf("ringbuf: %w", bpf.ErrClosed)
	case r.reading:
		return ErrBusy
	}
	r.reading = true
	return nil
}

func (r *Reader) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reading = false
	if r.closed {
		r.unmap()
	}
}

// Close ends reading: a goroutine that waits returns with ErrClosed. It may be called from a function or loop body that was handed a
// record, whose view stays valid until it returns. A second Close does nothing.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	err := r.poller.Close()
	if !r.reading {
		err = errors.Join(err, r.unmap())
	}
	return err
}

func (r *Reader) unmap() error {
	var errs []error
	for _, m := range r.rings {
		errs = append(errs, sys.Munmap(m.content), sys.Munmap(m.control))
	}
	r.rings = nil
	return errors.Join(errs...)
}

// SetDeadline sets when waiting ends with os.ErrDeadlineExceeded, now or later; the zero time means never.
func (r *Reader) SetDeadline(t time.Time) error {
	return r.poller.SetDeadline(t)
}

// Consume hands fn every record that is there now, ring after ring, without waiting, and returns how many (libbpf ring_buffer__consume).
// If fn returns an error, that record counts as consumed and Consume returns the error. Discarded records are skipped and not
// counted; a record that its program hasn't submitted yet holds up its ring. No allocation.
func (r *Reader) Consume(fn func(Record) error) (int, error) { return r.ConsumeN(math.MaxInt, fn) }

// ConsumeN is Consume for at most max records over all rings (libbpf ring_buffer__consume_n).
func (r *Reader) ConsumeN(max int, fn func(Record) error) (int, error) {
	if max <= 0 {
		return 0, nil
	}
	if err := r.enter(); err != nil {
		return 0, err
	}
	defer r.leave()
	var failed error
	n, _, err := r.drain(max, func(record Record) bool {
		failed = fn(record)
		return failed == nil
	})
	if failed != nil {
		err = failed
	}
	return n, err
}

// drain consumes what is there. more is false if fn said stop.
func (r *Reader) drain(limit int, fn func(Record) bool) (n int, more bool, err error) {
	more = true
	for i := 0; i < len(r.rings) && more && n < limit; i++ {
		var k int
		k, more, err = r.rings[i].consume(i, limit-n, fn)
		n += k
		if err != nil {
			return n, false, fmt.Errorf("map %s: %w", r.rings[i].name, err)
		}
	}
	return n, more, nil
}

// ready reports whether any ring has a record to take.
func (r *Reader) ready() bool {
	for _, m := range r.rings {
		if m.ready() {
			return true
		}
	}
	return false
}

// Wait returns when there is a record to take. It waits in the Go runtime's poller. Errors: that of ctx, os.ErrDeadlineExceeded,
// bpf.ErrClosed. Programs that submit with BPF_RB_NO_WAKEUP must see to it that somebody wakes the reader.
func (r *Reader) Wait(ctx context.Context) error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	return r.wait(ctx)
}

func (r *Reader) wait(ctx context.Context) error {
	if r.ready() {
		return nil
	}
	if err := r.poller.Wait(ctx); err != nil {
		if errors.Is(err, bpf.ErrClosed) {
			err = fmt.Errorf("ringbuf: %w", err)
		}
		return err
	}
	return nil
}

// Poll waits for a record and then hands fn every one that is there: Wait and Consume (libbpf ring_buffer__poll).
func (r *Reader) Poll(ctx context.Context, fn func(Record) error) (int, error) {
	if err := r.Wait(ctx); err != nil {
		return 0, err
	}
	return r.Consume(fn)
}

// Records yields records as they come and waits in between, until ctx is done, the deadline passes, the reader is closed or a ring is
// corrupt; Err then says which. Leaving the loop consumes the record it was at.
func (r *Reader) Records(ctx context.Context) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		err := r.enter()
		if err == nil {
			defer r.leave()
			err = r.each(ctx, yield)
		}
		r.mu.Lock()
		r.err = err
		r.mu.Unlock()
	}
}

func (r *Reader) each(ctx context.Context, yield func(Record) bool) error {
	done := ctx.Done()
	for {
		left := false
		_, more, err := r.drain(math.MaxInt, func(record Record) bool {
			if !yield(record) {
				left = true
				return false
			}
			select {
			case <-done:
				return false
			default:
				return !r.poller.Closed()
			}
		})
		switch {
		case err != nil:
			return err
		case left:
			return nil
		case !more && r.poller.Closed():
			return fmt.Errorf("ringbuf: %w", bpf.ErrClosed)
		case !more:
			return ctx.Err()
		}
		if err := r.wait(ctx); err != nil {
			return err
		}
	}
}

// Err returns why the last loop over Records ended by itself, nil if its body left it.
func (r *Reader) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Position is where a ring's two ends are, in bytes since it was made (libbpf ring__consumer_pos, ring__producer_pos, ring__size).
type Position struct {
	Consumer uint64
	Producer uint64
	Size     uint64
}

// Available is how many bytes wait to be read, headers and discarded records included (libbpf ring__avail_data_size).
func (p Position) Available() uint64 { return p.Producer - p.Consumer }

// Position says where a ring's ends are: the index counts maps in the order given to NewReader and Add. Zero after Close.
func (r *Reader) Position(ring int) Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ring < 0 || ring >= len(r.rings) || r.closed {
		return Position{}
	}
	m := r.rings[ring]
	return Position{
		Consumer: uint64(atomic.LoadUintptr(m.consumer)), Producer: uint64(atomic.LoadUintptr(m.producer)), Size: uint64(m.mask + 1),
	}
}
