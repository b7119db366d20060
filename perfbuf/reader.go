package perfbuf

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/poller"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Record is one record of a perf buffer: a sample, or a count of lost ones.
type Record struct {
	Data []byte // a view, valid until the function or loop body that got it returns; the kernel's padding (up to 7 bytes) is part of it
	CPU  int
	Lost uint64 // samples lost since the record before, for want of room; Data is nil then
}

// Options changes how a perf buffer is set up. The zero value, or a nil pointer, asks for the defaults.
type Options struct {
	Pages  int   // data pages for each CPU, a power of two; 0 is 64
	Wakeup int   // wake the reader for every so many records; 0 is 1
	CPUs   []int // whose records to read; nil is every online CPU that the map has room for
}

// Reader reads the perf buffers of all CPUs (libbpf struct perf_buffer). One goroutine reads at a time; Close and SetDeadline may be
// called from others.
type Reader struct {
	m      *bpf.Map
	rings  []*event
	poller *poller.Poller

	mu      sync.Mutex
	reading bool
	closed  bool
	err     error
}

// event is the perf event of one CPU.
type event struct {
	*ring
	fd     *sys.FD
	memory []byte
	inMap  bool
}

// Offsets in the control page (struct perf_event_mmap_page).
const (
	offsetHead = 1024
	offsetTail = 1032
)

// NewReader opens a perf event on each CPU, maps its buffer and puts it into the map, where programs find it (libbpf perf_buffer__new).
// The map may be closed afterwards. Needs CAP_PERFMON; large buffers count against kernel.perf_event_mlock_kb unless the process has
// CAP_IPC_LOCK. EINVAL if the map is of another type or Pages no power of two. The caller closes the Reader.
func NewReader(m *bpf.Map, opts *Options) (*Reader, error) {
	if m == nil {
		return nil, fmt.Errorf("perfbuf: there is no such map in the object: %w", bpf.ErrNotExist)
	}
	if opts == nil {
		opts = &Options{}
	}
	r, err := newReader(m, opts)
	if err != nil {
		return nil, fmt.Errorf("perfbuf: read map %s: %w", m.Name(), err)
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
		return nil, fmt.Errorf("it is of type %v, not %v: %w", m.Type(), uapi.MapPerfEventArray, syscall.EINVAL)
	case pages < 0 || pages&(pages-1) != 0 || pages > math.MaxInt32/os.Getpagesize():
		return nil, fmt.Errorf("%d pages are no power of two, or too many: %w", pages, syscall.EINVAL)
	case wakeup < 0 || wakeup > math.MaxInt32:
		return nil, fmt.Errorf("a wake-up for every %d records: %w", wakeup, syscall.EINVAL)
	}
	cpus := opts.CPUs
	if cpus == nil {
		online, err := kernel.Running().OnlineCPUs()
		if err != nil {
			return nil, err
		}
		for _, cpu := range online {
			if uint32(cpu) < m.MaxEntries() {
				cpus = append(cpus, cpu)
			}
		}
	}
	own, err := m.Clone() // to take the events out of the map again
	if err != nil {
		return nil, err
	}
	r := &Reader{m: own}
	if r.poller, err = poller.New(r.ready); err != nil {
		own.Close()
		return nil, err
	}
	for _, cpu := range cpus {
		if err := r.add(cpu, pages, wakeup); err != nil {
			r.Close()
			return nil, fmt.Errorf("CPU %d: %w", cpu, err)
		}
	}
	return r, nil
}

