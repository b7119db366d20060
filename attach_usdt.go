package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/internal/usdt"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// # USDT
//
// A program or library declares places for tracers (package usdt reads them), and a BPF program that includes usdt.bpf.h gets their
// arguments. Each place is a uprobe. Where its arguments are differs from place to place, so the loader writes that into a map of the
// object, __bpf_usdt_specs, by an id, and the program learns the id from the uprobe's cookie. On kernels without cookies (before 5.15)
// it looks for the id by the address that it was called from, in another map, __bpf_usdt_ip_to_spec_id; so that has to be known before,
// which takes a process.
//
// An object hands out ids for all of its programs. Places with equal arguments share one within an attachment. Ids are used again after
// the attachment is closed, not before: the kernel may still be running the program for it.
//
// The uprobes are one link to many where the program was loaded for that, as SEC("usdt") is on kernels that have it (6.10), else one
// each.

// USDTOptions changes how a program attaches to a USDT probe.
type USDTOptions struct {
	PID    int    // only in this process; 0 is in all, also those that start later
	Cookie uint64 // what bpf_usdt_cookie returns in the program
}

const (
	usdtSpecsMap = "__bpf_usdt_specs"
	usdtIPsMap   = "__bpf_usdt_ip_to_spec_id"
)

// usdtSpecs are the ids of an object's USDT attachments.
type usdtSpecs struct {
	mu   sync.Mutex
	next uint32
	free []uint32
	told *plan.Extern // LINUX_HAS_BPF_COOKIE, by which usdt.bpf.h decides; nil if no program asks
}

// cookies tells whether a program learns ids from cookies: by what it was told when it was loaded, which may be no for want of an answer.
func (u *usdtSpecs) cookies(p *Program, k featureSource) bool {
	if u.told != nil {
		return u.told.Value != 0
	}
	return p.has(k, facts.BPFCookie)
}

// take hands out n ids below limit.
func (u *usdtSpecs) take(n int, limit uint32) ([]uint32, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if fresh := n - len(u.free); fresh > 0 && uint64(u.next)+uint64(fresh) > uint64(limit) {
		return nil, fmt.Errorf("%d more kinds of arguments, and the object's map %s has room for %d, %d in use: %w", n, usdtSpecsMap, limit,
			int(u.next)-len(u.free), syscall.E2BIG)
	}
	ids := make([]uint32, n)
	for i := range ids {
		if last := len(u.free) - 1; last >= 0 {
			ids[i], u.free = u.free[last], u.free[:last]
			continue
		}
		ids[i] = u.next
		u.next++
	}
	return ids, nil
}

// give takes ids back.
func (u *usdtSpecs) give(ids []uint32) {
	u.mu.Lock()
	u.free = append(u.free, ids...)
	u.mu.Unlock()
}

// AttachUSDT attaches the program to a probe that a program or library declares for tracers, in every place where it is (libbpf
// bpf_program__attach_usdt; 4.20 for probes with a semaphore, 4.17 without). The object must include usdt.bpf.h. file is as for
// AttachUprobe.
//
// Needs the privileges of AttachUprobe, and none by one link to many uprobes. ErrNotExist if there is no such file or probe, with near
// names; EINVAL if the file is for another processor or the probe's arguments can't be read; ErrTooBig if the object's map has no room for more kinds of arguments (BPF_USDT_MAX_SPEC_CNT);
// ErrNotSupported on a kernel without cookies (before 5.15) if the file may be anywhere in memory and no process is given. The caller
// closes the Link. It is a kernel link if the program was loaded for many uprobes or the probe has one place.
func (p *Program) AttachUSDT(file, provider, name string, opts *USDTOptions) (*Link, error) {
	if opts == nil {
		opts = &USDTOptions{}
	}
	return p.attachUSDT(p.running(), file, provider, name, *opts)
}

// usdtAttachment is an attachment in the making.
type usdtAttachment struct {
	p         *Program
	to        string
	opts      USDTOptions
	file      *executable
	specs     *Map
	addresses *Map     // nil where the kernel has cookies
	args      []string // the different ones
	ids       []uint32 // of args
	keys      []uint64 // written to addresses
	sites     []usdtSite
}

type usdtSite struct {
	usdt.Site
	args int // index into args and ids
}

func (p *Program) attachUSDT(t uprobing, file, provider, name string, o USDTOptions) (*Link, error) {
	to := "USDT " + file + ":" + provider + ":" + name + inProcess(o.PID)
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	a := usdtAttachment{p: p, to: to, opts: o}
	defer func() { a.file.Close() }()
	err := a.check(t, provider, name)
	if err == nil {
		err = a.find(t, file, provider, name)
	}
	if err == nil {
		err = a.write()
	}
	if err != nil {
		return nil, p.attachFail(to, joinErrors(err, a.undo()))
	}
	link, err := a.attach(t)
	if err != nil {
		return nil, joinErrors(err, a.undo())
	}
	detach := link.undo
	link.undo = func() error {
		var err error
		if detach != nil {
			err = detach()
		}
		if link.pinPath != "" {
			return err // still attached, so the ids stay in use
		}
		return joinErrors(err, a.undo())
	}
	return link, nil
}

