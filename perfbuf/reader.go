package perfbuf

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/hotplug"
	"github.com/purebpf/bpf/internal/stream"
	"github.com/purebpf/bpf/uapi"
)

// Record is one record of a perf buffer: a sample, or a count of lost samples.
type Record struct {
	// Data is a view, valid until the function or loop body that received it returns. It includes
	// the kernel's padding (up to 7 bytes).
	Data []byte
	CPU  int
	// Lost is the number of samples lost since the previous record because there was no room; Data
	// is then nil.
	Lost uint64
}

// Options changes how a perf buffer is set up. With nil or the zero value the defaults apply.
type Options struct {
	Pages  int // data pages for each CPU, a power of two; 0 means 64
	Wakeup int // number of records after which the reader is woken; 0 means 1
	// Watermark is the number of bytes after which the reader is woken, instead of Wakeup
	Watermark int
	// CPUs to read, which must be online; nil means every CPU that is online now or later and for
	// which the map has room
	CPUs []int
}

// Reader reads the perf buffers of all CPUs (libbpf struct perf_buffer). One goroutine reads at a
// time; others may call Close and SetDeadline.
type Reader struct {
	stream *stream.Stream
	events events
	watch  *hotplug.Watch
}

// CPUError reports that a CPU came online, for the first time or again, and that its records cannot
// be read: they are lost. A Reader returns it once from Consume, Poll or the loop over Records, and
// later calls continue with the other CPUs; when CPUs change again the Reader tries again.
type CPUError struct {
	Map string
	CPU int
	Err error
}

// Error names the CPU, the map and the cause.
func (e *CPUError) Error() string {
	return fmt.Sprintf("perfbuf: map %s: CPU %d came online, its records are lost: %v",
		e.Map, e.CPU, e.Err)
}

// Unwrap returns why the records cannot be read.
func (e *CPUError) Unwrap() error { return e.Err }

// ErrBusy reports that another goroutine is reading.
var ErrBusy = errors.New("perfbuf: another goroutine is reading")

// NewReader opens a perf event on each CPU, maps its buffer and stores the event in the map, where
// programs find it (libbpf perf_buffer__new). The map may be closed afterwards. It needs
// CAP_PERFMON; large buffers count against kernel.perf_event_mlock_kb unless the process has
// CAP_IPC_LOCK. The error is EINVAL if the map is of another type or Pages is not a power of two.
// The caller closes the Reader.
//
// CPUs may go offline and come online: a goroutine, which otherwise sleeps, opens events for those
// that come online later or again (see CPUError). It needs the same privileges.
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
	wakeup := opts.Wakeup
	if wakeup == 0 {
		wakeup = 1
	}
	switch {
	case wakeup < 0 || wakeup > math.MaxInt32:
		return nil, fmt.Errorf("a wake-up for every %d records: %w", wakeup, syscall.EINVAL)
	case opts.Watermark < 0 || opts.Watermark > math.MaxInt32:
		return nil, fmt.Errorf("a wake-up for every %d bytes: %w", opts.Watermark, syscall.EINVAL)
	case opts.Watermark > 0 && opts.Wakeup != 0:
		return nil, fmt.Errorf("options Wakeup and Watermark exclude each other: %w",
			syscall.EINVAL)
	}
	return openReader(m, &events{
		cpus: opts.CPUs, setup: setup{attr: output(wakeup, opts.Watermark), pages: opts.Pages},
	})
}

