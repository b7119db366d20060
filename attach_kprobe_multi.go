package bpf

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/glob"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/kernel"
)

// Moment says when a program that is attached to many functions runs.
type Moment uint8

const (
	AtEntry  Moment = iota // kprobe.multi, uprobe.multi
	AtReturn               // kretprobe.multi, uretprobe.multi
	// InSession means both: the program's result at entry decides whether it runs at return
	// (kprobe.session 6.10, uprobe.session 6.13)
	InSession
)

// KprobeMultiOptions changes how a program attaches to many kernel functions.
type KprobeMultiOptions struct {
	When        Moment
	UniqueMatch bool // refuse a pattern that doesn't match exactly one function
}

// KprobeList lists kernel functions, by their names or by their addresses.
type KprobeList struct {
	When      Moment
	Symbols   []string
	Addresses []uint64
	Cookies   []uint64 // what bpf_get_attach_cookie returns, one for each function
}

// AttachKprobeMulti attaches the program to all kernel functions whose names match the pattern, by
// one link (libbpf bpf_program__attach_kprobe_multi_opts; 5.18, and CONFIG_FPROBE). The program
// must have been loaded for it: SEC("kprobe.multi"), SEC("kprobe.session").
//
// Needs CAP_DAC_OVERRIDE to read tracefs, unless its mode was changed, and CAP_SYSLOG before 6.5.
// ErrNotExist if nothing matches; ErrNotSupported on a kernel without fprobes.
func (p *Program) AttachKprobeMulti(pattern string, opts *KprobeMultiOptions) (*Link, error) {
	if opts == nil {
		opts = &KprobeMultiOptions{}
	}
	return p.attachKprobes(p.running(), &probe.KprobeMulti{
		Pattern: pattern, Moment: probe.Moment(opts.When), Unique: opts.UniqueMatch,
	})
}

// AttachKprobeList is AttachKprobeMulti for the functions of a list, which needs no tracefs.
// ErrNotExist if a function doesn't exist.
func (p *Program) AttachKprobeList(list KprobeList) (*Link, error) {
	return p.attachKprobes(p.running(), &probe.KprobeMulti{
		Symbols: list.Symbols, Addresses: list.Addresses, Cookies: list.Cookies,
		Moment: probe.Moment(list.When),
	})
}

func (p *Program) attachKprobes(m probe.Tracefs, set *probe.KprobeMulti) (*Link, error) {
	to := set.String()
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	section := "kprobe.multi"
	if set.Moment == probe.InSession {
		section = "kprobe.session"
	}
	err := set.Check()
	if err == nil {
		err = p.requireMulti(set.AttachType(), section)
	}
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	a := explain.Attempt{Op: explain.KprobeMulti, Tracefs: m}
	if !set.Exact() {
		if err := set.Match(m); err != nil {
			a = explain.Attempt{
				Op: explain.Tracefs, Need: []kernel.Capability{kernel.CapSyslog},
				Access: tracefsAccess[:],
			}
			return nil, p.attachRefused(&a, to, err)
		}
		if err := set.CheckMatch(); err != nil {
			if !glob.HasWildcard(set.Pattern) {
				a.Symbols = []string{set.Pattern}
			}
			return nil, p.attachRefused(&a, to, err)
		}
	}
	fd, err := set.Attach(p.fd)
	if err != nil {
		a.Symbols = set.Names()
		return nil, p.attachRefused(&a, to, err)
	}
	return p.newLink(to, fd), nil
}

// autoKprobeMulti attaches SEC("kprobe.multi/pattern") and SEC("kretprobe.multi/pattern").
func (p *Program) autoKprobeMulti() (*Link, error) {
	if strings.HasPrefix(p.section, "kretprobe") {
		return p.autoPattern(AtReturn)
	}
	return p.autoPattern(AtEntry)
}

// autoKprobeSession attaches SEC("kprobe.session/pattern").
func (p *Program) autoKprobeSession() (*Link, error) {
	return p.autoPattern(InSession)
}

func (p *Program) autoPattern(when Moment) (*Link, error) {
	target, err := p.secTarget()
	if err != nil {
		return nil, err
	}
	pattern, rest := probe.ParsePattern(target)
	if pattern == "" {
		return nil, p.secFail(fmt.Errorf("no pattern is given: %w", syscall.EINVAL))
	}
	p.noteRest(rest)
	return p.AttachKprobeMulti(pattern, &KprobeMultiOptions{When: when})
}
