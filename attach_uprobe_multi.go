package bpf

import (
	"strings"

	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/internal/userfile"
)

// UprobeMultiOptions changes how a program attaches to many functions of a program or library.
type UprobeMultiOptions struct {
	Symbols []string // functions, as AttachUprobe takes them, instead of a pattern
	Offsets []uint64 // or offsets in the file, where instructions start, as for AttachUprobe
	// RefCtrOffsets are the file offsets of 16-bit counters that the kernel increments while the
	// probes exist, one for each of Symbols or Offsets; 0 for none.
	RefCtrOffsets []uint64
	Cookies       []uint64 // what bpf_get_attach_cookie returns, one for each of Symbols or Offsets
	PID           int      // only in this process, such as os.Getpid(); 0: all, also later ones
	Return        bool     // run it when the functions return (uretprobe.multi)
	// Session runs it at both; its result at entry decides whether it runs at return
	// (uprobe.session; 6.13)
	Session bool
}

// AttachUprobeMulti attaches the program to all functions of a program or library whose names match
// the pattern, at once and by one link (libbpf bpf_program__attach_uprobe_multi; 6.6). In a pattern
// '*' stands for any characters and '?' for one. A function with several matching names is attached
// to once for each name; old versions match as well, unless the pattern is a plain name. With
// Symbols or Offsets the pattern is "". file is as for AttachUprobe. The program must have been
// loaded for it: SEC("uprobe.multi"), SEC("uprobe.session").
//
// ErrNotExist if there is no such file, nothing matches or a function doesn't exist; EINVAL for an
// offset inside an instruction; ESRCH if there is no such process; ErrNotSupported on a kernel
// without such links.
func (p *Program) AttachUprobeMulti(file, pattern string, opts *UprobeMultiOptions) (*Link, error) {
	if opts == nil {
		opts = &UprobeMultiOptions{}
	}
	return p.attachUprobeMulti(file, pattern, *opts)
}

func (p *Program) attachUprobeMulti(file, pattern string, o UprobeMultiOptions) (*Link, error) {
	set := probe.UprobeMulti{
		Pattern: pattern, Symbols: o.Symbols, Offsets: o.Offsets, RefCtrOffsets: o.RefCtrOffsets,
		Cookies: o.Cookies, PID: o.PID, Return: o.Return, Session: o.Session,
	}
	to := set.Text(file)
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	section := "uprobe.multi"
	if o.Session {
		section = "uprobe.session"
	}
	err := set.Check()
	if err == nil {
		err = p.requireMulti(set.AttachType(), section)
	}
	var f *userfile.File
	if err == nil {
		f, err = set.Open(file)
	}
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	defer f.Close()
	return p.linkUprobes(to, f, &set)
}

// linkUprobes attaches p to the offsets of the set in a file.
func (p *Program) linkUprobes(to string, file *userfile.File,
	set *probe.UprobeMulti) (*Link, error) {
	fd, err := set.Attach(p.fd, file, p.running())
	if err != nil {
		a := explain.Attempt{
			Op: explain.UprobeMulti, File: file, PID: set.PID, Offsets: set.Offsets,
		}
		if set.Session {
			a.Session = set.AttachType()
		}
		return nil, p.attachRefused(&a, to, err)
	}
	return p.newLink(to, fd), nil
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
