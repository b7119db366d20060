package perfbuf

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/sys"
)

// RawRecord is a record of any kind, as the kernel wrote it.
type RawRecord struct {
	CPU  int
	Type uint32 // enum perf_event_type
	Misc uint16 // PERF_RECORD_MISC_*
	// Data is what follows struct perf_event_header. For a sample it has the fields that SampleType
	// of the event asks for, in the kernel's order. It is a view, valid until the function that
	// received it returns.
	Data []byte
}

// RawOptions sets up a RawReader.
type RawOptions struct {
	// Attr is the perf event that is opened on each CPU. Programs write to events of Type
	// sys.PerfTypeSoftware with Config sys.PerfCountSWBPFOutput and SampleType
	// sys.PerfSampleRaw, to which other bits may be added, such as sys.PerfSampleTime.
	Attr  sys.PerfEventAttr
	Pages int   // data pages for each CPU, a power of two; 0 means 64
	CPUs  []int // as in Options
	// Keys are the keys of the map under which the events of CPUs are stored, one for each; nil:
	// the numbers of the CPUs.
	Keys []uint32
	// Overwrite makes the kernel overwrite the oldest records when the ring is full; then Snapshot
	// is the only way to read (4.7). It sets sys.PerfBitWriteBackward.
	Overwrite bool
}

// RawReader reads perf events with attributes of the caller's choice. One goroutine reads at a
// time; others may call Close and SetDeadline.
type RawReader struct{ r *Reader }

// NewRawReader does the same as NewReader with other perf events (libbpf perf_buffer__new_raw). The
// caller closes the RawReader.
func NewRawReader(m *bpf.Map, opts *RawOptions) (*RawReader, error) {
	if err := m.Err(); err != nil {
		return nil, err
	}
	r, err := newRawReader(m, opts)
	if err != nil {
		return nil, &bpf.Error{Op: "read perf buffer", Subject: m.Name(), Err: err}
	}
	return &RawReader{r}, nil
}

func newRawReader(m *bpf.Map, opts *RawOptions) (*Reader, error) {
	switch {
	case opts == nil:
		return nil, fmt.Errorf("no perf event is described: %w", syscall.EINVAL)
	case opts.Attr.ReadFormat&^sys.PerfFormatEnabled != 0:
		return nil, fmt.Errorf("read format %#x of the event: the reader uses its own: %w",
			opts.Attr.ReadFormat, syscall.EINVAL)
	case opts.Keys != nil && (opts.CPUs == nil || len(opts.Keys) != len(opts.CPUs)):
		return nil, fmt.Errorf("%d keys for %d CPUs: %w", len(opts.Keys), len(opts.CPUs),
			syscall.EINVAL)
	}
	e := &events{cpus: slices.Clone(opts.CPUs), keys: slices.Clone(opts.Keys), setup: setup{
		attr: opts.Attr, pages: opts.Pages, overwrite: opts.Overwrite,
	}}
	// by which the reader notices that a CPU was offline
	e.attr.ReadFormat |= sys.PerfFormatEnabled
	if opts.Overwrite {
		e.attr.Bits |= sys.PerfBitWriteBackward.Mask()
	}
	return openReader(m, e)
}

// reader returns the reader whose events r has, nil for a RawReader that NewRawReader did not make.
func (r *RawReader) reader() *Reader {
	if r == nil {
		return nil
	}
	return r.r
}

// Close ends reading, as Reader.Close does.
func (r *RawReader) Close() error { return r.reader().Close() }

// CPUs returns the CPUs whose records are read.
func (r *RawReader) CPUs() []int { return r.reader().CPUs() }

// SetDeadline sets when waiting, current or future, ends with os.ErrDeadlineExceeded.
func (r *RawReader) SetDeadline(t time.Time) error { return r.reader().SetDeadline(t) }

// FD returns the descriptor of a CPU's perf event, as Reader.FD does.
func (r *RawReader) FD(cpu int) int { return r.reader().FD(cpu) }

// Memory returns a CPU's ring as it is mapped, as Reader.Memory does.
func (r *RawReader) Memory(cpu int) []byte { return r.reader().Memory(cpu) }

// Wait returns when there is a record to read, as Reader.Wait does. EINVAL with
// RawOptions.Overwrite, since nothing is consumed there.
func (r *RawReader) Wait(ctx context.Context) error {
	if err := r.consumable(); err != nil {
		return err
	}
	return r.reader().Wait(ctx)
}

