package bpf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/hint"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/load"
	"github.com/purebpf/bpf/internal/maprules"
	"github.com/purebpf/bpf/internal/privilege"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/internal/structops"
	"github.com/purebpf/bpf/internal/userfile"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// operation is a request to the kernel. A row of explanations is for one or several.
type operation uint32

const (
	opLoad operation = 1 << iota
	opCreateMap
	opElement
	opRun
	opPin
	opLink    // any request about a link
	opNetlink // a request to rtnetlink
	opAttach
	opDetach
	opAttachEvent
	opAttachEventFD // an event of the caller
	opOpenEvent
	opTracefs
	opKprobe
	opKprobeMulti
	opUprobe
	opUprobeMulti
	opRawTracepoint
	opTrace
	opReplaceFunction
	opRegister // a struct_ops map

	opAny operation = 1<<32 - 1
)

// attempt describes a request to the kernel, as far as it helps to explain the answer.
type attempt struct {
	op  operation
	err error // the answer

	need    []kernel.Capability // that the kernel asks for; nil: CAP_BPF
	access  []kernel.Capability // that files ask for
	limit   error               // why RLIMIT_MEMLOCK could not be raised
	program *Program
	m       *Map

	at    *place // opAttach, opDetach
	event int    // opAttachEvent: its descriptor

	pid     int // opOpenEvent, opUprobe: 0 for all
	cpu     int // opOpenEvent of oneCPU
	oneCPU  bool
	returns bool                   // opKprobe: at the function's end
	offsets []uint64               // opKprobe: in the function; opUprobe: in the file
	symbol  *kernel.FunctionSymbol // opKprobe: nil for an address
	file    *userfile.File         // opUprobe
	tracefs probe.Tracefs          // opKprobeMulti
	symbols []string               // opKprobeMulti
	session uapi.AttachType        // opUprobeMulti; 0 if it is none
	name    string                 // opRawTracepoint

	target   *Program // opReplaceFunction
	function uint32   // opReplaceFunction: its BTF id

	maps []*maprules.Map // opCreateMap: the requested map and its inner map
	size uint32          // opRun: of the output
}

// explanation is a possible reason for an errno: look checks it and returns its text, "" if it
// doesn't apply.
type explanation struct {
	op    operation
	errno error // nil: any answer
	look  func(*attempt) string
}

