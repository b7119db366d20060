package perfbuf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"github.com/purebpf/bpf"
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
	fd     *sys.FD
	memory []byte
	inMap  bool
}

// openEvent opens the perf event of a CPU and maps its ring.
func openEvent(cpu, pages, wakeup int) (*event, error) {
	attr := sys.PerfEventAttr{
		Type: sys.PerfTypeSoftware, Config: sys.PerfCountSWBPFOutput, SampleType: sys.PerfSampleRaw, Sample: 1, Wakeup: uint32(wakeup),
	}
	fd, err := sys.PerfEventOpen(&attr, -1, cpu, -1, 0)
	if err != nil {
		return nil, fmt.Errorf("open perf event: %w", err)
	}
	e := &event{fd: fd}
	page := os.Getpagesize()
	if e.memory, err = sys.Mmap(fd.Int(), 0, (pages+1)*page, sys.ProtRead|sys.ProtWrite, sys.MapShared); err != nil {
		e.close()
		return nil, fmt.Errorf("map %d pages: %w", pages+1, err)
	}
	head, tail := (*uint64)(unsafe.Pointer(&e.memory[offsetHead])), (*uint64)(unsafe.Pointer(&e.memory[offsetTail]))
	if e.ring, err = newRing(head, tail, e.memory[page:], cpu); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *event) close() error { return errors.Join(sys.Munmap(e.memory), e.fd.Close()) }

// events is the source of a Reader's stream. Who claimed the stream may read the list; changing it, and reading it otherwise, takes the
// lock.
type events struct {
	m *bpf.Map // in which programs find them

	mu   sync.Mutex
	list []*event
}

// add enables an event, which it owns from then on, and puts it into the map.
func (s *events) add(e *event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, e)
	if err := sys.PerfEventEnable(e.fd.Int()); err != nil {
		return fmt.Errorf("enable perf event: %w", err)
	}
	value := binary.NativeEndian.AppendUint32(nil, e.fd.Uint32())
	if err := s.m.Update(e.key(), value, bpf.UpdateAny); err != nil {
		return err
	}
	e.inMap = true
	return nil
}

func (e *event) key() []byte { return binary.NativeEndian.AppendUint32(nil, uint32(e.cpu)) }

// leaveMap takes the events out of the map and closes it. A second time it does nothing.
func (s *events) leaveMap() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.list {
		if e.inMap {
			s.m.Delete(e.key()) // it may have been replaced or deleted by others
			e.inMap = false
		}
	}
	return s.m.Close()
}

// Ready reports whether any event has a record to take.
func (s *events) Ready() bool {
	for _, e := range s.list {
		if e.ready() {
			return true
		}
	}
	return false
}

// Drain consumes what is there, CPU after CPU.
func (s *events) Drain(limit int, fn func(Record) error) (n int, err error) {
	for i := 0; i < len(s.list) && err == nil && n < limit; i++ {
		var k int
		k, err = s.list[i].consume(limit-n, fn)
		n += k
	}
	return n, err
}

// Release unmaps and closes all events.
func (s *events) Release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, e := range s.list {
		errs = append(errs, e.close())
	}
	s.list = nil
	return errors.Join(errs...)
}

func (s *events) cpus() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []int
	for _, e := range s.list {
		list = append(list, e.cpu)
	}
	return list
}