// consumable returns an error if records can't be consumed.
func (r *RawReader) consumable() error {
	if r.reader() != nil && r.r.events.overwrite {
		return fmt.Errorf("perfbuf: the kernel overwrites the records; use Snapshot: %w",
			syscall.EINVAL)
	}
	return nil
}

// Consume calls fn for every record that is available now, CPU by CPU, without waiting, and returns
// their number. If fn returns an error, that record counts as consumed and Consume returns the
// error. EINVAL with RawOptions.Overwrite.
func (r *RawReader) Consume(fn func(RawRecord) error) (n int, err error) {
	if err := r.consumable(); err != nil {
		return 0, err
	}
	life := r.reader().life()
	if err := life.Enter(); err != nil {
		return 0, err
	}
	defer life.Leave()
	if trouble := r.r.events.trouble.Swap(nil); trouble != nil {
		return 0, *trouble
	}
	for _, e := range r.r.events.all() {
		k, err := e.consumeRaw(fn)
		if n += k; err != nil {
			return n, err
		}
	}
	return n, nil
}

// Poll waits for a record and then calls fn for every available one.
func (r *RawReader) Poll(ctx context.Context, fn func(RawRecord) error) (int, error) {
	if err := r.Wait(ctx); err != nil {
		return 0, err
	}
	return r.Consume(fn)
}

// Snapshot calls fn for the records that a CPU's ring has now, from the newest to the oldest that
// is whole, and returns their number. It needs RawOptions.Overwrite. The kernel writes nothing
// meanwhile: what programs send then is lost. If fn returns an error, Snapshot ends with it.
func (r *RawReader) Snapshot(cpu int, fn func(RawRecord) error) (n int, err error) {
	life := r.reader().life()
	if err := life.Enter(); err != nil {
		return 0, err
	}
	defer life.Leave()
	if !r.r.events.overwrite {
		return 0, fmt.Errorf("perfbuf: the kernel overwrites no records here; use Consume: %w",
			syscall.EINVAL)
	}
	e, err := r.r.events.of(cpu)
	if err != nil {
		return 0, err
	}
	fd := e.fd.Int() // owner of the ring
	if err := sys.PerfEventPauseOutput(fd, true); err != nil {
		return 0, fmt.Errorf("perfbuf: CPU %d: pause: %w", cpu, err)
	}
	defer func() {
		if resumed := sys.PerfEventPauseOutput(fd, false); resumed != nil {
			err = errors.Join(err, fmt.Errorf("perfbuf: CPU %d: resume: %w", cpu, resumed))
		}
	}()
	return e.newest(fn)
}

// at returns the header of the record at a position.
func (r *ring) at(pos uint64) *header {
	return (*header)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(r.data)),
		pos&uint64(len(r.data)-1)))
}

// raw returns the record at a position.
func (r *ring) raw(pos uint64, h *header) RawRecord {
	return RawRecord{CPU: r.cpu, Type: h.kind, Misc: h.misc,
		Data: r.body(pos&uint64(len(r.data)-1), int(h.size))}
}

// consumeRaw is consume for records of any kind.
func (r *ring) consumeRaw(fn func(RawRecord) error) (n int, err error) {
	defer r.store()
	head := atomic.LoadUint64(r.head)
	for head != r.pos {
		h := r.at(r.pos)
		size := uint64(h.size)
		if size < headerSize || size > min(head-r.pos, uint64(len(r.data))) || size%8 != 0 {
			return n, r.corrupt(h)
		}
		record := r.raw(r.pos, h)
		r.pos += size
		n++
		if err := fn(record); err != nil {
			return n, err
		}
		if n%batchRecords == 0 {
			r.store()
		}
	}
	return n, nil
}

// newest calls fn for the records of a ring that the kernel writes backward: the head is the newest
// record, and moves down. The kernel must not write meanwhile.
func (r *ring) newest(fn func(RawRecord) error) (n int, err error) {
	head, seen := atomic.LoadUint64(r.head), uint64(0)
	for seen < min(-head, uint64(len(r.data))) { // -head bytes were written
		h := r.at(head + seen)
		size := uint64(h.size)
		if seen+size > uint64(len(r.data)) {
			break // its end was overwritten
		}
		if size < headerSize || size%8 != 0 {
			return n, r.corrupt(h)
		}
		n++
		if err := fn(r.raw(head+seen, h)); err != nil {
			return n, err
		}
		seen += size
	}
	return n, nil
}
