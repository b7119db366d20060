package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/internal/usdt"
	"github.com/purebpf/bpf/internal/userfile"
	"github.com/purebpf/bpf/uapi"
)

// # USDT
//
// A program or library declares places for tracers (package usdt reads them), and a BPF program
// that includes usdt.bpf.h gets their arguments. Each place is a uprobe. The location of the
// arguments differs from place to place, so the loader writes it into a map of the object,
// __bpf_usdt_specs, under an id, and the program reads the id from the uprobe's cookie. On kernels
// without cookies (before 5.15) the program looks up the id by the address of the place, in another
// map, __bpf_usdt_ip_to_spec_id; so the loader must know the address before, which takes a process.
//
// An object assigns ids for all of its programs. Places with equal arguments share one within an
// attachment. Ids are reused after the attachment is closed, not before: the kernel may still be
// running the program for it.
//
// The uprobes are one link to many if the program was loaded for that, as SEC("usdt") is on kernels
// that support it (6.10), else one link each.

// USDTOptions changes how a program attaches to a USDT probe.
type USDTOptions struct {
	PID    int    // run in this process only; 0 is every process, one's own is os.Getpid()
	Cookie uint64 // what bpf_usdt_cookie returns in the program
}

// AttachUSDT attaches the program to every place of a probe that a program or library declares for
// tracers (libbpf bpf_program__attach_usdt; 4.20 for probes with a semaphore, 4.17 without). The
// object must include usdt.bpf.h. file is as for AttachUprobe. The Link is one BPF link if the
// program was loaded for uprobe_multi links, as for SEC("usdt") where the kernel has them (6.10),
// or if the probe has only one place.
//
// Needs the privileges of AttachUprobe, but none for a uprobe_multi link. ErrNotExist if there is
// no such file or probe, with similar names; EINVAL if the file is for another processor or the
// probe's arguments can't be read; ErrTooBig if the object's map has no room for more kinds of
// arguments (BPF_USDT_MAX_SPEC_CNT); ErrNotSupported before 5.15 (no cookies) if PID is 0 and the
// file can be loaded at any address.
func (p *Program) AttachUSDT(file, provider, name string, opts *USDTOptions) (*Link, error) {
	if opts == nil {
		opts = &USDTOptions{}
	}
	return p.attachUSDT(p.running(), file, provider, name, *opts)
}

// usdtByCookie reports whether the program reads its spec id from the attach cookie. This was
// decided at load, and is false also if the kernel gave no answer then.
func (p *Program) usdtByCookie(k probe.Features) bool {
	if told := p.obj.usdtTold; told != nil {
		return told.Value != 0
	}
	return p.has(k, facts.BPFCookie)
}

// usdtAttachment is an attachment that is being made.
type usdtAttachment struct {
	p         *Program
	to        string
	opts      USDTOptions
	file      *userfile.File
	probe     *usdt.Probe
	specs     *Map
	addresses *Map     // nil where the kernel has cookies
	ids       []uint32 // for the different arguments of the probe
	keys      []uint64 // written to addresses
}

func (p *Program) attachUSDT(m probe.Machine, file, provider, name string,
	o USDTOptions) (*Link, error) {
	to := "USDT " + file + ":" + provider + ":" + name + probe.InProcess(o.PID)
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	a := usdtAttachment{p: p, to: to, opts: o}
	defer func() { a.file.Close() }()
	err := a.check(m, provider, name)
	if err == nil {
		err = a.find(m, file, provider, name)
	}
	if err == nil {
		err = a.write()
	}
	if err != nil {
		return nil, p.attachFail(to, joinErrors(err, a.undo()))
	}
	link, err := a.attach(m)
	if err != nil {
		return nil, joinErrors(err, a.undo())
	}
	link.undo = func() error {
		if link.pinPath != "" {
			return nil // still attached, so the ids stay in use
		}
		return a.undo()
	}
	return link, nil
}

func (a *usdtAttachment) check(m probe.Machine, provider, name string) error {
	if provider == "" || name == "" {
		return fmt.Errorf("no provider or no probe is named: %w", syscall.EINVAL)
	}
	if err := probe.CheckPID(a.opts.PID); err != nil {
		return err
	}
	if err := a.p.requireType("a USDT probe", uapi.ProgKprobe); err != nil {
		return err
	}
	if a.p.obj == nil {
		return fmt.Errorf("the program was opened by a pin or an id, and USDT needs the maps of "+
			"its object: %w",
			ErrNotSupported)
	}
	a.specs, a.addresses = a.p.obj.Map(usdt.SpecsMap), a.p.obj.Map(usdt.AddressesMap)
	if a.specs == nil || a.addresses == nil || !a.specs.Created() || !a.addresses.Created() {
		return fmt.Errorf("the object has no maps %s and %s: include <bpf/usdt.bpf.h>: %w",
			usdt.SpecsMap, usdt.AddressesMap, syscall.ESRCH)
	}
	long := a.addresses.KeySize()
	if a.specs.Type() != uapi.MapArray || a.addresses.Type() != uapi.MapHash ||
		a.specs.KeySize() != 4 || long != 4 && long != 8 || a.addresses.ValueSize() != 4 {
		return fmt.Errorf("maps %v and %v differ from those of usdt.bpf.h: %w",
			a.specs, a.addresses, syscall.EINVAL)
	}
	if a.p.usdtByCookie(m) {
		a.addresses = nil
	}
	return nil
}

