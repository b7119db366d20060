package bpf

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/userfile"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// UprobeMultiOptions changes how a program attaches to many functions of a program or library.
type UprobeMultiOptions struct {
	Symbols []string // functions, as AttachUprobe takes them, instead of a pattern
	Offsets []uint64 // or offsets in the file, where instructions start, as for AttachUprobe
	// RefCtrOffsets are the file offsets of 16-bit counters that the kernel increments while the
	// probes exist, one for each of Symbols or Offsets; 0 for none.
	RefCtrOffsets []uint64
	Cookies       []uint64 // what bpf_get_attach_cookie returns, one for each of Symbols or Offsets
	PID           int      // only in this process; 0 means all, also those that start later
	Return        bool     // run it when the functions return (uretprobe.multi)
	// Session runs it at both; its result at entry decides whether it runs at return
	// (uprobe.session; 6.13)
	Session bool
}

// AttachUprobeMulti attaches the program to all functions of a program or library whose names match
// the pattern, at once and by one link (libbpf bpf_program__attach_uprobe_multi; 6.6). In a pattern
// '*' stands for any characters and '?' for one. A function with several matching names is attached
// to once for each name; old versions match as well, unless the pattern is a name. With Symbols or
// Offsets the pattern is "". file is as for AttachUprobe. The program must have been loaded for it:
// SEC("uprobe.multi"), SEC("uprobe.session").
//
// No privileges beyond those of the load. ErrNotExist if there is no such file, nothing matches or
// a function doesn't exist; EINVAL for an offset inside an instruction; ESRCH if there is no such
// process; ErrNotSupported on a kernel without such links. The caller closes the Link.
func (p *Program) AttachUprobeMulti(file, pattern string, opts *UprobeMultiOptions) (*Link, error) {
	if opts == nil {
		opts = &UprobeMultiOptions{}
	}
	return p.attachUprobeMulti(file, pattern, *opts)
}

// text returns the target: "uprobe.multi libc.so.6:mem*", "uretprobe.multi /bin/bash (12
// functions)".
func (o *UprobeMultiOptions) text(file, pattern string) string {
	kind := "uprobe.multi "
	switch {
	case o.Session:
		kind = "uprobe.session "
	case o.Return:
		kind = "uretprobe.multi "
	}
	text := kind + file
	if pattern == "" {
		text += fmt.Sprintf(" (%d functions)", max(len(o.Symbols), len(o.Offsets)))
	} else {
		text += ":" + pattern
	}
	return text + inProcess(o.PID)
}

func (o *UprobeMultiOptions) check(pattern string) error {
	n := max(len(o.Symbols), len(o.Offsets))
	switch {
	case o.Return && o.Session:
		return fmt.Errorf("a session sees returns anyway: %w", syscall.EINVAL)
	case len(o.Symbols) > 0 && len(o.Offsets) > 0:
		return fmt.Errorf("both names and offsets are given: %w", syscall.EINVAL)
	case pattern != "" && (n > 0 || len(o.Cookies) > 0 || len(o.RefCtrOffsets) > 0):
		return fmt.Errorf("a pattern goes without names, offsets, counters and cookies: %w",
			syscall.EINVAL)
	case pattern == "" && n == 0:
		return fmt.Errorf("neither a pattern nor functions are given: %w", syscall.EINVAL)
	case len(o.Cookies) > 0 && len(o.Cookies) != n:
		return fmt.Errorf("there are %d cookies for %d functions: %w",
			len(o.Cookies), n, syscall.EINVAL)
	case len(o.RefCtrOffsets) > 0 && len(o.RefCtrOffsets) != n:
		return fmt.Errorf("there are %d counters for %d functions: %w",
			len(o.RefCtrOffsets), n, syscall.EINVAL)
	case o.PID < 0:
		return fmt.Errorf("there is no process %d: %w", o.PID, syscall.EINVAL)
	}
	return nil
}

func (p *Program) attachUprobeMulti(file, pattern string, o UprobeMultiOptions) (*Link, error) {
	to := o.text(file, pattern)
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	err := o.check(pattern)
	if err == nil {
		err = p.requireUprobeMulti(&o)
	}
	var f *userfile.File
	if err == nil {
		f, o.Offsets, err = o.find(file, pattern)
	}
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	defer f.Close()
	return p.linkUprobes(to, f, &o)
}

