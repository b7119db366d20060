package main

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/mapview"
	"github.com/purebpf/bpf/internal/userfile"
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
		known := map[processStack][]string{}
		names.Stack = func(id uint32, process int) ([]string, bool) {
			key := processStack{id, process}
			frames, ok := known[key]
			if !ok {
				if len(known) >= maxStacks {
					clear(known)
				}
				frames = r.stack(stacks[0], id, process)
				known[key] = frames
			}
			return frames, len(frames) > 0
		}
	}
	return names
}

// processStack is a stack trace, and the process whose functions are in it.
type processStack struct {
	id      uint32
	process int
}

// maxStacks limits how many stack traces are kept as text.
const maxStacks = 1 << 10

// stack returns the functions of a stack trace: those of the kernel without those by which it runs
// a BPF program, and those of a process while it exists.
func (r *runner) stack(m *bpf.Map, id uint32, process int) (frames []string) {
	value, err := m.LookupBytes(binary.NativeEndian.AppendUint32(nil, id))
	if err != nil {
		return nil
	}
	var addrs []uint64
	for ; len(value) >= 8; value = value[8:] {
		addr := binary.NativeEndian.Uint64(value)
		if addr == 0 {
			break
		}
		addrs = append(addrs, addr)
	}
	var ofProcess []string
	if process > 0 && slices.ContainsFunc(addrs, func(addr uint64) bool { return addr < 1<<63 }) {
		ofProcess, _ = userfile.Symbols(process, addrs)
	}
	for i, addr := range addrs {
		name, ok := r.kernelFunction(addr)
		name, _, _ = strings.Cut(name, "+")
		switch {
		case ok && len(frames) == 0 && runsPrograms(name):
			continue
		case !ok && ofProcess != nil:
			name = ofProcess[i]
		}
		if name == "" {
			name = fmt.Sprintf("%#x", addr)
		}
		frames = append(frames, name)
	}
	return frames
}

// runsPrograms reports whether a function of the kernel is a BPF program, or one by which the kernel
// calls it: they begin every stack trace.
func runsPrograms(function string) bool {
	for _, prefix := range [...]string{"bpf_prog_", "bpf_trace_run", "__bpf_trace_", "__traceiter_",
		"bpf_trampoline_", "bpf_get_stack", "trace_call_bpf", "kprobe_perf_func", "perf_trace_"} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
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
