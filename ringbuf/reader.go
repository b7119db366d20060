package ringbuf

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"syscall"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/stream"
	"github.com/purebpf/bpf/uapi"
)

// Record is one record of a ring buffer.
type Record struct {
	// Data is a view into the ring, valid until the function or loop body that received it returns;
	// copy what you keep.
	Data []byte
	Ring int // index of the map, in the order given to NewReader and Add
}

// Reader reads one or more ring buffers (libbpf struct ring_buffer). One goroutine reads at a time;
// others may call Close, SetDeadline and Position.
type Reader struct {
	stream *stream.Stream
	rings  rings
}

// ErrBusy reports that another goroutine is reading.
var ErrBusy = errors.New("ringbuf: another goroutine is reading")

// Options is for options of NewReader. There are none yet, as in libbpf's ring_buffer_opts.
type Options struct{}

// NewReader maps a ring buffer and starts to watch it (libbpf ring_buffer__new); Add adds others.
// The map may be closed afterwards; a reader keeps the memory that it reads. Only one reader may
// read a map: two would consume each other's records. opts may be nil. Kernel 5.8. The caller
// closes the Reader. The error is EINVAL if the map is of another type.
func NewReader(m *bpf.Map, opts *Options) (*Reader, error) {
	r := new(Reader)
	var err error
	if r.stream, err = stream.New("ringbuf", ErrBusy, &r.rings); err != nil {
		return nil, &bpf.Error{Op: "make ring buffer reader", Err: err}
	}
	if err := r.Add(m); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Add adds a ring buffer to the reader (libbpf ring_buffer__add). It must not be called while
// another goroutine reads.
func (r *Reader) Add(m *bpf.Map) error {
	if err := m.Err(); err != nil {
		return err
	}
	name := m.Name()
	fail := func(err error) error {
		return &bpf.Error{Op: "read ring buffer", Subject: name, Err: err}
	}
	if m.Type() != uapi.MapRingBuf {
		return fail(fmt.Errorf("it is of type %v, not %v: %w",
			m.Type(), uapi.MapRingBuf, syscall.EINVAL))
	}
	if err := r.life().Enter(); err != nil {
		return err
	}
	defer r.stream.Leave()
	m, err := m.Clone() // the caller may close its map
	if err != nil {
		return fail(err)
	}
	ring, err := mapRing(m)
	if err != nil {
		m.Close()
		return fail(err)
	}
	if err := r.stream.Watch(m.FD()); err != nil {
		ring.unmap()
		return fail(err)
	}
	r.rings.add(ring)
	return nil
}

// life returns the stream, nil for a Reader that NewReader did not make.
func (r *Reader) life() *stream.Stream {
	if r == nil {
		return nil
	}
	return r.stream
}

// Close ends reading: a waiting goroutine returns with ErrClosed. It may be called from a function
// or loop body that received a record, whose view stays valid until that function or body returns.
// A second Close does nothing.
func (r *Reader) Close() error { return r.life().Close() }

// SetDeadline sets when waiting, current or future, ends with os.ErrDeadlineExceeded; the zero time
// means never.
func (r *Reader) SetDeadline(t time.Time) error { return r.life().SetDeadline(t) }

// Consume calls fn for every record that is available now, ring by ring, without waiting, and
// returns their number (libbpf ring_buffer__consume). If fn returns an error, that record counts as
// consumed and Consume returns the error. Discarded records are skipped and not counted; a record
// that its program has not submitted yet holds up its ring. Consume does not allocate.
func (r *Reader) Consume(fn func(Record) error) (int, error) { return r.ConsumeN(math.MaxInt, fn) }

// ConsumeN is Consume for at most max records over all rings (libbpf ring_buffer__consume_n).
func (r *Reader) ConsumeN(max int, fn func(Record) error) (int, error) {
	if max <= 0 {
		return 0, nil
	}
	if err := r.life().Enter(); err != nil {
		return 0, err
	}
	defer r.life().Leave()
	return r.rings.Drain(max, fn)
}

// ConsumeRing is ConsumeN for the records of one ring (libbpf ring__consume, ring__consume_n): the
// index counts maps in the order given to NewReader and Add. ErrNotExist if there is no such ring.
func (r *Reader) ConsumeRing(ring, max int, fn func(Record) error) (int, error) {
	if err := r.life().Enter(); err != nil {
		return 0, err
	}
	defer r.life().Leave()
	switch {
	case ring < 0 || ring >= len(r.rings.list):
		return 0, fmt.Errorf("ringbuf: there is no ring %d of %d: %w", ring, len(r.rings.list),
			bpf.ErrNotExist)
	case max <= 0:
		return 0, nil
	}
	return r.rings.list[ring].consume(max, fn)
}

// Map returns the map of a ring (libbpf ring__map_fd), nil if there is no such ring or the reader
// is closed. It belongs to the reader, which closes it.
func (r *Reader) Map(ring int) *bpf.Map {
	if r.life().Closed() {
		return nil
	}
	return r.rings.mapOf(ring)
}

// EpollFD returns a descriptor for an event loop that isn't Go's (libbpf ring_buffer__epoll_fd):
// poll reports it readable while there are records to consume. It is -1 after Close. It belongs to
// the reader; don't read from it or close it.
func (r *Reader) EpollFD() int { return r.life().EpollFD() }

// Wait returns when there is a record to read. It waits in the Go runtime's poller. The error is
// that of ctx, os.ErrDeadlineExceeded or bpf.ErrClosed. Programs that submit with BPF_RB_NO_WAKEUP
// must ensure that something wakes the reader.
func (r *Reader) Wait(ctx context.Context) error { return r.life().Wait(ctx) }

// Poll waits for a record and then calls fn for every available one: Wait and Consume (libbpf
// ring_buffer__poll).
func (r *Reader) Poll(ctx context.Context, fn func(Record) error) (int, error) {
	if err := r.Wait(ctx); err != nil {
		return 0, err
	}
	return r.Consume(fn)
}

// Records yields records as they arrive and waits in between, until ctx is done, the deadline
// passes, the reader is closed or a ring is corrupt; Err then returns the reason. Leaving the loop
// consumes the current record.
func (r *Reader) Records(ctx context.Context) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		r.each(ctx, yield)
	}
}

// each calls fn for records as they arrive until fn returns false, for which the error is nil.
func (r *Reader) each(ctx context.Context, fn func(Record) bool) (err error) {
	loop := r.life().Loop(ctx)
	defer func() { err = loop.End() }()
	for loop.Next() {
		_, loop.Err = r.rings.Drain(math.MaxInt, func(record Record) error {
			return loop.Step(fn(record))
		})
	}
	return nil
}

// Err returns why the last loop over Records ended by itself, nil if its body ended it.
func (r *Reader) Err() error { return r.life().Err() }

// Position is the position of a ring's two ends, in bytes since it was created (libbpf
// ring__consumer_pos, ring__producer_pos, ring__size).
type Position struct {
	Consumer uint64
	Producer uint64
	Size     uint64
}

// Available returns the number of bytes waiting to be read, including headers and discarded records
// (libbpf ring__avail_data_size).
func (p Position) Available() uint64 { return p.Producer - p.Consumer }

// Position returns the positions of a ring: the index counts maps in the order given to NewReader
// and Add. It is zero after Close.
func (r *Reader) Position(ring int) Position {
	if r.life().Closed() {
		return Position{}
	}
	return r.rings.position(ring)
}