// find reads the probe's places from the file.
func (a *usdtAttachment) find(m probe.Machine, file, provider, name string) error {
	f, err := userfile.Open(file, a.opts.PID)
	if err != nil {
		return err
	}
	a.file = f
	if a.probe, err = f.USDT(provider, name); err != nil {
		return err
	}
	if runtime.GOARCH == "amd64" && a.p.has(m, facts.UprobeSyscall) {
		a.probe.UseNop5(f)
	}
	if a.probe.HasSemaphore() {
		if err := probe.RequireCounters(m); err != nil {
			return err
		}
	}
	if a.addresses == nil {
		return nil
	}
	return f.Locate(a.probe.Sites, a.opts.PID)
}

// write writes the locations of the arguments into the object's maps.
func (a *usdtAttachment) write() error {
	values, err := a.probe.Specs(a.specs.BTF(), a.specs.ValueType(), a.specs.ValueSize(),
		a.opts.Cookie)
	if errors.Is(err, ErrNotSupported) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w: %w", err, syscall.EINVAL)
	}
	if a.ids, err = a.p.obj.usdtIDs.Take(len(values), a.specs.MaxEntries()); err != nil {
		return fmt.Errorf("%w: %w", err, syscall.E2BIG)
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
	for _, s := range a.probe.Sites {
		address := usdt.AddressKey(s.Address, a.addresses.KeySize())
		binary.NativeEndian.PutUint32(key[:], a.ids[s.Args])
		if err := a.addresses.Update(address, key[:], UpdateNoExist); err != nil {
			if errors.Is(err, ErrExist) {
				err = fmt.Errorf("a program of this object is attached to address %#x already, "+
					"and only kernels with cookies (5.15) distinguish them: %w", s.Address, err)
			}
			return err
		}
		a.keys = append(a.keys, s.Address)
	}
	return nil
}

// attach attaches to all places.
func (a *usdtAttachment) attach(m probe.Machine) (*Link, error) {
	if a.p.expected == uapi.AttachTraceUprobeMulti {
		return a.attachMulti()
	}
	var links Links
	for _, s := range a.probe.Sites {
		at := probe.Uprobe{
			File: a.file, Offset: s.Offset, RefCtrOffset: s.Semaphore, PID: a.opts.PID,
		}
		cookie := uint64(0)
		if a.addresses == nil {
			cookie = uint64(a.ids[s.Args])
		}
		link, err := a.p.attachUprobeAt(m, a.to, &at, ProbeDefault, cookie)
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
	set := probe.UprobeMulti{PID: a.opts.PID}
	counted := a.probe.HasSemaphore()
	for _, s := range a.probe.Sites {
		set.Offsets = append(set.Offsets, s.Offset)
		set.Cookies = append(set.Cookies, uint64(a.ids[s.Args]))
		if counted {
			set.RefCtrOffsets = append(set.RefCtrOffsets, s.Semaphore)
		}
	}
	return a.p.linkUprobes(a.to, a.file, &set)
}

// undo reverts write. The object and its maps may be closed already.
func (a *usdtAttachment) undo() error {
	var errs []error
	for _, address := range a.keys {
		err := a.addresses.Delete(usdt.AddressKey(address, a.addresses.KeySize()))
		if err != nil && !errors.Is(err, ErrClosed) {
			errs = append(errs, err)
		}
	}
	if len(a.ids) > 0 { // else the program may belong to no object
		a.p.obj.usdtIDs.Give(a.ids)
	}
	a.keys, a.ids = nil, nil
	return joinErrors(errs...)
}

// autoUSDT attaches SEC("usdt/path:provider:name") and SEC("usdt.s/...").
func (p *Program) autoUSDT() (*Link, error) {
	target, err := p.secTarget()
	if err != nil {
		return nil, err
	}
	parts := strings.SplitN(target, ":", 3)
	if len(parts) < 3 || slices.Contains(parts, "") {
		return nil, p.secFail(fmt.Errorf("want path:provider:name: %w", syscall.EINVAL))
	}
	return p.AttachUSDT(parts[0], parts[1], parts[2], nil)
}