// explanations are tried in order; the first one that applies is the hint. Each asks the kernel,
// after the fact, for facts that may explain its answer; where none applies there is no hint.
var explanations = [...]explanation{
	{opElement, syscall.EPERM, isFrozen},
	{opAny, syscall.EPERM, missesCapability},
	{opLoad | opCreateMap, syscall.EPERM, memlockIsLow},

	{opCreateMap, nil, breaksRule},
	{opElement, syscall.ENOENT, func(*attempt) string { return "no such element" }},
	{opElement, syscall.E2BIG, isFull},
	{opRun, syscall.ENOSPC, outputIsLarger},
	{opRun, sys.ENOTSUPP, runsNot},
	{opPin, syscall.EEXIST, func(*attempt) string {
		return "remove the file at that path first"
	}},
	{opLink, syscall.ENOLINK, func(*attempt) string {
		return "the target is gone or the link was detached; close the link and attach again"
	}},

	{opAttach | opAttachEvent, nil, isOfWrongType},
	{opAttach, syscall.EINVAL, kernelLacksAttachType},
	{opAttach | opAttachEvent, syscall.EINVAL, func(a *attempt) string { return a.at.rule }},
	{opAttach | opDetach, syscall.EBADF, func(a *attempt) string { return a.at.target }},
	{opAttach, syscall.ENOENT, anchorIsAbsent},
	{opAttach | opDetach, syscall.ESTALE, revisionChanged},
	{opAttach | opDetach, syscall.ENXIO, isNoNetkit},
	{opAttach | opDetach, syscall.EACCES, isNetkitPeer},
	{opAttach, syscall.EINVAL, isAttachedAlready},
	{opAttach, syscall.EBUSY, isOccupied},
	{opAttach, syscall.EEXIST, isOccupied},
	{opAttach, syscall.EPERM, isOccupied},
	{opAttach, syscall.E2BIG, isOccupied},
	{opAttach, syscall.ERANGE, isOccupied},

	{opAttachEvent, syscall.EEXIST, eventIsOccupied},
	{opAttachEvent, syscall.E2BIG, eventIsOccupied},
	{opAttachEventFD, syscall.EINVAL, eventIsOfOtherKind},
	{opAttachEventFD, syscall.EBADF, func(*attempt) string {
		return "the descriptor is closed, or that of something else"
	}},
	{opOpenEvent | opKprobe | opUprobe, syscall.EACCES, eventIsDenied},
	{opOpenEvent, syscall.ENOENT, func(*attempt) string {
		return "this machine has no such event"
	}},
	{opOpenEvent, syscall.ENODEV, func(*attempt) string {
		return "the CPU is offline or does not exist"
	}},
	{opOpenEvent, syscall.ESRCH, threadIsGone},
	{opOpenEvent, syscall.EINVAL, cpuIsBeyond},
	{opTracefs, syscall.EACCES, accessIsDenied},

	{opKprobe, syscall.EILSEQ, offsetIsInside},
	{opKprobe, syscall.EINVAL, returnHasOffset},
	{opKprobe, syscall.ENOENT, symbolIsOdd},
	{opKprobe, syscall.EINVAL, symbolIsOdd},
	{opKprobe, syscall.EADDRNOTAVAIL, symbolIsOdd},
	{opKprobeMulti, ErrNotSupported, func(*attempt) string {
		return "this needs Linux 5.18 with CONFIG_FPROBE"
	}},
	{opKprobeMulti, syscall.ENOENT, functionsAreMissing},
	{opUprobeMulti, syscall.EINVAL, kernelLacksSession},
	{opUprobe | opUprobeMulti, syscall.ESRCH, processIsGone},
	{opUprobe | opUprobeMulti, syscall.EINVAL, offsetIsBeyond},
	{opRawTracepoint, syscall.ENOENT, nearRawTracepoint},
	{opTrace, syscall.EBUSY, functionIsTraced},
	{opReplaceFunction, syscall.EBUSY, functionIsReplaced},

	{opRegister, syscall.EEXIST, typeIsRegistered},
	{opRegister, syscall.EBUSY, typeIsRegistered},
}

// explain returns the index of the first row that applies, and its text; "" if none does.
func (a *attempt) explain() (row int, text string) {
	for i, e := range explanations {
		if e.op&a.op == 0 && e.op != opAny || e.errno != nil && !errors.Is(a.err, e.errno) {
			continue
		}
		if text := e.look(a); text != "" {
			return i, text
		}
	}
	return -1, ""
}

// explained returns err with its explanation as advice, unless it has advice already.
func (a *attempt) explained(err error) error {
	if err == nil || hint.Of(err) != "" {
		return err
	}
	a.err = err
	_, text := a.explain()
	return hint.Add(err, text)
}

// tracefsAccess is the capability that opening files of tracefs needs.
var tracefsAccess = [...]kernel.Capability{kernel.CapDACOverride}

// loadError makes the error of a failed step of a load.
func loadError(f *load.Failure) error {
	if f.Verifier != nil {
		return newVerifierError(f)
	}
	a := attempt{op: opLoad, need: f.Need, limit: f.Limit, maps: f.Maps}
	if f.Maps != nil {
		a.op = opCreateMap
	}
	e := a.fail(f.Op, about{f.Object, f.Subject}, f.Err)
	e.Log = f.MapLog
	return e
}

// fail makes the error of the attempt, with its explanation.
func (a *attempt) fail(op string, on about, err error) *Error {
	advice, cause := hint.Cut(a.explained(err))
	return &Error{Op: op, Object: on.object, Subject: on.subject, Err: cause, Hint: advice}
}

// attachFail is fail for an attempt to attach the program. If the program has no descriptor, that
// is the reason, whatever else is wrong.
func (a *attempt) attachFail(to string, err error) *Error {
	p, subject := a.program, "to "+to
	if p != nil {
		subject = p.Name() + " " + subject
	}
	on := about{p.ObjectName(), subject}
	if absent := p.absence(); absent != nil {
		return newError("attach program", on, absent)
	}
	return a.fail("attach program", on, err)
}

func isFrozen(a *attempt) string {
	if a.m.frozen.Load() {
		return "the map is frozen"
	}
	return ""
}

func isFull(a *attempt) string { return fmt.Sprintf("max_entries is %d", a.m.maxEntries) }

