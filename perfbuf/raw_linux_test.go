package perfbuf

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
)

// sampled is the event of these tests, with more in its samples.
func sampled(more uint64) sys.PerfEventAttr {
	attr := output(1, 0)
	attr.SampleType |= more
	return attr
}

// TestBuffer reads the buffer of one CPU. The oracles are the program, which numbers its records,
// and the kernel, which wakes the reader when as many bytes as the watermark are there.
func TestBuffer(t *testing.T) {
	obj := loadPerf(t)
	r := newTestReader(t, obj, &Options{Pages: 4, CPUs: []int{0}, Watermark: 4096})
	woken := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience(5*time.Second))
	defer cancel()
	go func() { woken <- r.Wait(ctx) }()
	testkit.UntilBlocked(t, "perfbuf.(*Reader).Wait", 1)
	fill(t, obj, 0, 100, 210, 0)
	if err := <-woken; err != nil {
		t.Error(err)
	}
	next := uint64(100)
	n, err := r.ConsumeCPU(0, func(record Record) error {
		if got := binary.NativeEndian.Uint64(record.Data); got != next || record.CPU != 0 {
			t.Fatalf("record %d, want %d", got, next)
		}
		next++
		return nil
	})
	if n != 210 || err != nil {
		t.Error(n, err)
	}
	if memory := r.Memory(0); len(memory) != 5*os.Getpagesize() ||
		binary.NativeEndian.Uint64(memory[offsetHead:]) !=
			binary.NativeEndian.Uint64(memory[offsetTail:]) {
		t.Errorf("%d bytes of memory", len(memory))
	}
	if enabled, err := sys.PerfEventEnabled(r.FD(0)); err != nil || enabled == 0 {
		t.Errorf("the event's descriptor: %d %v", enabled, err)
	}
	if _, err := r.ConsumeCPU(1000, nil); !errors.Is(err, bpf.ErrNotExist) || r.FD(1000) != -1 ||
		r.Memory(1000) != nil {
		t.Errorf("a CPU that isn't read: %v", err)
	}
	r.Close()
	if r.FD(0) != -1 || r.Memory(0) != nil {
		t.Error("a closed reader has descriptors or memory")
	}
	for _, opts := range []*Options{{Watermark: -1}, {Watermark: 1, Wakeup: 1}} {
		if _, err := NewReader(obj.Map("events"), opts); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

// TestRaw: samples with the time before the program's bytes. The oracles are the program, which
// numbers its records, and the clock.
func TestRaw(t *testing.T) {
	obj := loadPerf(t)
	r, err := NewRawReader(obj.Map("events"),
		&RawOptions{Attr: sampled(sys.PerfSampleTime), Pages: 1, CPUs: []int{0}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fill(t, obj, 0, 7, 300, 0) // the ring is full before
	last, lost, next := uint64(0), 0, uint64(7)
	drain := func() {
		t.Helper()
		if _, err := r.Poll(t.Context(), func(record RawRecord) error {
			if record.Type == recordLost {
				lost++
				return nil
			}
			now := binary.NativeEndian.Uint64(record.Data)
			if record.Type != recordSample || now < last || now == 0 {
				t.Fatalf("%+v after %d", record, last)
			}
			last = now
			if length := binary.NativeEndian.Uint32(record.Data[8:]); length < 8 {
				t.Fatalf("%d bytes", length)
			}
			if got := binary.NativeEndian.Uint64(record.Data[12:]); lost == 0 && got != next {
				t.Fatalf("record %d, want %d", got, next)
			}
			next++
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	drain()
	fill(t, obj, 0, 1000, 1, 0) // after which the kernel says what was lost
	drain()
	if lost == 0 || next < 50 {
		t.Errorf("%d reports of loss, %d records", lost, next-7)
	}
	if _, err := r.Snapshot(0, nil); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("snapshot: %v", err)
	}
}

// TestRawOverwrite: the kernel keeps the newest records. The oracle is the program, which numbers
// them.
func TestRawOverwrite(t *testing.T) {
	obj := loadPerf(t)
	r, err := NewRawReader(obj.Map("events"),
		&RawOptions{Attr: sampled(0), Pages: 1, CPUs: []int{0}, Overwrite: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	snapshot := func(newest uint64) int {
		t.Helper()
		n, err := r.Snapshot(0, func(record RawRecord) error {
			got := binary.NativeEndian.Uint64(record.Data[4:])
			if record.Type != recordSample || got != newest {
				t.Fatalf("record %d of type %d, want %d", got, record.Type, newest)
			}
			newest--
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := snapshot(0); n != 0 {
		t.Errorf("%d records before one was written", n)
	}
	fill(t, obj, 0, 0, 10, 0)
	if n := snapshot(9); n != 10 {
		t.Errorf("%d records, 10 were written", n)
	}
	fill(t, obj, 0, 10, 5000, 0)
	const size = headerSize + 4 + 8 + 4 // header, length, the program's bytes, padding
	if n := snapshot(5009); n < os.Getpagesize()/size-1 || n > os.Getpagesize()/16 {
		t.Errorf("%d records fit", n)
	}
	if _, err := r.Consume(nil); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("consume: %v", err)
	}
	if err := r.Wait(t.Context()); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("wait: %v", err)
	}
	if _, err := r.Snapshot(1000, nil); !errors.Is(err, bpf.ErrNotExist) {
		t.Errorf("a CPU that isn't read: %v", err)
	}
}

// TestRawKeys stores events under other keys than the numbers of CPUs. The oracle is the map: a key
// that is there can be deleted.
func TestRawKeys(t *testing.T) {
	testkit.Root(t)
	o, err := bpf.Open("testdata/perf.bpf.o", nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Map("events").MaxEntries = 8
	obj, err := bpf.Load(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	m := obj.Map("events")
	r, err := NewRawReader(m,
		&RawOptions{Attr: sampled(0), CPUs: []int{0}, Keys: []uint32{5}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for key := range uint32(8) {
		err := m.Delete(binary.NativeEndian.AppendUint32(nil, key))
		if (err == nil) != (key == 5) || err != nil && !errors.Is(err, bpf.ErrNotExist) {
			t.Errorf("key %d: %v", key, err)
		}
	}
	for _, opts := range []*RawOptions{nil, {Keys: []uint32{1}}, {Pages: 3}, {Pages: -1}} {
		if r, err := NewRawReader(m, opts); !errors.Is(err, syscall.EINVAL) {
			r.Close()
			t.Errorf("%+v: %v", opts, err)
		}
	}
	if _, err := NewRawReader(nil, nil); !errors.Is(err, bpf.ErrNotExist) {
		t.Errorf("no map: %v", err)
	}
	if err := (*RawReader)(nil).Close(); err == nil {
		t.Error("no reader was closed")
	}
}

// TestRawRefuses: options that can't be right.
func TestRawRefuses(t *testing.T) {
	m := loadPerf(t).Map("events")
	grouped := sampled(0)
	grouped.ReadFormat = 8 // PERF_FORMAT_GROUP
	for what, opts := range map[string]*RawOptions{
		"nothing":           nil,
		"keys without CPUs": {Attr: sampled(0), Keys: []uint32{}},
		"more keys":         {Attr: sampled(0), CPUs: []int{0}, Keys: []uint32{0, 1}},
		"a CPU twice":       {Attr: sampled(0), CPUs: []int{0, 0}, Keys: []uint32{0, 1}},
		"a negative CPU":    {Attr: sampled(0), CPUs: []int{-1}},
		"a large CPU":       {Attr: sampled(0), CPUs: []int{math.MaxInt}},
		"a read format":     {Attr: grouped, CPUs: []int{0}},
	} {
		if r, err := NewRawReader(m, opts); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%s: %v", what, err)
			r.Close()
		}
	}
}
