package perfbuf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/hint"
	"github.com/purebpf/bpf/internal/hotplug"
	"github.com/purebpf/bpf/internal/privilege"
	"github.com/purebpf/bpf/internal/stream"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

// Offsets in the control page (struct perf_event_mmap_page).
const (
	offsetHead = 1024
	offsetTail = 1032
)

// event is the perf event of one CPU.
type event struct {
	*ring
	fd     *sys.FD // owner of the ring
	again  *sys.FD // event that writes to the ring since the CPU was offline, nil before
	memory []byte
	key    uint32 // in the map
	inMap  bool
}

// setup says how events are opened.
type setup struct {
	attr      sys.PerfEventAttr
	pages     int
	overwrite bool // the kernel overwrites the oldest records
}

// output is an event that programs write to, and that wakes the reader after that many records or,
// if watermark is set, bytes.
func output(wakeup, watermark int) sys.PerfEventAttr {
	attr := sys.PerfEventAttr{
		Type: sys.PerfTypeSoftware, Config: sys.PerfCountSWBPFOutput, SampleType: sys.PerfSampleRaw,
		Sample: 1, Wakeup: uint32(wakeup), ReadFormat: sys.PerfFormatEnabled,
	}
	if watermark > 0 {
		attr.Bits |= sys.PerfBitWatermark.Mask()
		attr.Wakeup = uint32(watermark)
	}
	return attr
}

// openFD opens a perf event of a CPU.
func (s *setup) openFD(cpu int) (*sys.FD, error) {
	attr := s.attr
	fd, err := sys.PerfEventOpen(&attr, -1, cpu, -1, 0)
	if err != nil {
		err = fmt.Errorf("open perf event: %w", err)
		return nil, hint.Add(err, privilege.EventHint(err, kernel.CapPerfmon))
	}
	return fd, nil
}

// openEvent opens the perf event of a CPU and maps its ring.
func (s *setup) openEvent(cpu int) (*event, error) {
	fd, err := s.openFD(cpu)
	if err != nil {
		return nil, err
	}
	e := &event{fd: fd, key: uint32(cpu)}
	page, prot := os.Getpagesize(), sys.ProtRead|sys.ProtWrite
	if s.overwrite {
		prot = sys.ProtRead // which is how the kernel knows
	}
	if e.memory, err = sys.Mmap(fd.Int(), 0, (s.pages+1)*page, prot, sys.MapShared); err != nil {
		e.close()
		err = fmt.Errorf("map %d pages: %w", s.pages+1, err)
		if errors.Is(err, syscall.EPERM) {
			err = hint.Add(err, "beyond /proc/sys/kernel/perf_event_mlock_kb the buffers of all "+
				"CPUs count against RLIMIT_MEMLOCK (ulimit -l): use fewer pages, raise one of "+
				"them, or have CAP_IPC_LOCK")
		}
		return nil, err
	}
	head, tail := (*uint64)(unsafe.Pointer(&e.memory[offsetHead])),
		(*uint64)(unsafe.Pointer(&e.memory[offsetTail]))
	if e.ring, err = newRing(head, tail, e.memory[page:], cpu); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *event) close() error {
	return errors.Join(sys.Munmap(e.memory), e.again.Close(), e.fd.Close())
}

// live returns the event that programs write to.
func (e *event) live() *sys.FD {
	if e.again != nil {
		return e.again
	}
	return e.fd
}

// events is the source of a Reader's stream. Changes need the lock; the goroutine that has claimed
// the stream reads the latest list.
type events struct {
	m      *bpf.Map // where programs find the events
	stream *stream.Stream
	cpus   []int    // as requested; nil for all
	keys   []uint32 // of the map, for cpus; nil: the numbers of the CPUs
	setup

	mu      sync.Mutex
	list    atomic.Pointer[[]*event] // copied for each change
	trouble atomic.Pointer[error]    // error to report to the reader
}

func (s *events) all() []*event {
	if list := s.list.Load(); list != nil {
		return *list
	}
	return nil
}

// wanted returns the CPUs that are online and should be read.
func (s *events) wanted() ([]int, error) {
	online, err := kernel.Running().OnlineCPUs()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(online, func(cpu int) bool {
		if s.cpus != nil {
			return !slices.Contains(s.cpus, cpu)
		}
		return uint32(cpu) >= s.m.MaxEntries()
	}), nil
}

// start opens events for all CPUs.
func (s *events) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	cpus := s.cpus
	if cpus == nil {
		var err error
		if cpus, err = s.wanted(); err != nil {
			return err
		}
	}
	for _, cpu := range cpus {
		err := s.add(cpu)
		if s.cpus == nil && errors.Is(err, syscall.ENODEV) {
			continue // it went offline meanwhile
		}
		if err != nil {
			return fmt.Errorf("CPU %d: %w", cpu, err)
		}
	}
	return nil
}