// openReader opens the events on all CPUs that are to be read, each with that many pages.
func openReader(m *bpf.Map, e *events) (*Reader, error) {
	if e.pages == 0 {
		e.pages = 64
	}
	switch pages := e.pages; {
	case m.Type() != uapi.MapPerfEventArray:
		return nil, fmt.Errorf("it is of type %v, not %v: %w",
			m.Type(), uapi.MapPerfEventArray, syscall.EINVAL)
	case pages < 0 || pages&(pages-1) != 0 || pages > math.MaxInt32/os.Getpagesize():
		return nil, fmt.Errorf("%d pages are not a power of two, or too many: %w",
			pages, syscall.EINVAL)
	}
	for i, cpu := range e.cpus {
		if cpu < 0 || cpu > math.MaxInt32 || slices.Contains(e.cpus[:i], cpu) {
			return nil, fmt.Errorf("CPU %d is none, or named twice: %w", cpu, syscall.EINVAL)
		}
	}
	own, err := m.Clone() // to remove the events from the map later
	if err != nil {
		return nil, err
	}
	r := &Reader{}
	r.events.m, r.events.cpus, r.events.keys, r.events.setup = own, e.cpus, e.keys, e.setup
	if r.stream, err = stream.New("perfbuf", ErrBusy, &r.events); err != nil {
		own.Close()
		return nil, err
	}
	r.events.stream = r.stream
	// The watch starts first, so that it sees every CPU that comes online meanwhile.
	if r.watch, err = hotplug.New(r.events.refresh); err == nil {
		err = r.events.start()
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// life returns the stream, nil for a Reader that NewReader did not make.
func (r *Reader) life() *stream.Stream {
	if r == nil {
		return nil
	}
	return r.stream
}

// Close removes the events from the map and ends reading: a waiting goroutine returns with
// ErrClosed. It may be called from a function or loop body that received a record, which stays
// valid until that function or body returns. A second Close does nothing.
func (r *Reader) Close() error {
	if r.life() == nil {
		return r.life().Close()
	}
	return errors.Join(r.watch.Close(), r.events.leaveMap(), r.stream.Close())
}

// CPUs returns the CPUs whose records are read, including those that are offline now.
func (r *Reader) CPUs() []int {
	if r == nil {
		return nil
	}
	return r.events.numbers()
}

// SetDeadline sets when waiting, current or future, ends with os.ErrDeadlineExceeded; the zero time
// means never.
func (r *Reader) SetDeadline(t time.Time) error { return r.life().SetDeadline(t) }

// Consume calls fn for every record that is available now, CPU by CPU, without waiting, and returns
// their number (libbpf perf_buffer__consume). If fn returns an error, that record counts as
// consumed and Consume returns the error.
func (r *Reader) Consume(fn func(Record) error) (int, error) {
	if err := r.life().Enter(); err != nil {
		return 0, err
	}
	defer r.life().Leave()
	return r.events.Drain(math.MaxInt, fn)
}

// ConsumeCPU is Consume for the records of one CPU (libbpf perf_buffer__consume_buffer).
// ErrNotExist if that CPU isn't read.
func (r *Reader) ConsumeCPU(cpu int, fn func(Record) error) (int, error) {
	if err := r.life().Enter(); err != nil {
		return 0, err
	}
	defer r.life().Leave()
	e, err := r.events.of(cpu)
	if err != nil {
		return 0, err
	}
	return e.consume(math.MaxInt, fn)
}

// FD returns the descriptor of a CPU's perf event (libbpf perf_buffer__buffer_fd), -1 if that CPU
// isn't read or the reader is closed. It belongs to the reader. Don't poll it: the kernel reports
// each wake-up only once, and the Go runtime's poller takes it.
func (r *Reader) FD(cpu int) int {
	if r.life().Closed() {
		return -1
	}
	e, err := r.events.of(cpu)
	if err != nil {
		return -1
	}
	return e.fd.Int()
}

// Memory returns a CPU's ring as it is mapped: the control page (struct perf_event_mmap_page) and
// the data (libbpf perf_buffer__buffer). It is nil if that CPU isn't read, and must not be used
// after Close.
func (r *Reader) Memory(cpu int) []byte {
	if r.life().Closed() {
		return nil
	}
	e, err := r.events.of(cpu)
	if err != nil {
		return nil
	}
	return e.memory
}

// Wait returns when there is a record to read. It waits in the Go runtime's poller. The error is
// that of ctx, os.ErrDeadlineExceeded or bpf.ErrClosed. With Options.Wakeup above 1 the last
// records of a burst may be in the ring without a wake-up: call Consume from time to time.
func (r *Reader) Wait(ctx context.Context) error { return r.life().Wait(ctx) }

// Poll waits for a record and then calls fn for every available one: Wait and Consume (libbpf
// perf_buffer__poll).
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
		_, loop.Err = r.events.Drain(math.MaxInt, func(record Record) error {
			return loop.Step(fn(record))
		})
	}
	return nil
}

// Err returns why the last loop over Records ended by itself, nil if its body ended it.
func (r *Reader) Err() error { return r.life().Err() }