func missesCapability(a *attempt) string {
	if a.op&opNetlink != 0 {
		return privilege.NetlinkHint(a.err)
	}
	return privilege.Hint(a.err, a.need...)
}

func accessIsDenied(a *attempt) string { return privilege.AccessHint(a.err, a.access...) }

func eventIsDenied(a *attempt) string { return privilege.EventHint(a.err, a.need...) }

// memlockIsLow returns what kept RLIMIT_MEMLOCK low: before 5.11 the kernel answers EPERM if there
// is no room.
func memlockIsLow(a *attempt) string {
	var known *kernel.PrivilegeError
	if a.limit == nil || errors.As(a.err, &known) {
		return ""
	}
	return a.limit.Error()
}

func breaksRule(a *attempt) string {
	for _, m := range a.maps {
		if text := load.BrokenRule(m, a.err); text != "" {
			return text
		}
	}
	return ""
}

func outputIsLarger(a *attempt) string { return fmt.Sprintf("the output has %d bytes", a.size) }

func runsNot(a *attempt) string {
	return fmt.Sprintf("programs of type %v cannot be run by themselves", a.program.typ)
}

func isOfWrongType(a *attempt) string {
	if len(a.at.types) == 0 || slices.Contains(a.at.types, a.program.typ) {
		return ""
	}
	return fmt.Sprintf("the program is of type %v, want %s",
		a.program.typ, typeNames(a.at.types))
}

func kernelLacksAttachType(a *attempt) string {
	if a.at.attach == 0 || !a.program.lacksAttachType(a.at.attach) {
		return ""
	}
	return fmt.Sprintf("this kernel has no attach type %v", a.at.attach)
}

func isNoNetkit(a *attempt) string {
	if !slices.Contains(netkitHooks.of[:], a.at.attach) {
		return ""
	}
	return "the interface is no netkit device"
}

func isNetkitPeer(a *attempt) string {
	if !slices.Contains(netkitHooks.of[:], a.at.attach) {
		return ""
	}
	return "the interface is the peer of a netkit pair: give the primary device"
}

// hook queries what is attached to the place, nil if that isn't possible.
func (a *attempt) hook() *hooks.Hook {
	if a.at.query == nil {
		return nil
	}
	hook, err := a.at.query()
	if err != nil {
		return nil
	}
	return hook
}

func anchorIsAbsent(a *attempt) string {
	hook := a.hook()
	if hook == nil {
		return ""
	}
	return a.at.anchor.absentFrom(hook)
}

func revisionChanged(a *attempt) string {
	hook := a.hook()
	if hook == nil {
		return ""
	}
	return fmt.Sprintf("programs were attached or detached there meanwhile: the hook's revision "+
		"is %d, not %d",
		hook.Revision, a.at.revision)
}

func isAttachedAlready(a *attempt) string { return a.isIn(a.hook()) }

// isIn returns a text if the program is attached to the hook already.
func (a *attempt) isIn(hook *hooks.Hook) string {
	info, err := sys.ProgInfoByFD(a.program.fd.Int())
	if hook == nil || err != nil || !hook.Has(info.ID) {
		return ""
	}
	return fmt.Sprintf("this program, %d, is attached there already", info.ID)
}

func isOccupied(a *attempt) string {
	hook := a.hook()
	if hook == nil || len(hook.Programs) == 0 {
		return ""
	}
	if already := a.isIn(hook); already != "" {
		return already
	}
	return hook.Occupants() + " attached there" + hook.Detachment()
}

// eventIsOccupied names the programs that keep another from being attached to an event, where the
// kernel lists them.
func eventIsOccupied(a *attempt) string {
	ids := make([]uint32, 64) // BPF_TRACE_MAX_PROGS
	n, err := sys.PerfEventQueryBPF(a.event, ids)
	switch {
	// only events of tracepoints can be queried
	case err == syscall.EINVAL && errors.Is(a.err, syscall.EEXIST):
		return "a program is attached there; the kernel doesn't report which"
	case err != nil || n > len(ids):
		return ""
	}
	info, err := sys.ProgInfoByFD(a.program.fd.Int())
	if err == nil && slices.Contains(ids[:n], info.ID) {
		return fmt.Sprintf("this program, %d, is attached there already", info.ID)
	}
	return fmt.Sprintf("%d programs are attached there: %v", n, ids[:n])
}