// add opens the perf event of one CPU.
func (r *Reader) add(cpu, pages, wakeup int) error {
	attr := sys.PerfEventAttr{
		Type: sys.PerfTypeSoftware, Config: sys.PerfCountSWBPFOutput, SampleType: sys.PerfSampleRaw, Sample: 1, Wakeup: uint32(wakeup),
	}
	fd, err := sys.PerfEventOpen(&attr, -1, cpu, -1, 0)
	if err != nil {
		return fmt.Errorf("open perf event: %w", err)
	}
	e := &event{fd: fd}
	r.rings = append(r.rings, e)
	page := os.Getpagesize()
	if e.memory, err = sys.Mmap(fd.Int(), 0, (pages+1)*page, sys.ProtRead|sys.ProtWrite, sys.MapShared); err != nil {
		return fmt.Errorf("map %d pages: %w", pages+1, err)
	}
	head, tail := (*uint64)(unsafe.Pointer(&e.memory[offsetHead])), (*uint64)(unsafe.Pointer(&e.memory[offsetTail]))
	if e.ring, err = newRing(head, tail, e.memory[page:], cpu); err != nil {
		return err
	}
	if err := r.poller.Add(fd.Int()); err != nil {
		return err
	}
	if err := sys.PerfEventEnable(fd.Int()); err != nil {
		return fmt.Errorf("enable perf event: %w", err)
	}
	key, value := binary.NativeEndian.AppendUint32(nil, uint32(cpu)), binary.NativeEndian.AppendUint32(nil, fd.Uint32())
	if err := r.m.Update(key, value, bpf.UpdateAny); err != nil {
		return err
	}
	e.inMap = true
	return nil
}

// ErrBusy means that another goroutine is reading.
var ErrBusy = errors.New("perfbuf: another goroutine is reading")

// enter claims the reader for the calling goroutine.
func (r *Reader) enter() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return fmt.Errorf("perfbuf: %w", bpf.ErrClosed)
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
		r.release()
	}
}

// Close takes the events out of the map and ends reading: a goroutine that waits returns with ErrClosed. It may be called from a
// function or loop body that was handed a record, which stays valid until it returns. A second Close does nothing.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	err := r.poller.Close()
	for _, e := range r.rings {
		if e.inMap {
			r.m.Delete(binary.NativeEndian.AppendUint32(nil, uint32(e.cpu))) // it may have been replaced or deleted by others
		}
	}
	err = errors.Join(err, r.m.Close())
	if !r.reading {
		err = errors.Join(err, r.release())
	}
	return err
}

func (r *Reader) release() error {
	var errs []error
	for _, e := range r.rings {
		errs = append(errs, sys.Munmap(e.memory), e.fd.Close())
	}
	r.rings = nil
	return errors.Join(errs...)
}

// CPUs lists the CPUs whose records are read.
func (r *Reader) CPUs() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []int
	for _, e := range r.rings {
		list = append(list, e.cpu)
	}
	return list
}

// SetDeadline sets when waiting ends with os.ErrDeadlineExceeded, now or later; the zero time means never.
func (r *Reader) SetDeadline(t time.Time) error { return r.poller.SetDeadline(t) }

// Consume hands fn every record that is there now, CPU after CPU, without waiting, and returns how many (libbpf perf_buffer__consume).
// If fn returns an error, that record counts as consumed and Consume returns the error.
func (r *Reader) Consume(fn func(Record) error) (int, error) {
	if err := r.enter(); err != nil {
		return 0, err
	}
	defer r.leave()
	var failed error
	n, _, err := r.drain(func(record Record) bool {
		failed = fn(record)
		return failed == nil
	})
	if failed != nil {
		err = failed
	}
	return n, err
}

func (r *Reader) drain(fn func(Record) bool) (n int, more bool, err error) {
	for _, e := range r.rings {
		var k int
		k, more, err = e.consume(math.MaxInt, fn)
		n += k
		if err != nil || !more {
			return n, more, err
		}
	}
	return n, true, nil
}

func (r *Reader) ready() bool {
	for _, e := range r.rings {
		if e.ready() {
			return true
		}
	}
	return false
}

// Wait returns when there is a record. It waits in the Go runtime's poller. Errors: that of ctx, os.ErrDeadlineExceeded, bpf.ErrClosed.
// With Options.Wakeup above 1 the last records of a burst may lie there unannounced: call Consume from time to time.
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
			err = fmt.Errorf("perfbuf: %w", err)
		}
		return err
	}
	return nil
}

// Poll waits for a record and then hands fn every one that is there: Wait and Consume (libbpf perf_buffer__poll).
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
		_, more, err := r.drain(func(record Record) bool {
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
			return fmt.Errorf("perfbuf: %w", bpf.ErrClosed)
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
