package perfbuf

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"syscall"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/hotplug"
	"github.com/purebpf/bpf/internal/stream"
	"github.com/purebpf/bpf/uapi"
)

// Record is one record of a perf buffer: a sample, or a count of lost ones.
type Record struct {
	// a view, valid until the function or loop body that got it returns; the kernel's padding (up
	// to 7 bytes) is part of it
	Data []byte
	CPU  int
	Lost uint64 // samples lost since the record before, for want of room; Data is nil then
}

// Options changes how a perf buffer is set up. The zero value, or a nil pointer, asks for the
// defaults.
type Options struct {
	Pages  int // data pages for each CPU, a power of two; 0 is 64
	Wakeup int // wake the reader for every so many records; 0 is 1
	// whose records to read, all online; nil is every CPU that is or comes online and that the map
	// has room for
	CPUs []int
}

// Reader reads the perf buffers of all CPUs (libbpf struct perf_buffer). One goroutine reads at a
// time; Close and SetDeadline may be called from others.
type Reader struct {
	stream *stream.Stream
	events events
	watch  *hotplug.Watch
}

// CPUError means that a CPU came online, for the first time or again, and that its records can't be
// read: they are lost. A Reader returns it once from Consume, Poll or the loop over Records, and
// goes on with the other CPUs when it is asked for more; when CPUs go or come again it tries again.
type CPUError struct {
	Map string
	CPU int
	Err error
}

// Error says which CPU of which map it is, and why.
func (e *CPUError) Error() string {
	return fmt.Sprintf("perfbuf: map %s: CPU %d came online, its records are lost: %v",
		e.Map, e.CPU, e.Err)
}

// Unwrap returns why the records can't be read.
func (e *CPUError) Unwrap() error { return e.Err }

// ErrBusy means that another goroutine is reading.
var ErrBusy = errors.New("perfbuf: another goroutine is reading")

// NewReader opens a perf event on each CPU, maps its buffer and puts it into the map, where
// programs find it (libbpf perf_buffer__new). The map may be closed afterwards. Needs CAP_PERFMON;
// large buffers count against kernel.perf_event_mlock_kb unless the process has CAP_IPC_LOCK.
// EINVAL if the map is of another type or Pages no power of two. The caller closes the Reader.
//
// CPUs may go and come: a goroutine, which sleeps meanwhile, opens events for those that come
// online later or again (see CPUError). It needs the same privileges.
func NewReader(m *bpf.Map, opts *Options) (*Reader, error) {
	if err := m.Err(); err != nil {
		return nil, err
	}
	if opts == nil {
		opts = &Options{}
	}
	r, err := newReader(m, opts)
	if err != nil {
		return nil, &bpf.Error{Op: "read perf buffer", Subject: m.Name(), Err: err}
	}
	return r, nil
}

func newReader(m *bpf.Map, opts *Options) (*Reader, error) {
	pages, wakeup := opts.Pages, opts.Wakeup
	if pages == 0 {
		pages = 64
	}
	if wakeup == 0 {
		wakeup = 1
	}
	switch {
	case m.Type() != uapi.MapPerfEventArray:
		return nil, fmt.Errorf("it is of type %v, not %v: %w",
			m.Type(), uapi.MapPerfEventArray, syscall.EINVAL)
	case pages < 0 || pages&(pages-1) != 0 || pages > math.MaxInt32/os.Getpagesize():
		return nil, fmt.Errorf("%d pages are no power of two, or too many: %w",
			pages, syscall.EINVAL)
	case wakeup < 0 || wakeup > math.MaxInt32:
		return nil, fmt.Errorf("a wake-up for every %d records: %w", wakeup, syscall.EINVAL)
	}
	own, err := m.Clone() // to take the events out of the map again
	if err != nil {
		return nil, err
	}
	r := &Reader{events: events{m: own, cpus: opts.CPUs, pages: pages, wakeup: wakeup}}
	if r.stream, err = stream.New("perfbuf", ErrBusy, &r.events); err != nil {
		own.Close()
		return nil, err
	}
	r.events.stream = r.stream
	// Watched first, so that no CPU is missed that comes meanwhile.
	if r.watch, err = hotplug.New(r.events.refresh); err == nil {
		err = r.events.start()
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// life returns nil for a Reader that NewReader didn't make.
func (r *Reader) life() *stream.Stream {
	if r == nil {
		return nil
	}
	return r.stream
}

// Close takes the events out of the map and ends reading: a goroutine that waits returns with
// ErrClosed. It may be called from a function or loop body that was handed a record, which stays
// valid until it returns. A second Close does nothing.
func (r *Reader) Close() error {
	if r.life() == nil {
		return r.life().Close()
	}
	return errors.Join(r.watch.Close(), r.events.leaveMap(), r.stream.Close())
}

// CPUs lists the CPUs whose records are read; those that are offline now are among them.
func (r *Reader) CPUs() []int {
	if r == nil {
		return nil
	}
	return r.events.numbers()
}

// SetDeadline sets when waiting ends with os.ErrDeadlineExceeded, now or later; the zero time means
// never.
func (r *Reader) SetDeadline(t time.Time) error { return r.life().SetDeadline(t) }

// Consume hands fn every record that is there now, CPU after CPU, without waiting, and returns how
// many (libbpf perf_buffer__consume). If fn returns an error, that record counts as consumed and
// Consume returns the error.
func (r *Reader) Consume(fn func(Record) error) (int, error) {
	if err := r.life().Enter(); err != nil {
		return 0, err
	}
	defer r.life().Leave()
	return r.events.Drain(math.MaxInt, fn)
}

// Wait returns when there is a record. It waits in the Go runtime's poller. Errors: that of ctx,
// os.ErrDeadlineExceeded, bpf.ErrClosed. With Options.Wakeup above 1 the last records of a burst
// may lie there unannounced: call Consume from time to time.
func (r *Reader) Wait(ctx context.Context) error { return r.life().Wait(ctx) }

// Poll waits for a record and then hands fn every one that is there: Wait and Consume (libbpf
// perf_buffer__poll).
func (r *Reader) Poll(ctx context.Context, fn func(Record) error) (int, error) {
	if err := r.Wait(ctx); err != nil {
		return 0, err
	}
	return r.Consume(fn)
}

// Records yields records as they come and waits in between, until ctx is done, the deadline passes,
// the reader is closed or a ring is corrupt; Err then says which. Leaving the loop consumes the
// record it was at.
func (r *Reader) Records(ctx context.Context) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		loop := r.life().Loop(ctx)
		defer loop.End()
		for loop.Next() {
			_, loop.Err = r.events.Drain(math.MaxInt, func(record Record) error {
				return loop.Step(yield(record))
			})
		}
	}
}

// Err returns why the last loop over Records ended by itself, nil if its body left it.
func (r *Reader) Err() error { return r.life().Err() }
