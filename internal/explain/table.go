package explain

import (
	"errors"
	"syscall"

	"github.com/purebpf/bpf/sys"
)

// explanation is a possible reason for an errno: look checks it and returns its text, "" if it
// doesn't apply.
type explanation struct {
	op    Op
	errno error // nil: any answer
	look  func(*Attempt) string
}

// explanations are tried in order; the first one that applies is the hint. Each asks the kernel,
// after the fact, for facts that may explain its answer; where none applies there is no hint.
var explanations = [...]explanation{
	{Element, syscall.EPERM, isFrozen},
	{anyOp, syscall.EPERM, missesCapability},
	{Load | CreateMap, syscall.EPERM, memlockIsLow},

	{CreateMap, nil, breaksRule},
	{Element, syscall.ENOENT, func(*Attempt) string { return "no such element" }},
	{Element, syscall.E2BIG, isFull},
	{Run, syscall.ENOSPC, outputIsLarger},
	{Run, sys.ENOTSUPP, runsNot},
	{Pin, syscall.EEXIST, func(*Attempt) string {
		return "remove the file at that path first"
	}},
	{Link, syscall.ENOLINK, func(*Attempt) string {
		return "the target is gone or the link was detached; close the link and attach again"
	}},

	{Attach | AttachEvent, nil, isOfWrongType},
	{Attach, syscall.EINVAL, kernelLacksAttachType},
	{Attach | AttachEvent, syscall.EINVAL, func(a *Attempt) string { return a.At.Rule }},
	{Attach | Detach, syscall.EBADF, func(a *Attempt) string { return a.At.Target }},
	{Attach, syscall.ENOENT, anchorIsAbsent},
	{Attach | Detach, syscall.ESTALE, revisionChanged},
	{Attach | Detach, syscall.ENXIO, isNoNetkit},
	{Attach | Detach, syscall.EACCES, isNetkitPeer},
	{Attach, syscall.EINVAL, isAttachedAlready},
	{Attach, syscall.EBUSY, isOccupied},
	{Attach, syscall.EEXIST, isOccupied},
	{Attach, syscall.EPERM, isOccupied},
	{Attach, syscall.E2BIG, isOccupied},
	{Attach, syscall.ERANGE, isOccupied},

	{AttachEvent, syscall.EEXIST, eventIsOccupied},
	{AttachEvent, syscall.E2BIG, eventIsOccupied},
	{AttachEventFD, syscall.EINVAL, eventIsOfOtherKind},
	{AttachEventFD, syscall.EBADF, func(*Attempt) string {
		return "the descriptor is closed, or that of something else"
	}},
	{OpenEvent | Kprobe | Uprobe, syscall.EACCES, eventIsDenied},
	{OpenEvent, syscall.ENOENT, func(*Attempt) string {
		return "this machine has no such event"
	}},
	{OpenEvent, syscall.ENODEV, func(*Attempt) string {
		return "the CPU is offline or does not exist"
	}},
	{OpenEvent, syscall.ESRCH, threadIsGone},
	{OpenEvent, syscall.EINVAL, cpuIsBeyond},
	{Tracefs, syscall.EACCES, accessIsDenied},

	{Kprobe, syscall.EILSEQ, offsetIsInside},
	{Kprobe, syscall.EINVAL, returnHasOffset},
	{Kprobe, syscall.ENOENT, symbolIsOdd},
	{Kprobe, syscall.EINVAL, symbolIsOdd},
	{Kprobe, syscall.EADDRNOTAVAIL, symbolIsOdd},
	{KprobeMulti, nil, kernelLacksKprobeMulti},
	{KprobeMulti, syscall.ENOENT, functionsAreMissing},
	{UprobeMulti, syscall.EINVAL, kernelLacksSession},
	{Uprobe | UprobeMulti, syscall.ESRCH, processIsGone},
	{Uprobe | UprobeMulti, syscall.EINVAL, offsetIsBeyond},
	{RawTracepoint, syscall.ENOENT, nearRawTracepoint},
	{Trace, syscall.EBUSY, functionIsTraced},
	{ReplaceFunction, syscall.EBUSY, functionIsReplaced},

	{Register, syscall.EEXIST, typeIsRegistered},
	{Register, syscall.EBUSY, typeIsRegistered},
}

// explain returns the index of the first row that applies, and its text; "" if none does.
func (a *Attempt) explain() (row int, text string) {
	for i, e := range explanations {
		if e.op&a.Op == 0 && e.op != anyOp || e.errno != nil && !errors.Is(a.err, e.errno) {
			continue
		}
		if text := e.look(a); text != "" {
			return i, text
		}
	}
	return -1, ""
}