// find opens the file and returns the offsets of the functions in it. The caller closes the file.
func (o *UprobeMultiOptions) find(name, pattern string) (*userfile.File, []uint64, error) {
	open := userfile.Open
	if len(o.Offsets) > 0 {
		open = userfile.OpenForOffsets
	}
	f, err := open(name, o.PID)
	if err != nil {
		return nil, nil, err
	}
	var offsets []uint64
	switch {
	case pattern != "":
		offsets, err = f.Match(pattern)
	case len(o.Symbols) > 0:
		offsets, err = f.Functions(o.Symbols)
	default:
		offsets, err = f.Offsets(o.Offsets)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, offsets, nil
}

// linkUprobes attaches p to o.Offsets of the file.
func (p *Program) linkUprobes(to string, file *userfile.File,
	o *UprobeMultiOptions) (*Link, error) {
	var link *Link
	err := file.Probe(false, func(path string) (err error) {
		link, err = p.linkUprobesAt(to, file, path, o)
		return err
	})
	if err != nil && link != nil {
		return nil, errors.Join(p.attachFail(to, err), link.Close())
	}
	return link, err
}

func (p *Program) linkUprobesAt(to string, file *userfile.File, path string,
	o *UprobeMultiOptions) (*Link, error) {
	name, err := sys.CString(path)
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	detail := sys.LinkUprobeMulti{
		Path: name, Offsets: sys.Slice(o.Offsets), RefCtrOffsets: sys.Slice(o.RefCtrOffsets),
		Cookies: sys.Slice(o.Cookies),
		Count:   uint32(len(o.Offsets)), PID: uint32(o.PID),
	}
	if o.Return {
		detail.Flags = sys.UprobeMultiReturn
	}
	attachType := uapi.AttachTraceUprobeMulti
	if o.Session {
		attachType = uapi.AttachTraceUprobeSession
	}
	fd, err := sys.LinkCreate(
		&sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), AttachType: attachType, Detail: &detail})
	if errors.Is(err, syscall.EINVAL) {
		if spec, btfErr := p.running().BTF(); btfErr == nil {
			if has, known := facts.HasEnumerator(spec, "bpf_link_type", "",
				int64(uapi.LinkUprobeMulti)); known && !has {
				err = fmt.Errorf("this kernel has no links to many uprobes (6.6): %w: %w",
					err, ErrNotSupported)
			}
		}
	}
	if err != nil {
		a := attempt{op: opUprobeMulti, program: p, file: file, pid: o.PID, offsets: o.Offsets}
		if o.Session {
			a.session = attachType
		}
		return nil, a.attachFail(to, err)
	}
	return p.newLink(to, fd), nil
}

// requireUprobeMulti refuses programs and options for which the kernel would answer a bare EINVAL.
// The attach type of a program that was opened by a pin or an id is unknown.
func (p *Program) requireUprobeMulti(o *UprobeMultiOptions) error {
	want, sec := uapi.AttachTraceUprobeMulti, "uprobe.multi"
	if o.Session {
		want, sec = uapi.AttachTraceUprobeSession, "uprobe.session"
	}
	if err := p.requireType(sec, uapi.ProgKprobe); err != nil {
		return err
	}
	if p.obj != nil && p.expected != want {
		return fmt.Errorf("the program was not loaded for it, as SEC(%q) is: %w",
			sec, syscall.EINVAL)
	}
	return nil
}

// autoUprobeMulti attaches SEC("uprobe.multi/path:pattern"), SEC("uretprobe.multi/...") and
// SEC("uprobe.session/..."), in every process.
func (p *Program) autoUprobeMulti() (*Link, error) {
	file, pattern, err := p.secFile()
	if err != nil {
		return nil, err
	}
	return p.AttachUprobeMulti(file, pattern, &UprobeMultiOptions{
		Return:  strings.HasPrefix(p.section, "uretprobe"),
		Session: strings.HasPrefix(p.section, "uprobe.session"),
	})
}
