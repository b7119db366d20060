package sys

import (
	"io"
	"unsafe"

	"github.com/purebpf/bpf/internal/funnel"
)

// PerfEventAttr is struct perf_event_attr up to PERF_ATTR_SIZE_VER5 (112 bytes; every kernel that
// loads BPF programs knows it). PerfEventOpen sets Size.
type PerfEventAttr struct {
	Type             PerfType
	Size             uint32
	Config           uint64
	Sample           uint64 // sample_period, or sample_freq with PerfBitFreq
	SampleType       uint64
	ReadFormat       uint64
	Bits             uint64 // PerfBit*
	Wakeup           uint32 // wakeup_events, or wakeup_watermark with PerfBitWatermark
	BPType           uint32
	Config1          uint64 // bp_addr; for kprobe_func and uprobe_path use PerfEventOpenName
	Config2          uint64 // bp_len, kprobe_addr, probe_offset
	BranchSampleType uint64
	SampleRegsUser   uint64
	SampleStackUser  uint32
	ClockID          int32
	SampleRegsIntr   uint64
	AuxWatermark     uint32
	SampleMaxStack   uint16
	_                uint16
}

// PerfType is the type of a perf event: enum perf_type_id, or the number of a PMU in
// /sys/bus/event_source/devices/*/type.
type PerfType uint32

const (
	PerfTypeHardware   PerfType = 0
	PerfTypeSoftware   PerfType = 1
	PerfTypeTracepoint PerfType = 2
	PerfTypeHWCache    PerfType = 3
	PerfTypeRaw        PerfType = 4
	PerfTypeBreakpoint PerfType = 5
)

// Values used with perf events.
const (
	PerfCountSWCPUClock  = 0       // PERF_COUNT_SW_CPU_CLOCK
	PerfCountSWBPFOutput = 10      // PERF_COUNT_SW_BPF_OUTPUT
	PerfSampleTime       = 1 << 2  // PERF_SAMPLE_TIME
	PerfSampleRaw        = 1 << 10 // PERF_SAMPLE_RAW
	PerfFormatEnabled    = 1 << 0  // PERF_FORMAT_TOTAL_TIME_ENABLED
)

// PerfFlags are the flags of perf_event_open(2).
type PerfFlags uint

// PerfFlagFDCloexec is PERF_FLAG_FD_CLOEXEC, which PerfEventOpen adds itself.
const PerfFlagFDCloexec PerfFlags = 1 << 3

// PerfEventOpen opens a perf event (perf_event_open(2)), close-on-exec. pid -1 is every process, 0
// the calling thread's; cpu -1 every CPU (not both); group -1 none. The caller closes the FD.
// EACCES means that it needs CAP_PERFMON, for the uprobe PMU CAP_SYS_ADMIN, or a lower
// kernel.perf_event_paranoid; EINTR is retried.
func PerfEventOpen(a *PerfEventAttr, pid, cpu, group int, flags PerfFlags) (*FD, error) {
	a.Size = uint32(unsafe.Sizeof(*a))
	r, e := funnel.Current().PerfEventOpen(unsafe.Pointer(a), pid, cpu, group,
		uint(flags|PerfFlagFDCloexec))
	if e != 0 {
		return nil, e
	}
	return NewFD(r)
}

// perfNamed is a PerfEventAttr whose config1 points to a string.
type perfNamed struct {
	head    [7]uint64
	config1 Pointer
	tail    [6]uint64
}

// PerfEventOpenName does the same as PerfEventOpen with a string in config1: the function of a
// kprobe or the binary of a uprobe. EINVAL if name contains a NUL.
func PerfEventOpenName(a *PerfEventAttr, name string, pid, cpu, group int,
	flags PerfFlags) (*FD, error) {
	p, err := CString(name)
	if err != nil {
		return nil, err
	}
	a.Size = uint32(unsafe.Sizeof(*a))
	var n perfNamed
	raw := (*[14]uint64)(unsafe.Pointer(a))
	copy(n.head[:], raw[:7])
	copy(n.tail[:], raw[8:])
	n.config1 = p
	r, e := funnel.Current().PerfEventOpen(unsafe.Pointer(&n), pid, cpu, group,
		uint(flags|PerfFlagFDCloexec))
	if e != 0 {
		return nil, e
	}
	return NewFD(r)
}

