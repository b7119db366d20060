package main

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/mapview"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// names returns the names of numbers in the object's maps.
func (r *runner) names() mapview.Names {
	names := mapview.Names{Function: r.kernelFunction}
	if clock, ok := newClock(); ok {
		names.Moment = clock.moment
	}
	var stacks []*bpf.Map
	for _, m := range r.obj.Maps() {
		if m.Created() && m.Type() == uapi.MapStackTrace && m.Flags()&uapi.FStackBuildID == 0 {
			stacks = append(stacks, m)
		}
	}
	if len(stacks) == 1 { // ids of different maps can't be told apart
		names.Stack = func(id uint32) ([]string, bool) { return r.stack(stacks[0], id) }
	}
	return names
}

// stack returns the functions of a stack trace. Addresses of processes have no names here.
func (r *runner) stack(m *bpf.Map, id uint32) (frames []string, ok bool) {
	key := binary.NativeEndian.AppendUint32(nil, id)
	value, err := m.LookupBytes(key)
	if err != nil {
		return nil, false
	}
	for ; len(value) >= 8; value = value[8:] {
		addr := binary.NativeEndian.Uint64(value)
		if addr == 0 {
			break
		}
		name, ok := r.kernelFunction(addr)
		if !ok {
			name = fmt.Sprintf("%#x", addr)
		}
		frames = append(frames, name)
	}
	return frames, len(frames) > 0
}

// kernelFunction returns the function of the kernel at an address. The table is read when it is
// first needed: it takes some ten megabytes.
func (r *runner) kernelFunction(addr uint64) (string, bool) {
	if addr < 1<<63 {
		return "", false
	}
	r.functions.once.Do(func() { r.functions.all, _ = kernel.ReadFunctions() })
	name, off, ok := r.functions.all.At(addr)
	if off > 0 {
		name += fmt.Sprintf("+%#x", off)
	}
	return name, ok
}

// functions are the functions of the kernel, none if it hides their addresses.
type functions struct {
	once sync.Once
	all  *kernel.Functions
}

// clock tells which numbers are moments of the kernel's clocks (bpf_ktime_get_ns,
// bpf_ktime_get_boot_ns) since the programs run.
type clock struct{ start, boot clockReading }

// clockReading is the nanoseconds that a clock shows.
type clockReading uint64

// earlier is how long before the start of the command a moment may be: programs may use maps that
// exist longer.
const earlier = clockReading(time.Hour)

func newClock() (*clock, bool) {
	start, boot, ok := readClocks()
	return &clock{start, boot}, ok
}

// moment returns how long ago n was.
func (c *clock) moment(n uint64) (time.Duration, bool) {
	mono, boot, ok := readClocks()
	if !ok {
		return 0, false
	}
	at := clockReading(n)
	for _, x := range [...]struct{ start, now clockReading }{{c.start, mono}, {c.boot, boot}} {
		if at <= x.now && at >= max(x.start-min(earlier, x.start), x.start/2) {
			return time.Duration(x.now - at), true
		}
	}
	return 0, false
}
