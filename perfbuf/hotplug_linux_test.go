package perfbuf

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
)

// The oracle of these tests is the kernel: whether bpf_perf_event_output finds a working event for
// the CPU on which the program runs. The program counts failures.

// reaches waits until a program's records from the CPU reach the waiting reader.
func reaches(t *testing.T, obj *bpf.Object, r *Reader, cpu int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience(10*time.Second))
	defer cancel()
	// The reader notices the CPU by itself, a moment later: until then records fail.
	for before := failed(t, obj); ; before = failed(t, obj) {
		fill(t, obj, cpu, 7, 1, 0)
		if failed(t, obj) == before {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("CPU %d: the program can't write", cpu)
		}
	}
	got := 0
	for got == 0 {
		if _, err := r.Poll(ctx, func(rec Record) error {
			if rec.CPU == cpu && rec.Lost == 0 && binary.NativeEndian.Uint64(rec.Data) == 7 {
				got++
			}
			return nil
		}); err != nil {
			t.Fatalf("CPU %d: %v", cpu, err)
		}
	}
}

func TestReaderCPUReturns(t *testing.T) {
	for what, opts := range map[string]*Options{"all": nil, "named": {CPUs: []int{1}}} {
		t.Run(what, func(t *testing.T) {
			obj := loadPerf(t)
			testkit.SetCPU(t, 1, true)
			r := newTestReader(t, obj, opts)
			reaches(t, obj, r, 1)
			for range 3 {
				fill(t, obj, 1, 40, 3, 0) // read after the CPU is gone
				testkit.SetCPU(t, 1, false)
				var numbers []uint64
				n, err := r.Consume(func(rec Record) error {
					numbers = append(numbers, binary.NativeEndian.Uint64(rec.Data))
					return nil
				})
				if n != 3 || err != nil || !slices.Equal(numbers, []uint64{40, 41, 42}) {
					t.Errorf("of a CPU that went offline: %d %v %v", n, numbers, err)
				}
				if !slices.Contains(r.CPUs(), 1) {
					t.Error(r.CPUs())
				}
				testkit.SetCPU(t, 1, true)
				reaches(t, obj, r, 1)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			before := failed(t, obj)
			fill(t, obj, 1, 0, 1, 0)
			if failed(t, obj) != before+1 {
				t.Error("an event is left in the map")
			}
		})
	}
}

func TestReaderCPUComes(t *testing.T) {
	obj := loadPerf(t)
	testkit.SetCPU(t, 1, false)
	if r, err := NewReader(obj.Map("events"), &Options{CPUs: []int{1}}); !errors.Is(err,
		syscall.ENODEV) {
		t.Error(r, err)
	}
	r := newTestReader(t, obj, nil)
	if slices.Contains(r.CPUs(), 1) {
		t.Fatal(r.CPUs())
	}
	other := newTestReader(t, loadPerf(t), &Options{CPUs: []int{0}})
	testkit.SetCPU(t, 1, true)
	reaches(t, obj, r, 1)
	reaches(t, obj, r, 0)
	if !slices.Contains(r.CPUs(), 1) || !slices.Equal(other.CPUs(), []int{0}) {
		t.Error(r.CPUs(), other.CPUs())
	}
}

// TestReaderSuspend checks that a suspend takes CPUs offline, too, without uevents.
func TestReaderSuspend(t *testing.T) {
	obj := loadPerf(t)
	testkit.SetCPU(t, 1, true)
	r := newTestReader(t, obj, nil)
	reaches(t, obj, r, 1)
	testkit.Suspend(t)
	reaches(t, obj, r, 1)
	reaches(t, obj, r, 0)
}

// strict is the kernel for a process that gave up its privileges.
type strict struct {
	funnel.Kernel
	refuse atomic.Bool
}

func (s *strict) PerfEventOpen(a unsafe.Pointer, pid, cpu, group int,
	flags uint) (int, syscall.Errno) {
	if s.refuse.Load() {
		return -1, syscall.EACCES
	}
	return s.Kernel.PerfEventOpen(a, pid, cpu, group, flags)
}

// TestReaderCPULost checks that a reader that may not open the event of a new CPU gets an error
// while it waits, and continues to read.
func TestReaderCPULost(t *testing.T) {
	obj := loadPerf(t)
	testkit.SetCPU(t, 1, true)
	r := newTestReader(t, obj, nil)
	reaches(t, obj, r, 1)
	testkit.SetCPU(t, 1, false)
	kernel := &strict{}
	kernel.refuse.Store(true)
	defer funnel.Replace(kernel)()
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience(10*time.Second))
	defer cancel()
	told := make(chan error, 1)
	go func() {
		_, err := r.Poll(ctx, func(Record) error { return nil })
		told <- err
	}()
	testkit.SetCPU(t, 1, true)
	var lost *CPUError
	if err := <-told; !errors.As(err, &lost) || lost.CPU != 1 || !errors.Is(err, syscall.EACCES) {
		t.Fatal(err)
	}
	if n, err := r.Consume(func(Record) error { return nil }); n != 0 || err != nil {
		t.Error("a second time:", n, err)
	}
	reaches(t, obj, r, 0)
	kernel.refuse.Store(false)
	testkit.SetCPU(t, 1, false)
	testkit.SetCPU(t, 1, true)
	reaches(t, obj, r, 1)
}