// PerfEventSetBPF attaches a program to a perf event (PERF_EVENT_IOC_SET_BPF; 4.1). It is detached
// when the event is closed.
func PerfEventSetBPF(event, prog int) error {
	_, e := funnel.Current().Ioctl(event, perfSetBPF, uintptr(prog))
	return errnoErr(e)
}

// PerfEventEnable starts an event (PERF_EVENT_IOC_ENABLE).
func PerfEventEnable(event int) error {
	_, e := funnel.Current().Ioctl(event, perfEnable, 0)
	return errnoErr(e)
}

// PerfEventDisable stops an event (PERF_EVENT_IOC_DISABLE).
func PerfEventDisable(event int) error {
	_, e := funnel.Current().Ioctl(event, perfDisable, 0)
	return errnoErr(e)
}

// PerfEventSetOutput makes an event write to the ring of another on the same CPU, which must be
// mapped (PERF_EVENT_IOC_SET_OUTPUT). The ring lives as long as one of them.
func PerfEventSetOutput(event, to int) error {
	_, e := funnel.Current().Ioctl(event, perfSetOutput, uintptr(to))
	return errnoErr(e)
}

// PerfEventPauseOutput stops or resumes writing to the ring of an event (PERF_EVENT_IOC_PAUSE_OUTPUT;
// 4.7). What programs write meanwhile is lost.
func PerfEventPauseOutput(event int, paused bool) error {
	var value uintptr
	if paused {
		value = 1
	}
	_, e := funnel.Current().Ioctl(event, perfPause, value)
	return errnoErr(e)
}

// PerfBit is a bit of PerfEventAttr.Bits, by its position in the struct of C.
type PerfBit uint

const (
	PerfBitFreq          PerfBit = 10 // freq
	PerfBitWatermark     PerfBit = 14 // watermark: Wakeup counts bytes
	PerfBitWriteBackward PerfBit = 27 // write_backward (4.7)
)

// Mask returns the bit as this machine has it in a uint64: bit fields begin at the lowest bit of
// little-endian machines and at the highest of big-endian ones.
func (b PerfBit) Mask() uint64 {
	if one := uint16(1); *(*byte)(unsafe.Pointer(&one)) == 0 {
		b = 63 - b
	}
	return 1 << b
}

// PerfEventEnabled returns for how many nanoseconds an event was enabled. It must have been opened
// with ReadFormat PerfFormatEnabled. The time of an event on a CPU stops for good when the CPU goes
// offline.
func PerfEventEnabled(event int) (uint64, error) {
	var value [2]uint64
	n, err := Read(event, unsafe.Slice((*byte)(unsafe.Pointer(&value)), unsafe.Sizeof(value)))
	if err == nil && n != int(unsafe.Sizeof(value)) {
		err = io.ErrUnexpectedEOF
	}
	return value[1], err
}

// PerfEventQueryBPF lists the ids of the programs attached to the tracepoint of an event
// (PERF_EVENT_IOC_QUERY_BPF; 4.16). It fills ids up to its length; n is the number of programs,
// also with ENOSPC. Needs CAP_PERFMON.
func PerfEventQueryBPF(event int, ids []uint32) (n int, err error) {
	q := make([]uint32, 2+len(ids)) // struct perf_event_query_bpf: ids_len, prog_cnt, ids[]
	q[0] = uint32(len(ids))
	_, e := funnel.Current().IoctlPtr(event, perfQueryBPF, unsafe.Pointer(&q[0]))
	copy(ids, q[2:])
	return int(q[1]), errnoErr(e)
}