func eventIsOfOtherKind(a *attempt) string {
	return fmt.Sprintf("a clock or counter takes a perf_event program, a tracepoint's event a "+
		"tracepoint program, a probe's a kprobe program: it is of type %v", a.program.typ)
}

func threadIsGone(a *attempt) string {
	if a.pid == 0 {
		return ""
	}
	return fmt.Sprintf("there is no thread %d", a.pid)
}

func processIsGone(a *attempt) string {
	if a.pid == 0 || errors.Is(a.err, ErrNotSupported) {
		return ""
	}
	return "there is no process " + strconv.Itoa(a.pid)
}

func cpuIsBeyond(a *attempt) string {
	n, err := kernel.Running().PossibleCPUs()
	if !a.oneCPU || err != nil || a.cpu >= 0 && a.cpu < n {
		return ""
	}
	return fmt.Sprintf("the machine has CPUs 0 to %d at most", n-1)
}

func offsetIsInside(a *attempt) string {
	if len(a.offsets) != 1 {
		return ""
	}
	return fmt.Sprintf("no instruction starts at offset %d", a.offsets[0])
}

func returnHasOffset(a *attempt) string {
	if a.symbol == nil || !a.returns || len(a.offsets) != 1 || a.offsets[0] == 0 {
		return ""
	}
	return "a kretprobe has no offset"
}

func symbolIsOdd(a *attempt) string {
	if a.symbol == nil || errors.Is(a.err, ErrNotSupported) {
		return ""
	}
	return a.symbol.Hint()
}

func functionsAreMissing(a *attempt) string {
	if len(a.symbols) == 0 {
		return ""
	}
	root, err := a.tracefs.Tracefs()
	if err != nil {
		return ""
	}
	missing, near, err := kernel.MissingFunctions(root, a.symbols)
	if err != nil || len(missing) == 0 {
		return ""
	}
	text := "no function to attach to is called " + missing[0]
	if len(missing) > 1 {
		text += fmt.Sprintf(", the first of %d such names", len(missing))
	}
	if near != "" {
		text += "; " + near
	}
	return text
}

func kernelLacksSession(a *attempt) string {
	if a.session == 0 || !a.program.lacksAttachType(a.session) {
		return ""
	}
	return "this kernel has no sessions of uprobes (6.13)"
}

func offsetIsBeyond(a *attempt) string {
	if errors.Is(a.err, ErrNotSupported) {
		return ""
	}
	size, err := a.file.Size()
	beyond := func(offset uint64) bool { return offset > size }
	if err != nil || !slices.ContainsFunc(a.offsets, beyond) {
		return ""
	}
	return fmt.Sprintf("the file ends at offset %#x", size)
}

func functionIsTraced(a *attempt) string {
	own, err := sys.ProgInfoByFD(a.program.fd.Int())
	if err != nil || own.AttachBTFID == 0 {
		return ""
	}
	return hooks.AtFunction(own.AttachBTFObjID, own.AttachBTFID)
}

func functionIsReplaced(a *attempt) string {
	target, err := sys.ProgInfoByFD(a.target.fd.Int())
	if err != nil {
		return ""
	}
	return hooks.AtProgramFunction(target.ID, a.function)
}

// typeIsRegistered lists the registered maps of the same type.
func typeIsRegistered(a *attempt) string {
	own, err := sys.MapInfoByFD(a.m.fd.Int())
	if err != nil {
		return ""
	}
	there, err := structops.List(func(info *sys.MapInfo) bool {
		return info.BTFVmlinuxValueTypeID == own.BTFVmlinuxValueTypeID &&
			info.BTFVmlinuxID == own.BTFVmlinuxID
	})
	if err != nil || len(there) == 0 {
		return ""
	}
	var names []string
	for _, r := range there {
		if r.MapID == own.ID {
			return fmt.Sprintf("this map, %d, is registered already", own.ID)
		}
		names = append(names, r.String())
	}
	return "registered of this type: " + strings.Join(names, ", ")
}

// lacksAttachType reports whether the kernel's BTF lacks that attach type.
func (p *Program) lacksAttachType(t uapi.AttachType) bool {
	spec, err := p.running().BTF()
	if err != nil {
		return false
	}
	has, known := facts.HasEnumerator(spec, "bpf_attach_type", "", int64(t))
	return known && !has
}

func typeNames(types []uapi.ProgType) string {
	var names []string
	for _, t := range types {
		names = append(names, t.String())
	}
	return strings.Join(names, ", ")
}