func (a *usdtAttachment) check(t uprobing, provider, name string) error {
	if provider == "" || name == "" {
		return fmt.Errorf("no provider or no probe is named: %w", syscall.EINVAL)
	}
	if a.opts.PID < 0 {
		return fmt.Errorf("there is no process %d: %w", a.opts.PID, syscall.EINVAL)
	}
	if err := a.p.requireType("a USDT probe", uapi.ProgKprobe); err != nil {
		return err
	}
	if a.p.obj == nil {
		return fmt.Errorf("it was not loaded from an object, whose maps USDT needs: %w", ErrNotSupported)
	}
	a.specs, a.addresses = a.p.obj.Map(usdtSpecsMap), a.p.obj.Map(usdtIPsMap)
	if a.specs == nil || a.addresses == nil || !a.specs.Created() || !a.addresses.Created() {
		return fmt.Errorf("the object has no maps %s and %s: include <bpf/usdt.bpf.h>: %w", usdtSpecsMap, usdtIPsMap, syscall.ESRCH)
	}
	if a.specs.Type() != uapi.MapArray || a.addresses.Type() != uapi.MapHash || a.specs.KeySize() != 4 || a.addresses.ValueSize() != 4 {
		return fmt.Errorf("maps %v and %v are not what usdt.bpf.h declares: %w", a.specs, a.addresses, syscall.EINVAL)
	}
	if a.p.obj.usdt.cookies(a.p, t) {
		a.addresses = nil
	}
	return nil
}

// usdtMachines are the processors of GOARCHes.
var usdtMachines = [...]struct {
	arch    string
	machine elf64.Machine
}{
	{"amd64", elf64.MachineX86_64}, {"arm64", elf64.MachineAArch64}, {"arm", elf64.MachineARM}, {"riscv64", elf64.MachineRISCV},
	{"s390x", elf64.MachineS390},
}

// native reports whether a file is for this processor, as far as its probes can be read.
func native(f *elf64.File) error {
	for _, m := range usdtMachines {
		if m.arch == runtime.GOARCH && f.Machine == m.machine && f.Order.Uint16([]byte{1, 0}) == binary.NativeEndian.Uint16([]byte{1, 0}) &&
			(f.WordSize() == 4) == (runtime.GOARCH == "arm") {
			return nil
		}
	}
	return fmt.Errorf("the file is for ELF machine %d of %d bits, whose probes a kernel for %s does not have: %w", f.Machine, 8*f.WordSize(),
		runtime.GOARCH, syscall.EINVAL)
}

// find reads the probe's places from the file.
func (a *usdtAttachment) find(t uprobing, file, provider, name string) error {
	e, err := openExecutable(file, a.opts.PID)
	if err != nil {
		return err
	}
	a.file = e
	if err := native(e.elf.File); err != nil {
		return err
	}
	sites, err := usdt.Sites(e.elf.File, provider, name)
	if err != nil {
		if errors.Is(err, usdt.ErrNoSegment) {
			return fmt.Errorf("%w: %w", err, syscall.ESRCH)
		}
		return withNearProbe(invalidFormat(err), e.elf.File, provider, name)
	}
	nop5 := runtime.GOARCH == "amd64" && a.p.has(t, facts.UprobeSyscall)
	semaphores := false
	for _, s := range sites {
		if nop5 && e.startsWithNop5(s.Offset) {
			s.Offset, s.Address = s.Offset+1, s.Address+1
		}
		semaphores = semaphores || s.Semaphore != 0
		if s.Semaphore != 0 {
			s.Semaphore += e.base
		}
		s.Offset += e.base
		n := slices.Index(a.args, s.Args)
		if n < 0 {
			n = len(a.args)
			a.args = append(a.args, s.Args)
		}
		a.sites = append(a.sites, usdtSite{s, n})
	}
	if semaphores {
		if err := requireRefCtr(t); err != nil {
			return err
		}
	}
	if a.addresses == nil {
		return nil
	}
	return a.locate(e.elf.Type)
}

// startsWithNop5 reports whether a probe is a nop and a nop of 5 bytes: a kernel that has uprobe(2) makes a call of the latter, which
// costs less than a trap.
func (e *executable) startsWithNop5(offset uint64) bool {
	const nops = "\x90\x0f\x1f\x44\x00\x00"
	var code [len(nops)]byte
	n, _ := e.ReadAt(code[:], int64(offset))
	return string(code[:n]) == nops
}

