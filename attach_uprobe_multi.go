package bpf

import (
	"strings"

	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/internal/userfile"
)

// UprobeMultiOptions changes how a program attaches to many functions.
type UprobeMultiOptions struct {
	When Moment
	PID  int // run in this process only; 0 is every process, one's own is os.Getpid()
}

// UprobeList lists functions of a program or library, by their names or by offsets in the file,
// both as for AttachUprobe.
type UprobeList struct {
	When          Moment
	PID           int // run in this process only; 0 is every process, one's own is os.Getpid()
	Symbols       []string
	Offsets       []uint64
	RefCtrOffsets []uint64 // of semaphores in the file, one for each function; 0 for none
	Cookies       []uint64 // what bpf_get_attach_cookie returns, one for each function
}

// AttachUprobeMulti attaches the program to all functions of a program or library whose names match
// the pattern, by one link (libbpf bpf_program__attach_uprobe_multi; 6.6). A function with several
// matching names is attached to once for each name; old versions match as well, unless the pattern
// is a plain name. file is as for AttachUprobe. The program must have been loaded for it:
// SEC("uprobe.multi"), SEC("uprobe.session"). ErrNotExist if there is no such file or nothing
// matches; ESRCH if there is no such process; ErrNotSupported on a kernel without such links.
func (p *Program) AttachUprobeMulti(file, pattern string, opts *UprobeMultiOptions) (*Link, error) {
	if opts == nil {
		opts = &UprobeMultiOptions{}
	}
	return p.attachUprobes(file, &probe.UprobeMulti{
		Pattern: pattern, PID: opts.PID, Moment: probe.Moment(opts.When),
	})
}

// AttachUprobeList is AttachUprobeMulti for the functions of a list. ErrNotExist if one doesn't
// exist, EINVAL for an offset inside an instruction.
func (p *Program) AttachUprobeList(file string, list UprobeList) (*Link, error) {
	return p.attachUprobes(file, &probe.UprobeMulti{
		Symbols: list.Symbols, Offsets: list.Offsets, RefCtrOffsets: list.RefCtrOffsets,
		Cookies: list.Cookies, PID: list.PID, Moment: probe.Moment(list.When),
	})
}

func (p *Program) attachUprobes(file string, set *probe.UprobeMulti) (*Link, error) {
	to := set.Text(file)
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	section := "uprobe.multi"
	if set.Moment == probe.InSession {
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
	return p.linkUprobes(to, f, set)
}

// linkUprobes attaches p to the offsets of the set in a file.
func (p *Program) linkUprobes(to string, file *userfile.File,
	set *probe.UprobeMulti) (*Link, error) {
	fd, err := set.Attach(p.fd, file, p.running())
	if err != nil {
		a := explain.Attempt{
			Op: explain.UprobeMulti, File: file, PID: set.PID, Offsets: set.Offsets,
		}
		if set.Moment == probe.InSession {
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
	opts := UprobeMultiOptions{}
	switch {
	case strings.HasPrefix(p.section, "uretprobe"):
		opts.When = AtReturn
	case strings.HasPrefix(p.section, "uprobe.session"):
		opts.When = InSession
	}
	return p.AttachUprobeMulti(file, pattern, &opts)
}