// refresh opens events for CPUs that came online, for the first time or again, and records errors
// for the reader. Goroutines other than the reader's call it.
func (s *events) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	cpus, err := s.wanted()
	var errs []error
	if err != nil {
		errs = append(errs, &bpf.Error{
			Op: "read perf buffer", Subject: s.m.Name(),
			Err: fmt.Errorf("CPUs went offline or came online: %w", err),
		})
	}
	for _, cpu := range cpus {
		if err := s.serve(cpu); err != nil && !errors.Is(err, syscall.ENODEV) {
			errs = append(errs, &CPUError{Map: s.m.Name(), CPU: cpu, Err: err})
		}
	}
	if err := errors.Join(errs...); err != nil {
		s.trouble.Store(&err)
		s.stream.Wake()
	}
}

func (s *events) serve(cpu int) error {
	list := s.all()
	i := slices.IndexFunc(list, func(e *event) bool { return e.cpu == cpu })
	if i < 0 {
		return s.add(cpu)
	}
	if alive, err := hotplug.Alive(list[i].live()); alive || err != nil {
		return err
	}
	return s.renew(list[i])
}

// add opens the event of a CPU, enables it and stores it in the map.
func (s *events) add(cpu int) error {
	e, err := s.openEvent(cpu)
	if err != nil {
		return err
	}
	if s.keys != nil {
		e.key = s.keys[slices.Index(s.cpus, cpu)]
	}
	err = s.stream.Watch(e.fd.Int())
	if err == nil {
		err = s.enter(e, e.fd)
	}
	if err != nil {
		e.close()
		return err
	}
	list := append(slices.Clone(s.all()), e)
	s.list.Store(&list)
	return nil
}

// renew lets a new event write to the ring of a CPU that was offline. Records in the ring stay.
func (s *events) renew(e *event) error {
	fd, err := s.openFD(e.cpu)
	if err != nil {
		return err
	}
	if err = sys.PerfEventSetOutput(fd.Int(), e.fd.Int()); err != nil {
		err = fmt.Errorf("share the ring: %w", err)
	} else {
		err = s.enter(e, fd)
	}
	if err != nil {
		fd.Close()
		return err
	}
	e.again.Close()
	e.again = fd
	return nil
}

// enter enables an event and stores it in the map for e's CPU.
func (s *events) enter(e *event, fd *sys.FD) error {
	if err := sys.PerfEventEnable(fd.Int()); err != nil {
		return fmt.Errorf("enable perf event: %w", err)
	}
	value := binary.NativeEndian.AppendUint32(nil, fd.Uint32())
	if err := s.m.Update(e.keyBytes(), value, bpf.UpdateAny); err != nil {
		return err
	}
	e.inMap = true
	return nil
}

func (e *event) keyBytes() []byte { return binary.NativeEndian.AppendUint32(nil, e.key) }

// leaveMap removes the events from the map and closes the map. A second call does nothing.
func (s *events) leaveMap() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.all() {
		if e.inMap {
			s.m.Delete(e.keyBytes()) // others may have replaced or deleted it
			e.inMap = false
		}
	}
	return s.m.Close()
}

// Ready reports whether any event has a record to read, or there is an error to report.
func (s *events) Ready() bool {
	for _, e := range s.all() {
		if e.ready() {
			return true
		}
	}
	return s.trouble.Load() != nil
}

// Drain consumes the available records, CPU by CPU.
func (s *events) Drain(limit int, fn func(Record) error) (n int, err error) {
	if s.trouble.Load() != nil {
		return 0, *s.trouble.Swap(nil)
	}
	list := s.all()
	for i := 0; i < len(list) && err == nil && n < limit; i++ {
		var k int
		k, err = list[i].consume(limit-n, fn)
		n += k
	}
	return n, err
}

// Release unmaps and closes all events.
func (s *events) Release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, e := range s.all() {
		errs = append(errs, e.close())
	}
	s.list.Store(nil)
	return errors.Join(errs...)
}

// of returns the event of a CPU.
func (s *events) of(cpu int) (*event, error) {
	for _, e := range s.all() {
		if e.cpu == cpu {
			return e, nil
		}
	}
	return nil, fmt.Errorf("perfbuf: CPU %d is not read: %w", cpu, bpf.ErrNotExist)
}

func (s *events) numbers() []int {
	var list []int
	for _, e := range s.all() {
		list = append(list, e.cpu)
	}
	return list
}