// write tells the BPF program where the arguments are.
func (a *usdtAttachment) write() error {
	layout, err := usdt.LayoutOf(a.specs.BTF(), a.specs.ValueType())
	if err != nil {
		return fmt.Errorf("map %s: %w: %w", usdtSpecsMap, err, syscall.EINVAL)
	}
	if layout.Size() != a.specs.ValueSize() {
		return fmt.Errorf("map %s has values of %d bytes, their type %d: %w", usdtSpecsMap, a.specs.ValueSize(), layout.Size(), syscall.EINVAL)
	}
	values := make([][]byte, len(a.args))
	for i, text := range a.args {
		machine := elf64.MachineNone
		for _, m := range usdtMachines {
			if m.arch == runtime.GOARCH {
				machine = m.machine
			}
		}
		args, err := usdt.ParseArgs(machine, text)
		if err == nil {
			values[i], err = layout.Encode(nativeOrder(), args, a.opts.Cookie)
		}
		if err != nil {
			if !errors.Is(err, errors.ErrUnsupported) {
				err = fmt.Errorf("%w: %w", err, syscall.EINVAL)
			}
			return err
		}
	}
	if a.ids, err = a.p.obj.usdt.take(len(a.args), a.specs.MaxEntries()); err != nil {
		return err
	}
	var key [4]byte
	for i, value := range values {
		binary.NativeEndian.PutUint32(key[:], a.ids[i])
		if err := a.specs.Update(key[:], value, UpdateAny); err != nil {
			return err
		}
	}
	if a.addresses == nil {
		return nil
	}
	address := make([]byte, a.addresses.KeySize())
	for _, s := range a.sites {
		binary.NativeEndian.PutUint32(key[:], a.ids[s.args])
		if err := a.addresses.Update(putAddress(address, s.Address), key[:], UpdateNoExist); err != nil {
			if errors.Is(err, ErrExist) {
				err = fmt.Errorf("a program of this object is attached to %#x already, and this kernel can't tell them apart (5.15): %w", s.Address, err)
			}
			return err
		}
		a.keys = append(a.keys, s.Address)
	}
	return nil
}

// nativeOrder is this machine's byte order, comparable to the two of package binary.
func nativeOrder() binary.ByteOrder {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// putAddress writes an address into a map's key, which is a long.
func putAddress(key []byte, address uint64) []byte {
	if len(key) == 4 {
		binary.NativeEndian.PutUint32(key, uint32(address))
	} else {
		binary.NativeEndian.PutUint64(key, address)
	}
	return key
}

// attach attaches to all places.
func (a *usdtAttachment) attach(t uprobing) (*Link, error) {
	if a.p.expected == uapi.AttachTraceUprobeMulti {
		return a.attachMulti()
	}
	var links Links
	for _, s := range a.sites {
		o := UprobeOptions{Offset: s.Offset, RefCtrOffset: s.Semaphore, PID: a.opts.PID}
		if a.addresses == nil {
			o.Cookie = uint64(a.ids[s.args])
		}
		link, err := a.p.attachUprobeAt(t, a.to, a.file, o)
		if err != nil {
			return nil, joinErrors(err, links.Close())
		}
		links = append(links, link)
	}
	if len(links) == 1 {
		return links[0], nil
	}
	l := a.p.newLink(a.to, nil)
	l.parts = links
	return l, nil
}

func (a *usdtAttachment) attachMulti() (*Link, error) {
	o := UprobeMultiOptions{PID: a.opts.PID}
	for _, s := range a.sites {
		o.Offsets = append(o.Offsets, s.Offset)
		o.Cookies = append(o.Cookies, uint64(a.ids[s.args]))
		if s.Semaphore != 0 && o.RefCtrOffsets == nil {
			o.RefCtrOffsets = make([]uint64, len(a.sites))
		}
	}
	for i := range o.RefCtrOffsets {
		o.RefCtrOffsets[i] = a.sites[i].Semaphore
	}
	return a.p.linkUprobes(a.to, a.file, &o)
}

// undo takes back what write did. The object may be closed already, and its maps with it.
func (a *usdtAttachment) undo() error {
	var errs []error
	for _, address := range a.keys {
		err := a.addresses.Delete(putAddress(make([]byte, a.addresses.KeySize()), address))
		if err != nil && !errors.Is(err, ErrClosed) {
			errs = append(errs, err)
		}
	}
	a.p.obj.giveUSDT(a.ids)
	a.keys, a.ids = nil, nil
	return joinErrors(errs...)
}

// giveUSDT takes ids back; a program that belongs to no object never got any.
func (o *Object) giveUSDT(ids []uint32) {
	if len(ids) > 0 {
		o.usdt.give(ids)
	}
}

// withNearProbe adds to an error about a probe that isn't there what near names there are.
func withNearProbe(err error, f *elf64.File, provider, name string) error {
	if !errors.Is(err, ErrNotExist) {
		return err
	}
	notes, notesErr := usdt.Notes(f)
	if notesErr != nil {
		return err
	}
	near := nearest.To(provider + ":" + name)
	for i := range notes {
		near.Offer([]byte(notes[i].Provider + ":" + notes[i].Name))
	}
	return near.AddTo(err)
}

// autoUSDT attaches SEC("usdt/path:provider:name") and SEC("usdt.s/...").
func (p *Program) autoUSDT() (*Link, error) {
	target, err := p.secTarget()
	if err != nil {
		return nil, err
	}
	parts := strings.SplitN(target, ":", 3)
	if len(parts) < 3 || slices.Contains(parts, "") {
		return nil, p.secFail(fmt.Errorf("it does not say path:provider:name: %w", syscall.EINVAL))
	}
	return p.AttachUSDT(parts[0], parts[1], parts[2], nil)
}
